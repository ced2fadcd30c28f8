"""Frames at our rate from the frames of calls, whatever rate and beginning those have."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from digital_human_runtime.frames import SHAPES, Weights

from .segment import Timed


@dataclass(slots=True)
class Stretch:
    """The frames of one call, and where it lies in the stream, in seconds."""

    frames: Timed
    first: float
    last: float | None = None
    """None while it goes on."""
    complete: bool = False


class Timeline:
    """Takes frames by time; between two frames of a call both count by their distance."""

    def __init__(self, fps: int) -> None:
        self._fps = fps
        self._stretches: deque[Stretch] = deque()
        self._next = 0

    @property
    def given(self) -> int:
        """Frames taken so far."""
        return self._next

    def begin(self, frames: Timed, first: float) -> Stretch:
        """A call begins at second ``first`` of the stream."""
        stretch = Stretch(frames, first)
        self._stretches.append(stretch)
        return stretch

    def take(self, whole: int) -> Weights:
        """All frames that are certain by now, none from number ``whole`` on."""
        rows = []
        while self._next < whole:
            row = self._frame(self._next / self._fps)
            if row is None:
                break
            rows.append(row)
            self._next += 1
        return np.stack(rows) if rows else np.zeros((0, len(SHAPES)), dtype=np.float32)

    def _frame(self, now: float) -> Weights | None:
        while self._stretches and _is_over(self._stretches[0], now):
            self._stretches.popleft()
        if not self._stretches:
            return None
        stretch = self._stretches[0]
        at, weights = stretch.frames.at, stretch.frames.weights
        place = int(np.searchsorted(at, now - stretch.first))
        if place == len(at):
            return weights[-1] if stretch.complete and at else None
        if place == 0:
            return weights[0]
        before, after = at[place - 1], at[place]
        share = np.float32((now - stretch.first - before) / (after - before))
        return np.asarray(weights[place - 1] * (1 - share) + weights[place] * share)


def _is_over(stretch: Stretch, now: float) -> bool:
    """Whether a second belongs to a call that begins later, perhaps not yet."""
    return stretch.complete and stretch.last is not None and now >= stretch.last - 1e-9
