"""When words sound, with offsets into the text that was given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from digital_human_runtime.frames import Word

from .events import RawEvent

_IDEOGRAPH = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_MARKS = "\u3000-\u303f\uff01-\uff0f\uff1a-\uff20"
"""Punctuation of Chinese and Japanese, which stands between words without spaces."""
_TOKEN = re.compile(rf"([{_IDEOGRAPH}]+)|[^\s{_IDEOGRAPH}{_MARKS}]+")


def words(events: Sequence[RawEvent], text: str) -> tuple[Word, ...]:
    """
    Words of one or more whole clauses; ``events`` end with an ``end``.

    A word is what stands between spaces, however many words it is read as: ``$29`` is one; what is
    read as one is one word too: ``of a``. Inside Chinese and Japanese script the library says where
    words are. A word ends where the next begins or a pause does.
    """
    tokens = [(*match.span(), match.group(1) is not None) for match in _TOKEN.finditer(text)]
    spoken: list[Word] = []
    for index, event in enumerate(events):
        if event.kind == "end" and spoken and event.position > spoken[-1].end:
            spoken[-1] = _until(spoken[-1], event.position, text)
        if event.kind != "word":
            continue
        start, end = _token(tokens, event.position)
        last = _silent_from(events, index)
        if spoken and start <= spoken[-1].start:
            spoken[-1] = replace(spoken[-1], last_sample=last)
            continue
        if spoken:
            spoken[-1] = _until(spoken[-1], start, text)
        spoken.append(Word(start, end, event.sample, last))
    return tuple(word for word in spoken if word.last_sample > word.first_sample)


def _until(word: Word, following: int, text: str) -> Word:
    """The word, with what stands up to ``following`` and was not announced on its own."""
    if following <= word.end:
        return replace(word, end=max(following, word.start + 1))
    skipped = text[word.end : following].rstrip()
    if any(character.isalnum() for character in skipped):
        return replace(word, end=word.end + len(skipped))
    return word


def _silent_from(events: Sequence[RawEvent], index: int) -> int:
    """The sample after which nothing of the word of ``events[index]`` is heard."""
    silent: int | None = None
    for event in events[index + 1 :]:
        if event.kind != "phoneme":
            return event.sample if silent is None else silent
        if not event.name.startswith("_"):
            silent = None
        elif silent is None:
            silent = event.sample
    return events[-1].sample if silent is None else silent


def _token(tokens: Sequence[tuple[int, int, bool]], position: int) -> tuple[int, int]:
    """What is spoken at ``position``, else the next, else the last."""
    for start, end, ideographs in tokens:
        if position < end:
            return (max(start, position) if ideographs else start), end
    return tokens[-1][:2] if tokens else (0, 0)
