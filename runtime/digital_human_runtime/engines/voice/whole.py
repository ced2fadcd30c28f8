"""A long text spoken in segments, each on its own, heard as one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from digital_human_runtime.errors import TooLarge
from digital_human_runtime.frames import Phoneme, Speech, Word

from .segments import segments
from .text import pronounceable, speakable

LONGEST_TEXT = 20_000


async def spoken(
    text: str, speak: Callable[[str], AsyncGenerator[Speech]], *, segment: int
) -> AsyncGenerator[Speech]:
    """
    Speak ``text`` by ``speak``, which is given at most ``segment`` characters at a time.

    Marks are moved so that they count from the beginning of ``text``. Of text without a letter,
    digit or symbol nothing is heard; more than ``LONGEST_TEXT`` characters raise TooLarge.
    """
    if len(text) > LONGEST_TEXT:
        raise TooLarge(f"text: {len(text)} characters are more than {LONGEST_TEXT}, split it")
    before = 0
    for offset, part in segments(speakable(text), segment):
        if not pronounceable(part):
            continue
        length = 0
        async with aclosing(speak(part)) as pieces:
            async for piece in pieces:
                length += len(piece.samples)
                yield moved(piece, characters=offset, samples=before)
        before += length


def moved(piece: Speech, *, characters: int, samples: int) -> Speech:
    """The piece as part of a longer text: its marks begin so much later."""
    if not characters and not samples:
        return piece
    return replace(
        piece,
        words=tuple(_moved_word(word, characters, samples) for word in piece.words),
        phonemes=tuple(_moved_phoneme(phoneme, samples) for phoneme in piece.phonemes),
    )


def _moved_word(word: Word, characters: int, samples: int) -> Word:
    return Word(
        word.start + characters,
        word.end + characters,
        word.first_sample + samples,
        word.last_sample + samples,
    )


def _moved_phoneme(phoneme: Phoneme, samples: int) -> Phoneme:
    release = phoneme.release_sample
    return replace(
        phoneme,
        first_sample=phoneme.first_sample + samples,
        last_sample=phoneme.last_sample + samples,
        release_sample=None if release is None else release + samples,
    )
