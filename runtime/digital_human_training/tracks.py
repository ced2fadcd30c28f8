"""
Where a mouth should be, a hundred times a second, from phonemes and their times.

Targets of neighbours are blended by dominance; closures of lips are laid over that, because they
are what a viewer checks: p, b and m touch, f and v roll the lower lip in, whatever is around.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.engines.face.features import RATE
from digital_human_runtime.engines.face.mouth import CLOSED, JAW, OUTPUT_INDEX, OUTPUTS, Mouth
from digital_human_runtime.frames import Phoneme

from .articulation import ARTICULATIONS, CLOSURE, DENTAL, VISEMES, Articulation
from .phonemes import Segment, is_bilabial, segments

_DECAY = {"jaw": 24.0, "lips": 17.0, "tongue": 30.0}
"""How fast a phoneme's influence fades beside it, a second: lips move ahead of the jaw."""
_NUCLEUS = 0.3
"""Share of a phoneme, on both sides of its middle, in which it insists fully."""
_LONG_PAUSE = 0.12
_RELAX, _PREPARE = 0.12, 0.08
"""Seconds in which the mouth shuts after speech and opens ahead of it."""
_CLOSING, _OPENING = (-0.018, 0.014), (-0.014, 0.016)
"""When lips begin and end to close around the onset of a closure, and to open at its release."""
_ROLLING = 0.045
_TONGUE = OUTPUT_INDEX["tongueOut"]


@dataclass(frozen=True, slots=True)
class Track:
    """Targets of one utterance."""

    mouth: Mouth
    visemes: NDArray[np.int64]
    """Index into VISEMES, shape (frames,)."""


def track(phonemes: Sequence[Phoneme], *, sample_rate: float, frames: int) -> Track:
    """The targets of frames 0..frames-1; what no phoneme covers is silence."""
    times = np.arange(frames) / RATE
    parts = [
        part
        for phoneme in phonemes
        if phoneme.last_sample > phoneme.first_sample
        for part in segments(
            phoneme.symbol, phoneme.first_sample / sample_rate, phoneme.last_sample / sample_rate
        )
    ]
    spoken = [part for part in parts if part.articulation is not None]
    if not spoken:
        return Track(np.zeros((frames, len(OUTPUTS)), np.float32), np.zeros(frames, dtype=np.int64))
    mouth = _blend(spoken, times) * _speaking(spoken, times)[:, None]
    for phoneme in phonemes:
        if is_bilabial(phoneme.symbol):
            _close(mouth, times, *_closure(phoneme, sample_rate))
    for part in spoken:
        if part.articulation == DENTAL:
            _roll(mouth, times, part)
    return Track(mouth.astype(np.float32), _labels(spoken, times))


def closures(phonemes: Sequence[Phoneme], sample_rate: float) -> list[tuple[float, float]]:
    """First and last second of every closure of p, b and m."""
    return [
        _closure(phoneme, sample_rate)
        for phoneme in phonemes
        if is_bilabial(phoneme.symbol) and phoneme.last_sample > phoneme.first_sample
    ]


def _closure(phoneme: Phoneme, sample_rate: float) -> tuple[float, float]:
    release = phoneme.last_sample if phoneme.release_sample is None else phoneme.release_sample
    return phoneme.first_sample / sample_rate, release / sample_rate


def _blend(spoken: Sequence[Segment], times: NDArray[np.float64]) -> NDArray[np.float64]:
    kinds = [ARTICULATIONS[part.articulation] for part in spoken if part.articulation]
    targets = np.array([_vector(kind) for kind in kinds])
    first = np.array([part.first for part in spoken])
    last = np.array([part.last for part in spoken])
    half = _NUCLEUS * (last - first)
    beside = np.maximum(np.abs(times[:, None] - (first + last) / 2) - half, 0.0)
    mouth = np.zeros((len(times), len(OUTPUTS)))
    groups = {"jaw": [JAW], "tongue": [_TONGUE]}
    groups["lips"] = [i for i in range(len(OUTPUTS)) if i not in (JAW, _TONGUE, CLOSED)]
    for name, columns in groups.items():
        insists = np.array([getattr(kind, name) for kind in kinds])
        weights = insists * np.exp(-_DECAY[name] * beside)
        total = weights.sum(axis=1, keepdims=True)
        mouth[:, columns] = (weights @ targets[:, columns]) / np.maximum(total, 1e-9)
    return mouth


def _vector(kind: Articulation) -> NDArray[np.float64]:
    vector = np.zeros(len(OUTPUTS))
    for name, value in kind.target.items():
        vector[OUTPUT_INDEX[name]] = value
    return vector


def _speaking(spoken: Sequence[Segment], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 in speech and in short pauses, 0 in long ones, with soft edges; shape (frames,)."""
    runs: list[list[float]] = []
    for part in spoken:
        if runs and part.first - runs[-1][1] < _LONG_PAUSE:
            runs[-1][1] = part.last
        else:
            runs.append([part.first, part.last])
    level = np.zeros(len(times))
    for first, last in runs:
        rising = np.clip((times - (first - _PREPARE)) / _PREPARE, 0.0, 1.0)
        falling = np.clip((last + _RELAX - times) / _RELAX, 0.0, 1.0)
        level = np.maximum(level, _smooth(rising) * _smooth(falling))
    return level


def _close(mouth: NDArray[np.float64], times: NDArray[np.float64], on: float, off: float) -> None:
    off = max(off, on + 0.03)
    closing = np.clip((times - on - _CLOSING[0]) / (_CLOSING[1] - _CLOSING[0]), 0.0, 1.0)
    opening = np.clip((off + _OPENING[1] - times) / (_OPENING[1] - _OPENING[0]), 0.0, 1.0)
    level = np.minimum(closing, opening)
    target = _vector(ARTICULATIONS[CLOSURE])
    rolls = [i for i in np.flatnonzero(target) if i != JAW]
    mouth[:, rolls] += level[:, None] * np.maximum(target[rolls] - mouth[:, rolls], 0.0)
    mouth[:, JAW] += level * (np.minimum(mouth[:, JAW], 0.16) - mouth[:, JAW])
    mouth[:, CLOSED] = np.maximum(mouth[:, CLOSED], level)


def _roll(mouth: NDArray[np.float64], times: NDArray[np.float64], part: Segment) -> None:
    middle, half = (part.first + part.last) / 2, (part.last - part.first) / 2
    level = _smooth(np.clip((half + _ROLLING / 2 - np.abs(times - middle)) / _ROLLING, 0.0, 1.0))
    target = _vector(ARTICULATIONS[DENTAL])
    for column in (OUTPUT_INDEX["mouthRollLower"], OUTPUT_INDEX["mouthUpperUp"]):
        mouth[:, column] += level * np.maximum(target[column] - mouth[:, column], 0.0)
    mouth[:, JAW] += level * (np.minimum(mouth[:, JAW], 0.14) - mouth[:, JAW])


def _labels(spoken: Sequence[Segment], times: NDArray[np.float64]) -> NDArray[np.int64]:
    labels = np.zeros(len(times), dtype=np.int64)
    for part in spoken:
        if part.articulation:
            inside = (times >= part.first) & (times < part.last)
            labels[inside] = VISEMES.index(ARTICULATIONS[part.articulation].viseme)
    return labels


def _smooth(level: NDArray[np.float64]) -> NDArray[np.float64]:
    return level * level * (3.0 - 2.0 * level)
