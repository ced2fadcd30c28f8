"""A conversation that nobody has: is this process really able to speak?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from digital_human_runtime.errors import EngineFault
from digital_human_runtime.frames import SHAPE_INDEX, Event, Media
from digital_human_runtime.pipeline import (
    Engines,
    Finish,
    Limits,
    Persona,
    Turn,
    TurnFigures,
    prompt,
)

QUESTION = "Say hello in one short sentence."
SENTENCE = "Hello, my name is Pam, and I am able to speak."
MOST_TOKENS = 24
_JAW = SHAPE_INDEX["jawOpen"]


@dataclass(frozen=True, slots=True)
class SyntheticSpeech:
    """What a synthetic conversation gave."""

    first_audio_seconds: float
    """From the question to the first sound."""
    audio_seconds: float
    jaw_movement: float
    """Largest minus smallest jawOpen, 0..1; a face that does not move gives 0."""
    skew_samples: int
    """By how much the face ever lagged behind the sound."""


async def speak(
    engines: Engines, persona: Persona, limits: Limits, *, through_model: bool
) -> SyntheticSpeech:
    """
    Run one turn through the real engines, heard by nobody.

    Raises EngineFault when it failed, took longer than ``synthetic_seconds``, or gave no sound.
    """
    listener = _Listener()
    source = _asked(engines, persona) if through_model else _fixed()
    turn = Turn(
        1,
        QUESTION,
        source,
        engines=engines,
        persona=replace(persona, greeting=""),
        limits=limits,
        put=listener.put,
        observer=listener,
        finish=Finish(),
    )
    listener.turn = turn
    try:
        async with asyncio.timeout(limits.synthetic_seconds):
            ended = await turn.run()
    except TimeoutError:
        raise EngineFault(
            f"A synthetic conversation was not over after {limits.synthetic_seconds:g} seconds."
        ) from None
    figures = listener.figures
    if ended.reason != "complete":
        raise EngineFault(f"A synthetic conversation ended as {ended.reason}: {ended.message}")
    if figures is None or figures.first_audio is None:
        raise EngineFault("A synthetic conversation gave no sound.")
    return SyntheticSpeech(
        figures.first_audio,
        figures.audio_seconds,
        listener.widest - listener.narrowest,
        figures.skew_samples,
    )


class _Listener:
    """Hears everything at once and watches the jaw; also keeps the figures of the turn."""

    def __init__(self) -> None:
        self.turn: Turn | None = None
        self.figures: TurnFigures | None = None
        self.widest = 0.0
        self.narrowest = 1.0

    async def put(self, event: Event) -> None:
        if not isinstance(event, Media) or self.turn is None:
            return
        end = event.first_sample + len(event.samples)
        asyncio.get_running_loop().call_soon(self.turn.credit, end)
        if len(event.weights):
            jaw = event.weights[:, _JAW]
            self.widest = max(self.widest, float(jaw.max()))
            self.narrowest = min(self.narrowest, float(jaw.min()))

    def turn_ended(self, figures: TurnFigures) -> None:
        self.figures = figures

    def refused(self, code: str) -> None:
        """Nobody is refused here."""


def _asked(engines: Engines, persona: Persona) -> AsyncGenerator[str]:
    messages = prompt(persona.prompt, (), QUESTION, most_characters=len(QUESTION))
    return engines.model.stream(messages, max_tokens=MOST_TOKENS, temperature=0.0)


async def _fixed() -> AsyncGenerator[str]:
    yield SENTENCE
