"""Which sound belongs to which frame of a clip, and which emotion shows when. Pure bookkeeping."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.errors import TooLarge
from digital_human_runtime.frames import EMOTIONS, Samples, Weights, frame_sample

LONGEST_CLIP = 300.0
LONGEST_BUFFER = 10.0
"""Seconds, as NVIDIA's service has them."""


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """One frame, its time in seconds since the start of the clip, and its sound."""

    time_code: float
    weights: NDArray[np.float32]
    pcm: bytes


class Timeline:
    """
    Joins sound and frames again: each frame leaves with the sound that it belongs to.

    A buffer may end inside a sample: the odd byte waits for the next one.
    """

    def __init__(self, sample_rate: int, fps: int) -> None:
        self._rate = sample_rate
        self._fps = fps
        self._odd = b""
        self._pcm = bytearray()
        self._pcm_start = 0
        """Sample that the first byte of ``_pcm`` belongs to."""
        self._frames: deque[NDArray[np.float32]] = deque()
        self._next = 0

    @property
    def samples(self) -> int:
        """How many samples have come."""
        return self._pcm_start + len(self._pcm) // 2

    @property
    def odd(self) -> bool:
        """Whether half a sample is left over."""
        return bool(self._odd)

    def take(self, buffer: bytes) -> Samples:
        """The samples of a buffer, perhaps none; raises TooLarge beyond the limits."""
        if len(buffer) > LONGEST_BUFFER * self._rate * 2:
            raise TooLarge(f"audio_buffer may hold {LONGEST_BUFFER:g} s at most: send smaller ones")
        data = self._odd + buffer
        whole = len(data) - len(data) % 2
        if self.samples + whole // 2 > LONGEST_CLIP * self._rate:
            raise TooLarge(f"A clip may last {LONGEST_CLIP:g} s at most: begin another stream")
        self._odd = data[whole:]
        self._pcm += data[:whole]
        return np.frombuffer(data, "<i2", whole // 2).astype(np.int16)

    def add(self, weights: Weights) -> None:
        """Take the next frames of the face."""
        self._frames.extend(weights)

    def settled(self, *, final: bool = False) -> Iterator[ClipFrame]:
        """Frames whose sound is complete; at the end all, the last one with all that is left."""
        while self._frames:
            last = final and len(self._frames) == 1
            until = frame_sample(self._next + 1, self._rate, self._fps)
            if not final and until > self.samples:
                return
            until = self.samples if last else min(until, self.samples)
            taken = max(0, until - self._pcm_start) * 2
            pcm = bytes(self._pcm[:taken])
            del self._pcm[:taken]
            self._pcm_start += taken // 2
            time_code = self._next / self._fps
            self._next += 1
            yield ClipFrame(time_code, self._frames.popleft(), pcm)


class Emotions:
    """The emotions that a client asks for, and how far the face has come to them."""

    def __init__(
        self, beginning: Mapping[str, float], *, strength: float, transition_seconds: float
    ) -> None:
        self._strength = strength
        self._transition = transition_seconds
        self._waiting: list[tuple[float, dict[str, float]]] = []
        self._announced: list[tuple[float, dict[str, float]]] = [(0.0, dict(beginning))]
        self._since = -transition_seconds
        self._from = self._target = self._scaled(beginning)

    def ask(self, at: float, emotions: Mapping[str, float]) -> None:
        """Note what shall show from ``at`` seconds on."""
        insort(self._waiting, (at, dict(emotions)), key=lambda one: one[0])

    def at(self, time: float) -> tuple[list[tuple[float, dict[str, float]]], dict[str, float]]:
        """What was asked for since the last look, and what shows now; ``time`` must grow."""
        while self._waiting and self._waiting[0][0] <= time:
            since, wish = self._waiting.pop(0)
            self._from = self._shown(since)
            self._since, self._target = since, self._scaled(wish)
            self._announced.append((since, wish))
        asked, self._announced = self._announced, []
        return asked, self._shown(time)

    def _scaled(self, wish: Mapping[str, float]) -> dict[str, float]:
        return {name: self._strength * wish.get(name, 0.0) for name in EMOTIONS}

    def _shown(self, time: float) -> dict[str, float]:
        way = min(1.0, max(0.0, (time - self._since) / self._transition))
        return {
            name: self._from[name] + way * (self._target[name] - self._from[name])
            for name in EMOTIONS
        }
