"""The second stage of a turn: clauses become sound, as far ahead as the queue allows."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass

from digital_human_runtime.stages import Bounded, Clause, Sound, VoiceStage

from .ended import Ended, ended_by


@dataclass(frozen=True, slots=True)
class ClauseBegins:
    """The sound that follows is that of this clause."""

    clause: Clause


@dataclass(frozen=True, slots=True)
class ClauseEnds:
    """All sound of the clause was given."""


Spoken = ClauseBegins | Sound | ClauseEnds | Ended


async def speak(
    voice: VoiceStage, clauses: Bounded[Clause | Ended], sounds: Bounded[Spoken]
) -> None:
    """
    Speak clause after clause, then put an ``Ended``. Never raises.

    A fault of the model ends the turn after the clause that is being spoken: those that wait are
    not begun.
    """
    try:
        while not isinstance(item := await clauses.get(), Ended):
            await _speak_clause(voice, item, sounds)
            if (end := clauses.last) is not None and isinstance(end, Ended) and end.fault:
                item = end
                break
    except Exception as error:  # noqa: BLE001  # the queue carries it on
        item = ended_by(error)
    await sounds.put(item)


async def _speak_clause(voice: VoiceStage, clause: Clause, sounds: Bounded[Spoken]) -> None:
    begun = False
    async with aclosing(voice.speak(clause)) as pieces:
        async for sound in pieces:
            if not begun:
                await sounds.put(ClauseBegins(clause), 0)
                begun = True
            await sounds.put(sound, len(sound.samples))
    if begun:
        await sounds.put(ClauseEnds(), 0)
