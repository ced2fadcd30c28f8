"""
Measures the network as it is served against voices that it has not heard.

Sound is synthesised anew and pushed in pieces of 100 ms through everything that a client's sound
goes through, onnxruntime included; torch is not needed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from digital_human_runtime.engines.face.embedded.network import Network
from digital_human_runtime.engines.face.embedded.performance import Performance
from digital_human_runtime.frames import FaceOptions, Phoneme, Samples, Weights

from . import flite, gates, noise, voices
from .corpus import HELD_OUT_TEXTS
from .dataset import Clip, padded, shifted
from .speech import Reading, Synthesiser

NOISES: tuple[int | None, ...] = (None, 20, 10)
"""Decibels of speech over noise; None is none."""
_BEFORE, _AFTER = 0.4, 0.6
_PIECE = 0.1


@dataclass(frozen=True, slots=True)
class Sound:
    """What is shown to the network, with where its phonemes are."""

    samples: Samples
    phonemes: Sequence[Phoneme]
    rate: int


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured on one family of voices."""

    family: str
    voices: int
    snr: int | None
    fps: int
    closures: int
    recall: float
    false: float
    jaw_correlation: float
    gap_in_silence: float
    offset_ms: float

    def values(self) -> dict[str, object]:
        """As JSON has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Gate:
    """A figure that must be reached."""

    name: str
    value: float
    limit: float
    at_least: bool

    @property
    def passed(self) -> bool:
        """Whether it is."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def held_out(
    synthesiser: Synthesiser, family: str, texts: Sequence[str] = HELD_OUT_TEXTS
) -> list[Sound]:
    """Texts of the gates by the held-out voices of ``formant`` or ``klatt``."""
    names = voices.HELD_OUT_FORMANT if family == "formant" else voices.HELD_OUT_KLATT
    read = [
        Reading(text, voices.spoken("en-us", name), rate=150 + 10 * (at % 5))
        for name in names
        for at, text in enumerate(texts)
    ]
    return [_sound(padded(s, before=_BEFORE, after=_AFTER)) for s in synthesiser.speak(read)]


def foreign(texts: Sequence[str] = HELD_OUT_TEXTS) -> list[Sound]:
    """The same by Flite; none where it is not installed."""
    if not flite.present():
        return []
    spoken = [flite.speak(text, name) for name in flite.VOICES for text in texts]
    return [
        _sound(padded(speech, before=_BEFORE, after=_AFTER, sample_rate=rate))
        for speech, rate in spoken
    ]


def _sound(clip: Clip) -> Sound:
    return Sound(clip.samples, shifted(clip), round(clip.sample_rate))


def perform(network: Network, samples: Samples, rate: int, fps: int) -> Weights:
    """The frames that a client would get."""
    performance = Performance(network, sample_rate=rate, fps=fps, options=FaceOptions())
    step = round(rate * _PIECE)
    parts = []
    for first in range(0, len(samples), step):
        work = performance.hear(samples[first : first + step])
        network.run([work])
        parts.append(performance.settle(work))
    work = performance.end()
    network.run([work])
    return np.concatenate([*parts, performance.settle(work)])


def measure(
    network: Network,
    family: str,
    sounds: Sequence[Sound],
    *,
    snr: int | None,
    fps: int = 30,
    count: int = 0,
) -> Row:
    """All sounds of a family, with noise or without; ``count`` is how many voices it has."""
    random, tally = np.random.default_rng(snr or 0), gates.Tally()
    for sound in sounds:
        heard = sound.samples
        if snr is not None:
            heard = noise.mixed(heard, snr, random, sound.rate)
        made = perform(network, heard, sound.rate, fps)
        gates.add(tally, made, sound.phonemes, sample_rate=sound.rate, fps=fps)
    return Row(
        family=family,
        voices=count,
        snr=snr,
        fps=fps,
        closures=tally.closures,
        recall=round(tally.recall, 4),
        false=round(tally.false, 4),
        jaw_correlation=round(tally.jaw_correlation, 3),
        gap_in_silence=round(tally.widest_in_silence, 3),
        offset_ms=round(tally.offset * 1000, 1),
    )


def all_rows(network: Network, synthesiser: Synthesiser) -> Iterator[Row]:
    """Every family in every noise, at 30 frames a second; without noise at 60 as well."""
    families = {
        "formant": (held_out(synthesiser, "formant"), len(voices.HELD_OUT_FORMANT)),
        "klatt": (held_out(synthesiser, "klatt"), len(voices.HELD_OUT_KLATT)),
        "flite": (foreign(), len(flite.VOICES)),
    }
    for family, (sounds, count) in families.items():
        if sounds:
            for snr in NOISES:
                yield measure(network, family, sounds, snr=snr, count=count)
            yield measure(network, family, sounds, snr=None, fps=60, count=count)


def judged(rows: Iterable[Row]) -> list[Gate]:
    """The gates of the families that have some; others are only reported."""
    found = []
    for row in rows:
        if row.family not in RECALL or row.snr == 10:
            continue
        noisy = f"{row.snr} dB noise" if row.snr else "no noise"
        name = f"{row.family}, {noisy}, {row.fps} fps"
        still = STILL if row.snr is None else STILL_IN_NOISE
        found += [
            Gate(f"closure recall ({name})", row.recall, RECALL[row.family], at_least=True),
            Gate(f"false closures ({name})", row.false, FALSE, at_least=False),
            Gate(f"jaw correlation ({name})", row.jaw_correlation, JAW, at_least=True),
            Gate(f"gap in silence ({name})", row.gap_in_silence, still, at_least=False),
        ]
    return found


RECALL = {"formant": 0.95, "klatt": 0.90}
FALSE, JAW = 0.01, 0.85
STILL, STILL_IN_NOISE = 0.05, 0.08
"""Lips closer than 0.08 look closed."""


def real_time_factor(network: Network, seconds: float = 30.0) -> float:
    """Processor time for each second of sound, one stream, everything included."""
    rate = 22050
    sound = noise.coloured("pink", int(seconds * rate), rate, np.random.default_rng(0))
    began = time.process_time()
    perform(network, sound, rate, 30)
    return (time.process_time() - began) / seconds
