"""Speech of many voices as one long strip of features with targets beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.engines.face.features import FLOOR, RATE, LogMel
from digital_human_runtime.engines.face.mouth import Mouth
from digital_human_runtime.frames import Phoneme, Samples, Speech

from . import voices
from .corpus import sentence
from .speech import SAMPLE_RATE, Reading, Synthesiser
from .tracks import track

_SILENCE = (0.25, 0.9)
"""Seconds of silence around each utterance."""
_LONG_SILENCE, _LONG_SHARE = (1.5, 3.0), 0.06
_SPEED = 0.16
"""Sound is taken as if sampled this much faster or slower: other throats and pitches for free."""


@dataclass(frozen=True, slots=True)
class Strip:
    """All of the training's speech, frame by frame."""

    power: NDArray[np.float32]
    """In each band, of a full scale of 1, without any noise; shape (frames, BANDS)."""
    mouth: Mouth
    visemes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Clip:
    """An utterance with silence around it."""

    samples: Samples
    speech: Speech
    sample_rate: float
    offset: int
    """Samples of silence before the speech."""


def readings(count: int, random: np.random.Generator) -> list[Reading]:
    """What is read for the training, by whom and how."""
    return [_reading(random) for _ in range(count)]


def _reading(random: np.random.Generator) -> Reading:
    family = voices.TRAIN_KLATT if random.random() < voices.KLATT_SHARE else voices.TRAIN_FORMANT
    language = voices.LANGUAGES[int(random.integers(len(voices.LANGUAGES)))]
    return Reading(
        text=sentence(language, random),
        voice=voices.spoken(language, family[int(random.integers(len(family)))]),
        rate=int(random.integers(120, 240)),
        pitch=int(random.integers(20, 85)),
        pitch_range=int(random.integers(15, 85)),
    )


def strip(
    synthesiser: Synthesiser,
    *,
    seconds: float,
    random: np.random.Generator,
    progress: Callable[[float], None] = lambda _: None,
) -> Strip:
    """Speak until there are ``seconds`` of sound; ``progress`` is told the share that is done."""
    parts: list[Strip] = []
    made = 0
    while made < seconds * RATE:
        for speech in synthesiser.speak(readings(64, random)):
            part = _part(_clip(speech, random), random)
            parts.append(part)
            made += len(part.power)
        progress(min(1.0, made / (seconds * RATE)))
    return Strip(
        np.concatenate([part.power for part in parts]),
        np.concatenate([part.mouth for part in parts]),
        np.concatenate([part.visemes for part in parts]),
    )


def _clip(speech: Speech, random: np.random.Generator) -> Clip:
    longer = random.random() < _LONG_SHARE
    before, after = random.uniform(*(_LONG_SILENCE if longer else _SILENCE), size=2)
    return padded(
        speech,
        before=before,
        after=after,
        sample_rate=SAMPLE_RATE * float(np.exp(random.uniform(-_SPEED, _SPEED))),
    )


def padded(
    speech: Speech, *, before: float, after: float, sample_rate: float = SAMPLE_RATE
) -> Clip:
    """Put silence around speech; times are in seconds."""
    quiet = [np.zeros(int(time * sample_rate), dtype=np.int16) for time in (before, after)]
    samples = np.concatenate((quiet[0], speech.samples, quiet[1]))
    return Clip(samples, speech, sample_rate, len(quiet[0]))


def _part(clip: Clip, random: np.random.Generator) -> Strip:
    rate = round(clip.sample_rate)
    loudest = max(int(np.abs(clip.samples).max()), 1)
    # the level of synthesised speech says nothing about that of other speech
    level = 10.0 ** (random.uniform(-12.0, 0.0) / 20.0) * 29000.0 / loudest
    samples = np.clip(clip.samples * level, -32768, 32767).astype(np.int16)
    power = np.maximum(10.0 ** (LogMel(rate).push(samples) / 10.0) - FLOOR, 0.0)
    targets = track(shifted(clip), sample_rate=clip.sample_rate, frames=len(power))
    return Strip(power.astype(np.float32), targets.mouth, targets.visemes)


def shifted(clip: Clip) -> list[Phoneme]:
    """The phonemes of a clip, counted from its beginning."""
    return [
        replace(
            phoneme,
            first_sample=phoneme.first_sample + clip.offset,
            last_sample=phoneme.last_sample + clip.offset,
            release_sample=None
            if phoneme.release_sample is None
            else phoneme.release_sample + clip.offset,
        )
        for phoneme in clip.speech.phonemes
    ]


@dataclass(frozen=True, slots=True)
class Batch:
    """What the network is given and shall answer; shapes begin with (batch, frames)."""

    features: NDArray[np.float32]
    mouth: Mouth
    visemes: NDArray[np.int64]


def batches(
    strip: Strip,
    augment: Callable[[NDArray[np.float32], Mouth, NDArray[np.int64]], NDArray[np.float32]],
    *,
    size: int,
    frames: int,
    count: int,
    random: np.random.Generator,
) -> Iterator[Batch]:
    """``count`` batches of random stretches; ``augment`` turns powers into features."""
    for _ in range(count):
        starts = random.integers(0, len(strip.power) - frames, size=size)
        index = starts[:, None] + np.arange(frames)
        mouth, visemes = strip.mouth[index], strip.visemes[index]
        features = augment(strip.power[index], mouth, visemes)
        yield Batch(features, mouth, visemes)
