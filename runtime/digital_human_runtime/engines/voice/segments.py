"""Cuts a long text where a speaker would pause."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PAUSES = (
    re.compile(r"[.!?…。！？]+[\"'”’»)\]]*(?=\s|$)|[。！？]|\n+"),  # noqa: RUF001 - Chinese marks
    re.compile(r"[,;:—、，；：]+(?=\s|$)|[、，；：]"),  # noqa: RUF001
    re.compile(r"\s+"),
)


def segments(text: str, longest: int) -> Iterator[tuple[int, str]]:
    """
    Yield pieces of at most ``longest`` characters, each with its offset; joined they are ``text``.

    They end after a sentence if one ends in the second half of what fits, else after a clause,
    else between words, else anywhere.
    """
    start = 0
    while len(text) - start > longest:
        end = start + _cut(text[start : start + longest])
        yield start, text[start:end]
        start = end
    if start < len(text):
        yield start, text[start:]


def _cut(window: str) -> int:
    for pause in _PAUSES:
        ends = [match.end() for match in pause.finditer(window)]
        if ends and ends[-1] >= len(window) // 2:
            return ends[-1]
    return len(window)
