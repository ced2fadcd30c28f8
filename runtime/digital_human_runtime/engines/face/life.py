"""
What a face does by itself: it blinks, looks around and moves its brows.

Everything is drawn from a seed and depends on time alone, not on frames or pieces: 30 and 60 frames
a second show the same blink at the same moment.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.frames import SHAPE_INDEX, SHAPES, Weights

_BLINK_EVERY = (2.0, 6.0)
_SHUT, _HELD, _OPENED = 0.07, 0.03, 0.14
"""Seconds in which lids fall, rest and rise."""
_DOUBLE = 0.12
"""Share of blinks that are followed by another at once."""
_LOOK_EVERY = (0.7, 2.8)
_GLANCE = 0.05
"""Seconds that eyes take to move."""
_AWAY = 0.22
_BROWS = ((0.13, 0.05), (0.31, 0.035), (0.57, 0.02))
"""Frequency in hertz and size of the waves that brows drift in."""

_Times = NDArray[np.float64]


def _pair(name: str) -> list[int]:
    return [SHAPE_INDEX[f"{name}Left"], SHAPE_INDEX[f"{name}Right"]]


_BLINK = _pair("eyeBlink")
_UP, _DOWN = _pair("eyeLookUp"), _pair("eyeLookDown")
_IN, _OUT = _pair("eyeLookIn"), _pair("eyeLookOut")
_OUTER, _INNER = _pair("browOuterUp"), SHAPE_INDEX["browInnerUp"]


class Life:
    """The seeded movements of one stream; frames are asked for one after another."""

    def __init__(self, seed: int) -> None:
        blinks, looks, brows = np.random.SeedSequence(seed % 2**32).spawn(3)
        self._blinks = _Events(np.random.default_rng(blinks), _BLINK_EVERY, double=_DOUBLE)
        self._looks = _Gaze(np.random.default_rng(looks))
        random = np.random.default_rng(brows)
        self._phases = random.uniform(0.0, 2.0 * np.pi, size=(2, len(_BROWS)))

    def frames(self, times: _Times) -> Weights:
        """What life adds to the shapes at these seconds, which grow from call to call."""
        weights = np.zeros((len(times), len(SHAPES)), dtype=np.float32)
        weights[:, _BLINK] = self._lids(times)[:, None]
        across, up = self._looks.at(times)
        # to the face's own left: the left eye turns outward, the right one inward
        weights[:, [_OUT[0], _IN[1]]] = np.maximum(across, 0.0)[:, None]
        weights[:, [_IN[0], _OUT[1]]] = np.maximum(-across, 0.0)[:, None]
        weights[:, _UP] = np.maximum(up, 0.0)[:, None]
        weights[:, _DOWN] = np.maximum(-up, 0.0)[:, None]
        weights[:, _INNER] = self._drift(times, 0)
        weights[:, _OUTER] = self._drift(times, 1)[:, None]
        return weights

    def _lids(self, times: _Times) -> _Times:
        lids = np.zeros(len(times))
        if not len(times):
            return lids
        for begin in self._blinks.between(times[0] - _SHUT - _HELD - _OPENED, times[-1]):
            falling = (times - begin) / _SHUT
            rising = (begin + _SHUT + _HELD + _OPENED - times) / _OPENED
            lids = np.maximum(lids, _smooth(np.clip(np.minimum(falling, rising), 0.0, 1.0)))
        return lids

    def _drift(self, times: _Times, brow: int) -> _Times:
        waves = [
            size * np.sin(2.0 * np.pi * hertz * times + phase)
            for (hertz, size), phase in zip(_BROWS, self._phases[brow], strict=True)
        ]
        return np.asarray(np.maximum(np.sum(waves, axis=0), 0.0))


class _Events:
    """Moments that follow each other at random distances; old ones are forgotten."""

    def __init__(
        self, random: np.random.Generator, every: tuple[float, float], *, double: float = 0.0
    ) -> None:
        self._random, self._every, self._double = random, every, double
        self._drawn: list[float] = [float(random.uniform(0.8, every[1]))]

    def between(self, first: float, last: float) -> list[float]:
        """Events of this time; ``first`` never goes back."""
        while self._drawn[-1] <= last:
            again = self._random.random() < self._double
            self._drawn.append(
                self._drawn[-1] + (0.3 if again else float(self._random.uniform(*self._every)))
            )
        while len(self._drawn) > 1 and self._drawn[0] < first:
            self._drawn.pop(0)
        return [at for at in self._drawn if first <= at <= last]


class _Gaze:
    """Where the eyes look: mostly at the listener, now and then beside."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._at = [0.0]
        self._to: list[NDArray[np.float64]] = [np.zeros(2)]

    def at(self, times: _Times) -> tuple[_Times, _Times]:
        """Left (positive) and up (positive) at these seconds."""
        if not len(times):
            return np.zeros(0), np.zeros(0)
        while self._at[-1] <= times[-1]:
            self._at.append(self._at[-1] + float(self._random.uniform(*_LOOK_EVERY)))
            beside = self._random.random() < 0.35
            self._to.append(self._random.uniform(-1.0, 1.0, 2) * (_AWAY if beside else 0.05))
        index = np.searchsorted(self._at, times, side="right") - 1
        targets = np.array(self._to)
        share = _smooth(np.clip((times - np.array(self._at)[index]) / _GLANCE, 0.0, 1.0))
        before = targets[np.maximum(index - 1, 0)]
        gaze = before + (targets[index] - before) * share[:, None]
        spare = max(0, int(index[0]) - 1)
        del self._at[:spare], self._to[:spare]
        return gaze[:, 0], 0.6 * gaze[:, 1]


def _smooth(level: _Times) -> _Times:
    return level * level * (3.0 - 2.0 * level)
