"""
One stream from sound to weights, without any waiting: hear, let the network answer, settle.

The network answers 100 times a second; frames are taken from its answers by time, so that any
frame rate and any sample rate fit. Frame ``k`` shows the second ``k / fps``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.engines.face import mouth as mouths
from digital_human_runtime.engines.face.compose import Composer
from digital_human_runtime.engines.face.emotions import Mood
from digital_human_runtime.engines.face.features import BANDS, FLOOR, RATE, Features, LogMel
from digital_human_runtime.engines.face.life import Life
from digital_human_runtime.engines.face.mouth import CLOSED, OUTPUTS, Mouth
from digital_human_runtime.frames import SHAPES, FaceOptions, Samples, Weights

from .network import Network, Work

_FLUSH_SECONDS = 0.2
"""Silence that brings out the last answers: look-ahead, half a window and the next answer."""
_EASE_SECONDS = 0.12
"""In which the face goes back to neutral before the sound ends."""
_QUIET_POWER = 10.0**-6.2
"""Of a full scale of 1: under it, -62 dB, there is nothing to hear."""
_QUIET_HOLD, _QUIET_FALL, _QUIET_RISE = 15, 8, 8
"""
Answers for which a quiet mouth is left alone (closures are quiet), in which it shuts, and in which
it opens ahead of sound; the look-ahead of the network is longer.
"""


class Performance:
    """State of one stream; not safe for use by two threads at once."""

    def __init__(
        self, network: Network, *, sample_rate: int, fps: int, options: FaceOptions
    ) -> None:
        self._rate, self._fps = sample_rate, fps
        self._hearing = LogMel(sample_rate)
        self._state = network.begin()
        self._late = network.look_ahead  # answers to come before the one of the first frame
        self._quiet = _Quiet()
        self._answers = np.zeros((0, len(OUTPUTS)), dtype=np.float32)
        self._first_answer = 0
        self._samples = 0
        self._frame = 0
        self._ended = False
        self._mood, self._life = Mood(options, fps), Life(options.seed)
        self._composer = Composer(options, fps)

    @property
    def samples(self) -> int:
        """Sound heard so far."""
        return self._samples

    def feel(self, emotions: Mapping[str, float], at_sample: int) -> None:
        """Express these emotions from a sample on; BadInput for one that does not exist."""
        self._mood.feel(emotions, at_sample / self._rate)

    def hear(self, samples: Samples) -> Work:
        """Take sound; the work is what the network has to do for it."""
        self._samples += len(samples)
        return self._work(self._hearing.push(samples))

    def end(self) -> Work:
        """Take the end of the sound; the work brings out the last frames."""
        self._ended = True
        silence = np.zeros(round(_FLUSH_SECONDS * self._rate), dtype=np.int16)
        return self._work(self._hearing.push(silence))

    def settle(self, work: Work) -> Weights:
        """Take the network's answers to a work; return the frames that are certain now."""
        self._state = work.state
        answers = np.concatenate([self._answers, *work.answered])
        early = min(self._late, len(answers))
        self._late -= early
        self._answers = answers[early:]
        return self._show(self._ready() - self._frame)

    def _work(self, features: Features) -> Work:
        self._quiet.hear(features)
        return Work(features, self._state, [])

    def _ready(self) -> int:
        """Frames whose answers, the one behind them included, are there."""
        whole = -(-self._samples * self._fps // self._rate)
        if self._ended:
            return whole
        known = self._first_answer + len(self._answers)
        # frame k lies before answer floor(k * RATE / fps) + 1
        ready = max(0, ((known - 1) * self._fps - 1) // RATE + 1) if known else 0
        return max(self._frame, min(ready, whole))

    def _show(self, count: int) -> Weights:
        if count <= 0:
            return np.zeros((0, len(SHAPES)), dtype=np.float32)
        frames = np.arange(self._frame, self._frame + count)
        times = frames / self._fps
        mouth = self._at(frames)
        self._frame += count
        composed = self._composer.compose(
            mouths.shapes(mouth),
            self._mood.frames(int(frames[0]), count),
            self._life.frames(times),
            mouth[:, CLOSED],
            self._presence(times),
        )
        self._forget()
        return composed

    def _at(self, frames: NDArray[np.int64]) -> Mouth:
        """Answers at the time of frames; between two answers both count by their distance."""
        place, rest = np.divmod(frames * RATE, self._fps)
        share = (rest / self._fps).astype(np.float32)[:, None]
        row = np.minimum(place - self._first_answer, len(self._answers) - 1)
        following = np.minimum(row + 1, len(self._answers) - 1)
        level = self._quiet.levels(self._first_answer, len(self._answers))[:, None]
        answers = self._answers * level
        between = answers[row] + (answers[following] - answers[row]) * share
        return np.asarray(between, dtype=np.float32)

    def _presence(self, times: NDArray[np.float64]) -> NDArray[np.float32]:
        if not self._ended:
            return np.ones(len(times), dtype=np.float32)
        last = (-(-self._samples * self._fps // self._rate) - 1) / self._fps
        share = np.clip((last - times) / _EASE_SECONDS, 0.0, 1.0)
        return (share * share * (3.0 - 2.0 * share)).astype(np.float32)

    def _forget(self) -> None:
        spare = self._frame * RATE // self._fps - self._first_answer
        spare = max(0, min(spare, len(self._answers) - 1))
        self._answers = self._answers[spare:]
        self._first_answer += spare
        self._quiet.forget(self._first_answer)


class _Quiet:
    """How much of the mouth is left where nothing is heard, answer by answer."""

    def __init__(self) -> None:
        self._run = 0
        self._levels = np.zeros(0, dtype=np.float32)
        self._first = 0

    def hear(self, features: Features) -> None:
        """Take the next features; the level of answer ``n`` is that of features ``n``."""
        if not len(features):
            return
        power = np.power(np.float32(10.0), features / np.float32(10.0)).sum(axis=1) - BANDS * FLOOR
        quiet = power < _QUIET_POWER
        index = np.arange(1, len(quiet) + 1)
        heard = np.maximum.accumulate(np.where(quiet, -self._run, index))
        runs = index - heard
        self._run = int(runs[-1])
        level = 1.0 - (runs - _QUIET_HOLD) / _QUIET_FALL
        level = np.clip(level, 0.0, 1.0).astype(np.float32)
        self._levels = np.concatenate((self._levels, level))

    def levels(self, first: int, count: int) -> NDArray[np.float32]:
        """Levels of answers ``first`` and those after it; they rise ahead of what is heard."""
        begin = first - self._first
        known = self._levels[begin : begin + count + _QUIET_RISE]
        known = np.pad(known, (0, max(0, count + _QUIET_RISE - len(known))))
        rising = [
            known[ahead : ahead + count] * np.float32(1 - ahead / _QUIET_RISE)
            for ahead in range(_QUIET_RISE)
        ]
        return np.asarray(np.max(rising, axis=0, initial=0.0), dtype=np.float32)

    def forget(self, first: int) -> None:
        """Answers before ``first`` will not be asked for again."""
        self._levels = self._levels[first - self._first :]
        self._first = first
