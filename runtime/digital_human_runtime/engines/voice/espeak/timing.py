"""
When phonemes really sound, from when eSpeak NG says that it begins to make them.

Its events mark steps of the synthesiser, not of a mouth: a voiceless stop is announced at its
release, after the silence of its closure; a voiced stop after a vowel at the onset of its closure;
a vowel after a nasal or liquid only once the transition into it is over. Labels taken from the
bare events close the lips 10 to 40 ms late. The sound itself tells the truth, so the borders are
looked up there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.frames import Phoneme, Samples

from .events import RawEvent

_STRESS = "'`,%=*"
_VOWELS = frozenset("aeiouyAEIOUVWY@038&")
_VOICELESS = frozenset("ptkcq")
_VOICED = frozenset("bdgJ")
_NASALS = frozenset("mnN")
_LIQUIDS = frozenset("lLrRwj*")
PAUSE = "_"
"""The symbol of every silence between phonemes."""

_HOP = 0.0025
_WINDOW = 0.010
_CLOSURE_LIMIT = 0.060
"""The longest closure before a stop after a pause; in seconds, as are all of these."""
_TRANSITION = 0.030
"""From a release that cannot be heard to the next phoneme."""
_PREVOICED = 0.040
"""A bare release of a voiced stop is shorter."""
_QUIET = 0.12
"""Share of the loudness before it under which a closure is (echo of some voices is below 0.1)."""
_RISE = 1.8
"""How much louder an open mouth is, at least."""
_STILL_CLOSED = 2.5
"""How much louder a closed mouth may become."""
_FEWEST, _AT_END = 8, 4
"""Frames: of a phoneme that something can be heard in, and of its end."""


@dataclass(frozen=True, slots=True)
class _Sound:
    samples: Samples
    rate: int
    start: int

    def levels(self, first: int, last: int, *, bright: bool = False) -> NDArray[np.float64]:
        """Loudness each 2.5 ms from ``first`` on; ``bright`` weighs high frequencies more."""
        hop, width = int(self.rate * _HOP), int(self.rate * _WINDOW if bright else self.rate * _HOP)
        begin, end = first - self.start, last - self.start
        piece = self.samples[begin : end + (width - hop)].astype(np.float64)
        if bright:
            piece = np.diff(piece, prepend=piece[:1])
        power = np.concatenate(([0.0], np.cumsum(piece * piece)))
        at = np.arange(0, max(0, end - begin), hop)
        until = np.minimum(at + width, len(piece))
        return np.sqrt((power[until] - power[at]) / np.maximum(1, until - at))


def phonemes(
    events: Sequence[RawEvent], samples: Samples, *, sample_rate: int, start: int = 0
) -> tuple[Phoneme, ...]:
    """
    Phonemes of one or more whole clauses, without gaps or overlaps.

    ``events`` end with an ``end``; ``samples`` hold the sound from sample ``start``, where the
    clause before fell silent, to that end. ``release_sample`` of a stop or nasal is where its
    closure, which begins at ``first_sample``, is over. Pauses have the symbol ``_``; what takes no
    time is left out. But for its last pause a clause does not depend on those after it.
    """
    sound = _Sound(samples, sample_rate, start)
    found: list[Phoneme] = []
    clause: list[RawEvent] = []
    for event in events:
        clause.append(event)
        if event.kind == "end":
            found, silent = settled(found, start)
            found += _clause(clause, silent, sound)
            start, clause = event.sample, []
    return tuple(found)


def settled(clause: Sequence[Phoneme], start: int) -> tuple[list[Phoneme], int]:
    """
    What of a clause will not change, and the sample at which the rest begins.

    The pause at its end may yet become a closure of the next clause. ``start`` is that of the
    rest if there is none.
    """
    if clause and clause[-1].symbol == PAUSE:
        return list(clause[:-1]), clause[-1].first_sample
    return list(clause), start


def to_the_end(found: Sequence[Phoneme], length: int) -> tuple[Phoneme, ...]:
    """The phonemes of an utterance, with the silence at its end up to ``length`` samples."""
    final, start = settled(found, found[-1].last_sample if found else 0)
    rest = (Phoneme(PAUSE, start, length),) if length > start else ()
    return (*final, *rest)


def _clause(events: Sequence[RawEvent], start: int, sound: _Sound) -> list[Phoneme]:
    spans = _spans([RawEvent("phoneme", start, 0, 0, PAUSE), *events])
    for index, span in enumerate(spans):
        before = spans[index - 1].symbol[:1] if index else PAUSE
        after = spans[index + 1].symbol[:1] if index + 1 < len(spans) else PAUSE
        initial = span.symbol[:1]
        if initial in _VOICELESS or initial in _VOICED:
            _stop(spans, index, sound)
        elif initial in _NASALS and after in _VOWELS:
            _nasal(spans, index, sound)
        elif initial in _NASALS:
            spans[index] = replace(span, release_sample=span.last_sample)
        elif initial in _VOWELS and before in _LIQUIDS:
            _liquid(spans, index, sound.rate)
    # a short pause may be a closure from beginning to end
    return [span for span in spans if span.last_sample > span.first_sample]


def without_stress(name: str) -> str:
    """``oU`` for ``'oU``; every kind of pause becomes ``_``."""
    symbol = name.lstrip(_STRESS) or name
    return PAUSE if symbol.startswith(PAUSE) else symbol


