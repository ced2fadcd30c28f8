"""A visitor of a conversation: says things, hears in real time, and keeps all events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TypeVar

from digital_human_runtime.frames import Event, Media, TextDelta, TurnEnded
from digital_human_runtime.session import Conversation, Talk

T = TypeVar("T")
RATE = 16_000


class Visitor:
    """
    Reads the events of a conversation in a task of its own.

    ``hears``: how many times real time it listens; 0 for one who tells of nothing.
    """

    def __init__(self, conversation: Conversation, *, hears: float = 1.0) -> None:
        self.conversation = conversation
        self.events: list[Event] = []
        self.played: dict[int, int] = {}
        self._sent: dict[int, int] = {}
        self._hears = hears
        self._changed = asyncio.Event()
        self._heard = asyncio.Event()
        self._tasks = [asyncio.create_task(self._read())]
        if hears:
            self._tasks.append(asyncio.create_task(self._listen()))

    async def __aenter__(self) -> Visitor:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.leave()

    async def leave(self, *, forget: bool = False) -> None:
        """The connection ends."""
        await self.conversation.close(forget=forget)
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def ask(self, text: str, *, seconds: float = 120) -> TurnEnded:
        """Say something, hear the answer to its end."""
        turn = await self.conversation.say(text)
        ended = await self.until_ended(turn, seconds=seconds)
        if self._hears:
            async with asyncio.timeout(seconds):
                while self.played.get(turn, 0) < ended.samples:
                    self._heard.clear()
                    await self._heard.wait()
        await self.conversation.finished(turn, ended.samples)
        return ended

    async def until_ended(self, turn: int, *, seconds: float = 120) -> TurnEnded:
        """Wait for the end of a turn."""
        return await self.until(TurnEnded, lambda event: event.turn == turn, seconds=seconds)

    async def until(
        self,
        kind: type[T],
        fits: Callable[[T], bool] = lambda _: True,
        *,
        seconds: float = 120,
    ) -> T:
        """Wait for the first event of a kind that fits."""
        async with asyncio.timeout(seconds):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and fits(event):
                        return event
                self._changed.clear()
                await self._changed.wait()

    def of(self, kind: type[T]) -> list[T]:
        """All events of a kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def text(self, turn: int) -> str:
        """What was shown of a turn."""
        return "".join(event.text for event in self.of(TextDelta) if event.turn == turn)

    async def over(self, *, seconds: float = 120) -> None:
        """Wait until no more events come."""
        async with asyncio.timeout(seconds):
            await self._tasks[0]

    async def _read(self) -> None:
        async for event in self.conversation.events():
            self.events.append(event)
            if isinstance(event, Media):
                assert event.first_sample == self._sent.get(event.turn, 0)
                self._sent[event.turn] = event.first_sample + len(event.samples)
            self._changed.set()

    async def _listen(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            for turn, sent in self._sent.items():
                played = self.played.get(turn, 0)
                if played < sent:
                    self.played[turn] = min(sent, played + int(self._hears * RATE / 10))
                    self.conversation.credit(turn, self.played[turn])
                    self._heard.set()


async def visit(talk: Talk, principal: str = "anonymous", *, hears: float = 1.0) -> Visitor:
    """Open a new conversation."""
    ticket = await talk.ticket(principal)
    return Visitor(await talk.open(ticket.ticket), hears=hears)


async def come_back(
    talk: Talk,
    visitor: Visitor,
    *,
    token: str | None = None,
    principal: str | None = "anonymous",
    hears: float = 1.0,
) -> Visitor:
    """Resume the conversation of a visitor, perhaps in another process."""
    opened = visitor.conversation.opened
    resumed = await talk.resume(opened.session, token or opened.token, principal)
    return Visitor(resumed, hears=hears)
