"""
Speech for the training: synthesised in this process, with every phoneme where it really is.

    synthesise(text: str, voice: str = "en-us", *, rate: int = 175, pitch: int = 50,
               pitch_range: int = 50, volume: int = 100, word_gap: int = 0,
               seed: int | None = None) -> Speech

Speech is ``frames.Speech``: int16 samples at ``SAMPLE_RATE`` (22050 Hz), words and phonemes.
``voice`` is a language, perhaps with a speaker variant: ``en-us``, ``de+f3``, ``en-us+klatt2``
(``variants()`` lists them: formant voices, and the Klatt ones ``klatt`` to ``klatt6``).

``Phoneme.symbol`` is the library's mnemonic without stress (``oU``, ``tS``, ``t2``, ``a#``, ``@``),
``_`` for silence; phonemes follow each other without gaps. The closure of a stop or nasal is
``[first_sample, release_sample)``, also where the library announces it later; what is then left
up to ``last_sample`` is burst, aspiration and transition.

One utterance takes some milliseconds. The library is a singleton and not thread-safe, and it is
under the GPL: call this in worker processes (started by spawn) that the training owns, never in
the process that serves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from digital_human_runtime.engines.voice.text import speakable
from digital_human_runtime.frames import Speech

from .binding import Library
from .events import RawEvent
from .names import VoiceNames
from .timing import phonemes, to_the_end
from .words import words

SAMPLE_RATE = 22050


@cache
def _library() -> Library:
    return Library()


@cache
def _names() -> VoiceNames:
    return VoiceNames(_library().languages(), _library().variants())


def version() -> str:
    """Of the library."""
    return _library().version


def languages() -> list[str]:
    """Language tags that can be spoken."""
    return sorted(_names().languages)


def variants() -> list[str]:
    """Speaker variants, to be put behind a language and a ``+``."""
    return sorted(_names().variants)


def synthesise(
    text: str,
    voice: str = "en-us",
    *,
    rate: int = 175,
    pitch: int = 50,
    pitch_range: int = 50,
    volume: int = 100,
    word_gap: int = 0,
    seed: int | None = None,
) -> Speech:
    """
    Speak ``text``: samples with all marks.

    ``rate`` is in words a minute, 80 to 450; ``pitch``, ``pitch_range`` and ``volume`` are 0 to
    100 (volume up to 200), ``word_gap`` is in tens of milliseconds. With a ``seed`` the
    same calls in the same order, in a new process, give the same samples. Raises BadInput for a
    voice that does not exist.
    """
    library = _library()
    library.set_voice(_names().resolve(voice))
    library.set_parameters(
        rate=rate, pitch=pitch, pitch_range=pitch_range, volume=volume, word_gap=word_gap
    )
    if seed is not None:
        library.seed(seed)
    pcm = bytearray()
    events: list[RawEvent] = []

    def take(piece: bytes, happened: Sequence[RawEvent]) -> bool:
        pcm.extend(piece)
        events.extend(happened)
        return True

    library.synthesise(speakable(text), take)
    samples = np.frombuffer(bytes(pcm), np.int16)
    made = phonemes(events, samples, sample_rate=SAMPLE_RATE)
    return Speech(samples, words(events, text), to_the_end(made, len(samples)))
