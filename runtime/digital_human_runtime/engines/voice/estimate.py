"""When words sound, for voices that do not say: guessed by their length."""

from __future__ import annotations

import re

import numpy as np

from digital_human_runtime.frames import Samples, Word

from .text import pronounceable

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")
_PAUSE = {",": 2, ";": 3, ":": 3, ".": 4, "!": 4, "?": 4, "、": 2, "。": 4}
"""Characters that the pause after a mark is as long as."""
_SILENCE = 200
"""Loudest sample of what nobody hears."""


def words_by_length(text: str, samples: Samples) -> tuple[Word, ...]:
    """
    Share the sound among the words of ``text``, by characters and pauses.

    The silence around the speech belongs to no word. These are estimates: some tenths of a second
    wrong in a long sentence.
    """
    tokens = [match.span() for match in _TOKEN.finditer(text) if pronounceable(match.group())]
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _SILENCE)
    if not tokens or not len(loud):
        return ()
    lengths = [end - start + 1 for start, end in tokens]
    steps = [n + _PAUSE.get(text[end - 1], 0) for n, (_, end) in zip(lengths, tokens, strict=True)]
    first, whole = int(loud[0]), int(loud[-1]) + 1 - int(loud[0])
    total = sum(steps[:-1]) + lengths[-1]
    marks, passed = [], 0
    for (start, end), length, step in zip(tokens, lengths, steps, strict=True):
        begin = first + whole * passed // total
        marks.append(Word(start, end, begin, first + whole * (passed + length) // total))
        passed += step
    return tuple(word for word in marks if word.last_sample > word.first_sample)
