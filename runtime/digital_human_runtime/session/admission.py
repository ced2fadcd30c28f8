"""Who gets in: sessions, turns at the same time, and how long a turn may wait for its place."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from digital_human_runtime.errors import Busy, RuntimeFault, Unavailable
from digital_human_runtime.pipeline import Limits, Observer, Unobserved


@dataclass(frozen=True, slots=True)
class Gauges:
    """What is in use of what there is, for metrics."""

    sessions: int
    sessions_limit: int
    turns: int
    turns_limit: int
    queued: int
    queue_limit: int


class Place:
    """The place of one turn."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._release: Callable[[], None] | None = release

    def release(self) -> None:
        """Give it to the next in line; may be called twice."""
        release, self._release = self._release, None
        if release is not None:
            release()


class Admission:
    """Counts sessions and turns; refuses before anything is begun. Not for several event loops."""

    def __init__(self, limits: Limits, observer: Observer | None = None) -> None:
        self._limits = limits
        self._observer = observer or Unobserved()
        self._sessions = 0
        self._turns = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self._free = asyncio.Event()
        self._free.set()

    @property
    def gauges(self) -> Gauges:
        """How full it is now."""
        limits = self._limits
        return Gauges(
            sessions=self._sessions,
            sessions_limit=limits.sessions,
            turns=self._turns,
            turns_limit=limits.turns,
            queued=len(self._waiting),
            queue_limit=limits.queue,
        )

    def close(self) -> None:
        """Admit nothing any more; those that wait are refused."""
        self._closed = True
        for place in self._waiting:
            if not place.done():
                place.set_exception(self._going())
                place.exception()  # its owner may be cancelled meanwhile and never ask

    async def no_turns(self) -> None:
        """Wait until no place is taken."""
        await self._free.wait()

    def check_session(self) -> None:
        """Raise Busy or Unavailable when no new session would get in."""
        if self._closed:
            raise self._refused(self._going())
        if self._sessions >= self._limits.sessions:
            raise self._refused(
                Busy(
                    f"All {self._limits.sessions} sessions are taken; try again later.",
                    retry_after=5.0,
                )
            )

    def enter(self, *, known: bool = False) -> None:
        """Count a session in, or raise as ``check_session``; a ``known`` one has its place."""
        if self._closed or not known:
            self.check_session()
        self._sessions += 1

    def leave(self) -> None:
        """Count a session out."""
        self._sessions -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold the place of one turn; waits for it, in order, and raises Busy when that is long."""
        place = await self.take_place()
        try:
            yield
        finally:
            place.release()

    async def take_place(self) -> Place:
        """Take a place for a turn; see ``turn``. The caller releases it."""
        await self._acquire()
        return Place(self._release)

    async def _acquire(self) -> None:
        if self._closed:
            raise self._refused(self._going())
        if self._turns < self._limits.turns and not self._waiting:
            self._turns += 1
            self._free.clear()
            return
        if len(self._waiting) >= self._limits.queue:
            raise self._refused(self._full())
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(self._limits.queue_seconds):
                await place
        except TimeoutError:
            if not _granted(place):  # else it came at the last moment
                raise self._refused(self._full()) from None
        except asyncio.CancelledError:
            if _granted(place):
                self._release()
            raise
        except Unavailable as fault:
            raise self._refused(fault) from None
        finally:
            if place in self._waiting:
                self._waiting.remove(place)

    def _release(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._turns -= 1
        if self._turns == 0:
            self._free.set()

    def _full(self) -> Busy:
        return Busy(
            f"All {self._limits.turns} places for answers are taken; try again in a moment.",
            retry_after=2.0,
        )

    def _going(self) -> Unavailable:
        return Unavailable("This Pod is going; connect again.", retry_after=2.0)

    def _refused(self, fault: RuntimeFault) -> RuntimeFault:
        self._observer.refused(fault.code)
        return fault


def _granted(place: asyncio.Future[None]) -> bool:
    return place.done() and not place.cancelled() and place.exception() is None
