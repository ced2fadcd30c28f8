"""Synthetic speech: bursts of a tone, and a face that opens its mouth exactly while they sound."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from digital_human_runtime.frames import SHAPE_INDEX, SHAPES, frame_sample

SAMPLE_RATE = 22050
FPS = 30
PACKET = 2205
BURST_SECONDS = 0.25
"""A burst, then as long a pause, and so on."""
HEADER = struct.Struct("<BBHIQIIII")


def mouth_open(frame: int) -> bool:
    """Whether the frame belongs to a burst."""
    return int(frame / FPS / BURST_SECONDS) % 2 == 0


def packets(turn: int, seconds: float) -> Iterator[tuple[int, bytes]]:
    """Yield media frames of 100 ms, each with one past its last sample."""
    total = int(seconds * SAMPLE_RATE)
    time = np.arange(total) / SAMPLE_RATE
    bursts = (time / BURST_SECONDS).astype(int) % 2 == 0
    sound = (8000 * np.sin(2 * np.pi * 220 * time) * bursts).astype("<i2")
    frame = 0
    for first in range(0, total, PACKET):
        last = min(first + PACKET, total)
        frames: list[bytes] = []
        while frame_sample(frame + len(frames), SAMPLE_RATE, FPS) < last:
            frames.append(_weights(frame + len(frames)))
        yield last, _pack(turn, first, sound[first:last].tobytes(), frame, frames)
        frame += len(frames)


def _weights(frame: int) -> bytes:
    row = np.zeros(len(SHAPES), np.uint8)
    row[SHAPE_INDEX["jawOpen"]] = 204 if mouth_open(frame) else 0
    row[SHAPE_INDEX["browInnerUp"]] = 51
    return row.tobytes()


def _pack(turn: int, first: int, sound: bytes, frame: int, rows: list[bytes]) -> bytes:
    shape = len(SHAPES)
    header = HEADER.pack(1, 1, shape, turn, first, len(sound) // 2, frame, len(rows), 0)
    return header + sound + b"".join(rows)


def captions(turn: int, text: str, seconds: float) -> dict[str, Any]:
    """The caption of a turn: its words spread evenly over its sound."""
    total = int(seconds * SAMPLE_RATE)
    words = text.split()
    spans: list[list[int]] = []
    offset = 0
    for index, word in enumerate(words):
        start = text.index(word, offset)
        offset = start + len(word)
        first = total * index // len(words)
        spans.append([start, offset, first, total * (index + 1) // len(words)])
    return {
        "type": "caption",
        "turn": turn,
        "text": text,
        "firstSample": 0,
        "lastSample": total,
        "words": spans,
    }