def _spans(events: Sequence[RawEvent]) -> list[Phoneme]:
    # names in parentheses announce another language: "(en)"
    borders = [e for e in events if e.kind != "word" and not e.name.startswith("(")]
    spans: list[Phoneme] = []
    for event, following in pairwise(borders):
        symbol = without_stress(event.name) if event.kind == "phoneme" else PAUSE
        if following.sample <= event.sample:
            continue
        if symbol == PAUSE and spans and spans[-1].symbol == PAUSE:
            spans[-1] = replace(spans[-1], last_sample=following.sample)
        else:
            spans.append(Phoneme(symbol, event.sample, following.sample))
    return spans


def _begin(spans: list[Phoneme], index: int, sample: int, release: int | None) -> None:
    """Let a phoneme begin at ``sample``, and the one before it end there."""
    spans[index] = replace(spans[index], first_sample=sample, release_sample=release)
    if index:
        spans[index - 1] = replace(spans[index - 1], last_sample=sample)
        closed = spans[index - 1].release_sample
        if closed is not None and closed > sample:
            spans[index - 1] = replace(spans[index - 1], release_sample=sample)


def _stop(spans: list[Phoneme], index: int, sound: _Sound) -> None:
    span = spans[index]
    closed = span.first_sample
    if index:
        closed -= _quiet_before(spans[index - 1], sound)
    release = span.first_sample
    after_vowel = index > 0 and spans[index - 1].symbol[:1] in _VOWELS
    if span.symbol[:1] in _VOICED and (after_vowel or _prevoiced(span, sound.rate)):
        release = _opening(span, sound)
    _begin(spans, index, closed, release)


def _prevoiced(span: Phoneme, rate: int) -> bool:
    """Whether there is more to a voiced stop than its release."""
    return span.last_sample - span.first_sample > _PREVOICED * rate


def _quiet_before(before: Phoneme, sound: _Sound) -> int:
    """Length of the silence at the end of ``before``, in samples; at most a long closure."""
    levels = sound.levels(before.first_sample, before.last_sample)
    limit = int(sound.rate * _CLOSURE_LIMIT)
    if not len(levels):
        return 0
    loud = np.flatnonzero(levels > max(_QUIET * levels.max(), 20.0))
    hop = int(sound.rate * _HOP)
    quiet_from = before.first_sample + (int(loud[-1]) + 1) * hop if len(loud) else 0
    # all of a phoneme is never a closure, all of a pause may be
    earliest = before.first_sample if before.symbol == PAUSE else before.first_sample + hop
    return max(0, min(limit, before.last_sample - max(quiet_from, earliest)))


def _rise(span: Phoneme, sound: _Sound) -> int | None:
    """The sample at which the mouth opens within ``span``, if that can be heard."""
    levels = sound.levels(span.first_sample, span.last_sample, bright=True)
    if len(levels) < _FEWEST:
        return None
    closed = max(float(np.median(levels[: len(levels) // 2])), 1.0)
    opened = float(np.median(levels[-_AT_END:]))
    if opened < _RISE * closed:
        return None
    held = np.flatnonzero(levels < closed * min(np.sqrt(opened / closed), _STILL_CLOSED))
    # a window looks ahead by its own length
    frames = int(held[-1]) + int(_WINDOW / _HOP)
    return span.first_sample + frames * int(sound.rate * _HOP)


def _opening(span: Phoneme, sound: _Sound) -> int:
    heard = _rise(span, sound)
    if heard is None or heard >= span.last_sample:
        return _before_end(span, sound.rate)
    return heard


def _before_end(span: Phoneme, rate: int) -> int:
    length = span.last_sample - span.first_sample
    return span.last_sample - min(int(rate * _TRANSITION), length // 2)


def _nasal(spans: list[Phoneme], index: int, sound: _Sound) -> None:
    """The lips or tongue open before the vowel is announced: the vowel begins there."""
    span = spans[index]
    release = _opening(span, sound)
    spans[index] = replace(span, release_sample=release)
    _begin(spans, index + 1, release, None)


def _liquid(spans: list[Phoneme], index: int, rate: int) -> None:
    """Half of the transition out of a liquid belongs to the vowel that follows it."""
    before = spans[index - 1]
    half = (spans[index].first_sample - _before_end(before, rate)) // 2
    _begin(spans, index, spans[index].first_sample - half, None)
