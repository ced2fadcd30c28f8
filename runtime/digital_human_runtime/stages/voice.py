"""The voice stage: a clause becomes sound, with the times of its words on display."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from digital_human_runtime.errors import EngineFault
from digital_human_runtime.frames import Samples, Speech, Word
from digital_human_runtime.interfaces import Voice

from .clauses import Clause
from .speakable import Spoken, speakable


@dataclass(frozen=True, slots=True)
class Sound:
    """
    A piece of the sound of a clause.

    ``words`` are offsets into the whole answer on display; their samples count from the clause.
    """

    samples: Samples
    words: tuple[Word, ...]


class VoiceStage:
    """Speaks the clauses of one turn with one voice."""

    def __init__(self, voice: Voice, *, name: str, piece_seconds: float) -> None:
        self._voice = voice
        self._name = name
        self._piece_seconds = piece_seconds

    async def speak(self, clause: Clause) -> AsyncGenerator[Sound]:
        """
        Yield the sound of a clause; nothing for one that does not sound.

        Raises EngineFault, also when the voice takes too long for a piece.
        """
        spoken = Spoken("", ()) if clause.silent else speakable(clause.text)
        if not spoken.audible:
            return
        async with aclosing(self._voice.speak(spoken.text, voice=self._name)) as pieces:
            while (speech := await self._next(pieces)) is not None:
                words = tuple(_on_display(word, spoken, clause) for word in speech.words)
                yield Sound(speech.samples, words)

    async def _next(self, pieces: AsyncGenerator[Speech]) -> Speech | None:
        try:
            async with asyncio.timeout(self._piece_seconds):
                return await anext(pieces, None)
        except TimeoutError:
            raise EngineFault(
                f"The voice gave no sound for {self._piece_seconds:g} seconds; ask again."
            ) from None


def _on_display(word: Word, spoken: Spoken, clause: Clause) -> Word:
    start, end = spoken.display(word.start, word.end)
    return Word(clause.start + start, clause.start + end, word.first_sample, word.last_sample)
