"""Media frames as docs/protocol/conversation.md lays them out, read without the server's code."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_HEADER = struct.Struct("<BBHIQIIII")


@dataclass(frozen=True, slots=True)
class MediaFrame:
    """One binary message."""

    turn: int
    first_sample: int
    samples: NDArray[np.int16]
    first_frame: int
    weights: NDArray[np.float32]
    """Shape (frames, shapes), 0..1."""


def read(message: bytes) -> MediaFrame:
    """Take a binary message apart; ValueError when it is not what the protocol says."""
    if len(message) < _HEADER.size:
        raise ValueError(f"a media frame of {len(message)} bytes is shorter than its header")
    version, kind, shapes, turn, first_sample, samples, first_frame, frames, zero = (
        _HEADER.unpack_from(message)
    )
    if (version, kind, zero) != (1, 1, 0):
        raise ValueError(f"version {version}, kind {kind} and padding {zero} are not 1, 1 and 0")
    sound_end = _HEADER.size + 2 * samples
    if len(message) != sound_end + frames * shapes:
        raise ValueError(f"{len(message)} bytes do not hold {samples} samples and {frames} frames")
    return MediaFrame(
        turn,
        first_sample,
        np.frombuffer(message, "<i2", samples, _HEADER.size),
        first_frame,
        np.frombuffer(message, np.uint8, frames * shapes, sound_end)
        .reshape(frames, shapes)
        .astype(np.float32)
        * np.float32(1 / 255),
    )
