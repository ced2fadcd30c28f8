"""The events that wait for one connection, in order and bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from digital_human_runtime.frames import Caption, Event, Media, TextDelta, TurnEnded

MOST_EVENTS = 32
"""More than this and the turn waits for the connection."""


class Outbox:
    """
    A queue for one reader; the events of turns wait for room, those about the session never do.

    Nothing of a turn that was silenced comes out any more.
    """

    def __init__(self, most: int = MOST_EVENTS) -> None:
        self._most = most
        self._events: deque[Event] = deque()
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._silenced = -1
        self._ended = False

    def __len__(self) -> int:
        return len(self._events)

    async def put(self, event: Event) -> None:
        """Wait for room, then put an event of a turn; its end waits for nothing."""
        last = isinstance(event, TurnEnded)
        while len(self._events) >= self._most and not (self._ended or last):
            self._emptied.clear()
            await self._emptied.wait()
        self.put_now(event)

    def put_now(self, event: Event) -> None:
        """Put an event at once; of a silenced turn, or after the end, it is dropped."""
        if self._ended or getattr(event, "turn", self._silenced + 1) <= self._silenced:
            return
        self._events.append(event)
        self._filled.set()

    def silence(self, turn: int, last: Event | None) -> None:
        """Drop what waits of a turn and let nothing of it follow but ``last``."""
        self._events = deque(e for e in self._events if not _of(e, turn))
        self._emptied.set()
        if last is not None:
            self.put_now(last)
        self._silenced = max(self._silenced, turn)

    def end(self) -> None:
        """Let the reader have what is there, and then the end."""
        self._ended = True
        self._filled.set()
        self._emptied.set()

    async def events(self) -> AsyncIterator[Event]:
        """Yield events until the end."""
        while True:
            while not self._events:
                if self._ended:
                    return
                self._filled.clear()
                await self._filled.wait()
            event = self._events.popleft()
            self._emptied.set()
            yield event


def _of(event: Event, turn: int) -> bool:
    return isinstance(event, Media | TextDelta | Caption | TurnEnded) and event.turn <= turn
