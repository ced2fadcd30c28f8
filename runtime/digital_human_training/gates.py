"""
How well lips follow speech, measured on the weights that a client would get.

A closure is recalled when, within 20 ms of the interval in which p, b or m close the lips, there is
a frame whose lips look closed (more than 0.5) with the jaw below 0.3. Frames of vowels that look so
are false closures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.engines.face import mouth
from digital_human_runtime.engines.face.features import RATE
from digital_human_runtime.frames import SHAPE_INDEX, Phoneme, Weights

from .phonemes import is_vowel
from .tracks import closures, track

TOLERANCE = 0.020
CLOSED, JAW_LOW = 0.5, 0.3
_SILENT_AFTER = 0.2
_JAW = SHAPE_INDEX["jawOpen"]


@dataclass(slots=True)
class Tally:
    """Counts over many clips; the shares are properties."""

    closures: int = 0
    recalled: int = 0
    vowel_frames: int = 0
    false_frames: int = 0
    jaw: list[NDArray[np.float64]] = field(default_factory=list)
    wanted: list[NDArray[np.float64]] = field(default_factory=list)
    silence: list[float] = field(default_factory=list)
    offsets: list[float] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Share of closures that can be seen."""
        return self.recalled / self.closures if self.closures else 0.0

    @property
    def false(self) -> float:
        """Share of frames of vowels with closed lips."""
        return self.false_frames / self.vowel_frames if self.vowel_frames else 1.0

    @property
    def jaw_correlation(self) -> float:
        """Between the jaw and its target by rule, Pearson's."""
        if not self.jaw:
            return 0.0
        pair = np.corrcoef(np.concatenate(self.jaw), np.concatenate(self.wanted))
        return float(pair[0, 1])

    @property
    def widest_in_silence(self) -> float:
        """Gap of the lips in silence that 99 of 100 clips stay below."""
        return float(np.quantile(self.silence, 0.99)) if self.silence else 0.0

    @property
    def offset(self) -> float:
        """Median distance of seen closures from the middle of theirs in seconds; late is > 0."""
        return float(np.median(self.offsets)) if self.offsets else 0.0


def add(
    tally: Tally,
    weights: Weights,
    phonemes: Sequence[Phoneme],
    *,
    sample_rate: float,
    fps: int,
    timed_jaw: bool = True,
) -> None:
    """Count one clip: ``weights`` have a row for each frame, phonemes count its samples."""
    times = np.arange(len(weights)) / fps
    seen = (mouth.closed(weights) > CLOSED) & (weights[:, _JAW] < JAW_LOW)
    for first, last in closures(phonemes, sample_rate):
        inside = (times >= first - TOLERANCE) & (times <= last + TOLERANCE)
        tally.closures += 1
        if seen[inside].any():
            tally.recalled += 1
            found = times[inside][seen[inside]]
            tally.offsets.append(float(found.mean()) - (first + last) / 2)
    for phoneme in phonemes:
        if is_vowel(phoneme.symbol):
            inside = times * sample_rate >= phoneme.first_sample
            inside &= times * sample_rate < phoneme.last_sample
            tally.vowel_frames += int(inside.sum())
            tally.false_frames += int(seen[inside].sum())
    _silence(tally, weights, phonemes, times * sample_rate, sample_rate)
    if timed_jaw:
        _jaw(tally, weights, phonemes, times, sample_rate)


def _silence(
    tally: Tally,
    weights: Weights,
    phonemes: Sequence[Phoneme],
    at: NDArray[np.float64],
    sample_rate: float,
) -> None:
    spoken = [phoneme for phoneme in phonemes if not phoneme.symbol.startswith("_")]
    if not spoken:
        return
    pause = _SILENT_AFTER * sample_rate
    quiet = (at > spoken[-1].last_sample + pause) | (at < spoken[0].first_sample - pause)
    if quiet.any():
        tally.silence.append(float(mouth.gap(weights[quiet]).max()))


def _jaw(
    tally: Tally,
    weights: Weights,
    phonemes: Sequence[Phoneme],
    times: NDArray[np.float64],
    sample_rate: float,
) -> None:
    steps = int(np.ceil(times[-1] * RATE)) + 2
    wanted = track(phonemes, sample_rate=sample_rate, frames=steps).mouth
    shapes = mouth.shapes(wanted)[:, _JAW]
    tally.jaw.append(weights[:, _JAW].astype(np.float64))
    tally.wanted.append(np.interp(times, np.arange(steps) / RATE, shapes))
