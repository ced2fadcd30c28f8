"""The sound of a WAV file that comes piece by piece, at the rate that is wanted."""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import numpy as np
import soxr

from digital_human_runtime.errors import EngineFault

_RIFF = struct.Struct("<4sI4s")
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_LEAST_RATE, _MOST_RATE = 4_000, 192_000
"""Hertz that a voice may have; beyond them the file is damaged."""


async def sound(chunks: AsyncIterator[bytes], wanted: int, server: str) -> AsyncGenerator[bytes]:
    """
    Yield what the file holds as 16-bit PCM at ``wanted`` hertz.

    n samples of another rate become floor or ceil of n * wanted / rate. EngineFault, which names
    ``server``, when it is no such file or its sound is not 16 bit, mono.
    """
    head, left = b"", 0
    rates: _Rates | None = None
    async for chunk in chunks:
        fresh = chunk
        if rates is None:
            head += chunk
            found = _data(head, server)
            if found is None:
                continue
            rates, left, fresh = _Rates(found.rate, wanted), found.size, head[found.start :]
        yield rates.changed(fresh[:left])
        left -= min(left, len(fresh))
    if rates is not None:
        yield rates.rest()


class _Rates:
    """Turns PCM of one rate into PCM of another; half a sample waits for its other half."""

    def __init__(self, rate: int, wanted: int) -> None:
        same = rate == wanted
        self._stream = None if same else soxr.ResampleStream(rate, wanted, 1, dtype="int16")
        self._half = b""

    def changed(self, pcm: bytes) -> bytes:
        """What is settled by now, perhaps nothing."""
        return self._change(pcm, last=False)

    def rest(self) -> bytes:
        """What the resampler has held back, some milliseconds."""
        return self._change(b"", last=True)

    def _change(self, pcm: bytes, *, last: bool) -> bytes:
        if self._stream is None:
            return pcm
        whole = self._half + pcm
        even = len(whole) & ~1
        self._half = whole[even:]
        samples = np.frombuffer(whole[:even], "<i2").astype(np.int16, copy=False)
        made: np.ndarray[tuple[int, ...], np.dtype[np.int16]]
        made = self._stream.resample_chunk(samples, last=last)
        return made.astype("<i2", copy=False).tobytes()


@dataclass(frozen=True, slots=True)
class _Data:
    """Where the sound begins, how many bytes it has, and its rate in hertz."""

    start: int
    size: int
    rate: int


def _data(head: bytes, server: str) -> _Data | None:
    """What the beginning of a file says of its sound; None when more is needed to know."""
    if len(head) < _RIFF.size:
        return None
    riff, _, wave = _RIFF.unpack_from(head)
    at, rate = _RIFF.size, 0
    while (riff, wave) == (b"RIFF", b"WAVE"):
        if at + _CHUNK.size > len(head):
            return None
        name, size = _CHUNK.unpack_from(head, at)
        at += _CHUNK.size
        if name == b"data":
            if rate:
                return _Data(at, size, rate)
            break  # sound of which nothing is known
        if name == b"fmt " and at + _FORMAT.size <= len(head):
            rate = _rate(head, at, server)
        at += size + size % 2
    raise EngineFault(f"{server} answered with something that is no WAV file")


def _rate(head: bytes, at: int, server: str) -> int:
    _, channels, rate, _, _, bits = _FORMAT.unpack_from(head, at)
    if (channels, bits) != (1, 16) or not _LEAST_RATE <= rate <= _MOST_RATE:
        raise EngineFault(
            f"{server} speaks at {rate} Hz with {channels} channels of {bits} bit;"
            f" wanted are {_LEAST_RATE} to {_MOST_RATE} Hz, 1 of 16"
        )
    return int(rate)
