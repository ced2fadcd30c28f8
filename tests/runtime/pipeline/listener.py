"""A listener for turns: takes events, hears at the speed of the sound, and checks the stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import numpy as np

from digital_human_runtime.frames import (
    Caption,
    Event,
    Media,
    Samples,
    TextDelta,
    TurnEnded,
    Weights,
)
from digital_human_runtime.pipeline import Engines, Finish, Limits, Persona, TurnFigures
from digital_human_runtime.pipeline.turn import Turn


@dataclass
class Figures:
    """Keeps the figures of turns."""

    turns: list[TurnFigures] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def turn_ended(self, figures: TurnFigures) -> None:
        """Keep them."""
        self.turns.append(figures)

    def refused(self, code: str) -> None:
        """Keep it."""
        self.refusals.append(code)


class Listener:
    """Collects the events of a turn; ``hears`` at once, or with ``play`` in real time."""

    def __init__(self, *, hears: bool = True) -> None:
        self.events: list[Event] = []
        self.turn: Turn | None = None
        self.hears = hears
        self.most_ahead = 0

    async def put(self, event: Event) -> None:
        """Take an event as a session would."""
        self.events.append(event)
        if isinstance(event, Media) and self.turn is not None:
            end = event.first_sample + len(event.samples)
            self.most_ahead = max(self.most_ahead, end - self.turn.played)
            if self.hears:
                asyncio.get_running_loop().call_soon(self.turn.credit, end)

    async def play(self, rate: int, *, seconds: float = 1e9) -> None:
        """Hear what was sent, in real time."""
        assert self.turn is not None
        played = 0
        while played < seconds * rate:
            await asyncio.sleep(0.1)
            played = min(played + rate // 10, self.turn.sent)
            self.turn.credit(played)

    @property
    def media(self) -> list[Media]:
        """All media, in order."""
        return [event for event in self.events if isinstance(event, Media)]

    @property
    def samples(self) -> Samples:
        """All sound; fails on gaps and overlaps."""
        at = 0
        for media in self.media:
            assert media.first_sample == at
            at += len(media.samples)
        parts = [media.samples for media in self.media]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    @property
    def weights(self) -> Weights:
        """All frames; fails on gaps and overlaps."""
        at = 0
        for media in self.media:
            assert media.first_frame == at
            at += len(media.weights)
        return np.concatenate([media.weights for media in self.media])

    @property
    def captions(self) -> list[Caption]:
        """The last caption of each clause."""
        found = {e.first_sample: e for e in self.events if isinstance(e, Caption)}
        return list(found.values())

    @property
    def text(self) -> str:
        """All text for display."""
        return "".join(e.text for e in self.events if isinstance(e, TextDelta))

    @property
    def ended(self) -> TurnEnded:
        """How it ended: the last event."""
        last = self.events[-1]
        assert isinstance(last, TurnEnded)
        return last


def a_turn(
    engines: Engines,
    listener: Listener,
    *,
    source: AsyncGenerator[str] | None = None,
    limits: Limits | None = None,
    persona: Persona | None = None,
    observer: Figures | None = None,
    number: int = 1,
    stall: bool = True,
) -> Turn:
    """A turn that talks to a listener."""
    finish = Finish()
    turn = Turn(
        number,
        "How are you?",
        source or engines.model.stream([], max_tokens=100, temperature=0.0, finished=finish.tell),
        engines=engines,
        persona=persona or Persona(),
        limits=limits or Limits(),
        put=listener.put,
        observer=observer or Figures(),
        finish=finish,
        stall=stall,
    )
    listener.turn = turn
    return turn
