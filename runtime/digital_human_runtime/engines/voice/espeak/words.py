"""When words sound, with offsets into the text that was given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from digital_human_runtime.frames import Word

from .events import RawEvent

_IDEOGRAPH = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"([{_IDEOGRAPH}]+)|[^\s{_IDEOGRAPH}]+")


def speakable(text: str) -> str:
    """
    ``text`` with characters that the library would obey instead of read replaced by spaces.

    Control characters switch its settings, a NUL ends its text, lone surrogates have no UTF-8.
    The length stays, so that offsets into the result are offsets into ``text``.
    """
    return "".join(" " if unicodedata.category(c) in {"Cc", "Cs"} else c for c in text)


def words(events: Sequence[RawEvent], text: str) -> tuple[Word, ...]:
    """
    Words of one or more whole clauses; ``events`` end with an ``end``.

    A word is what stands between spaces, however many words it is read as: ``$29`` is one. Inside
    Chinese and Japanese script the library says where words are. A word ends where the next begins
    or a pause does.
    """
    spoken: list[Word] = []
    tokens = [(*match.span(), match.group(1) is not None) for match in _TOKEN.finditer(text)]
    for index, event in enumerate(events):
        if event.kind != "word":
            continue
        last = _end(events, index)
        start, end = _token(tokens, event.position)
        before = spoken[-1] if spoken else None
        if before is not None and start <= before.start:
            spoken[-1] = replace(before, last_sample=last)
            continue
        if before is not None and start < before.end:
            spoken[-1] = replace(before, end=start)
        spoken.append(Word(start, end, event.sample, last))
    return tuple(word for word in spoken if word.last_sample > word.first_sample)


def _end(events: Sequence[RawEvent], index: int) -> int:
    """The sample at which the word of ``events[index]`` is over."""
    for event in events[index + 1 :]:
        if event.kind != "phoneme" or event.name.startswith("_"):
            return event.sample
    return events[-1].sample


def _token(tokens: Sequence[tuple[int, int, bool]], position: int) -> tuple[int, int]:
    """What is spoken at ``position``, else the next, else the last."""
    for start, end, ideographs in tokens:
        if position < end:
            return (max(start, position) if ideographs else start), end
    return tokens[-1][:2] if tokens else (0, 0)
