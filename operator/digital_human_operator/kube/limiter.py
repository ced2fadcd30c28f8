"""
How many writes may be in flight: less when the API server says so.

Additive increase, multiplicative decrease, as in TCP: each answered write adds a little to the
limit, a 429 halves it and holds new writes back for as long as the server asked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType

# One overloaded moment answers many writes in flight with 429: halve once for all of them.
_ONE_EPISODE = 1.0


class WriteLimiter:
    """
    An async context manager around each write; limits count writes in flight.

    The caller reports the outcome with ``succeeded`` or ``throttled`` before leaving.
    """

    def __init__(self, initial: int = 32, minimum: int = 2, maximum: int = 64) -> None:
        self._limit = float(initial)
        self._minimum = float(minimum)
        self._maximum = float(maximum)
        self._in_flight = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._paused_until = 0.0
        self._last_cut = float("-inf")

    @property
    def limit(self) -> int:
        """How many writes may be in flight now."""
        return int(self._limit)

    @property
    def in_flight(self) -> int:
        """How many writes are in flight now."""
        return self._in_flight

    def succeeded(self) -> None:
        """A write was answered: one more may be in flight after about ``limit`` of these."""
        if self._limit < self._maximum:
            self._limit = min(self._maximum, self._limit + 1.0 / self._limit)

    def throttled(self, retry_after: float | None = None) -> None:
        """The server said 429: halve the limit, start no write for ``retry_after`` seconds."""
        now = asyncio.get_running_loop().time()
        self._paused_until = max(self._paused_until, now + (retry_after or 0.0))
        if now - self._last_cut >= _ONE_EPISODE:
            self._last_cut = now
            self._limit = max(self._minimum, self._limit / 2)

    async def __aenter__(self) -> None:
        """Wait for a place in flight, and for the end of a pause."""
        while self._in_flight >= self.limit:
            await self._wait_for_place()
        self._in_flight += 1
        if self._paused_until:
            try:
                await self._wait_for_pause()
            except BaseException:
                self._leave()
                raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave()

    async def _wait_for_place(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            # Woken and cancelled at once: hand the place on.
            if waiter.done() and not waiter.cancelled():
                self._wake()
            raise

    async def _wait_for_pause(self) -> None:
        loop = asyncio.get_running_loop()
        while (left := self._paused_until - loop.time()) > 0:  # noqa: ASYNC110 - time, not an event
            await asyncio.sleep(left)
        self._paused_until = 0.0

    def _leave(self) -> None:
        self._in_flight -= 1
        self._wake()

    def _wake(self) -> None:
        free = self.limit - self._in_flight
        while free > 0 and self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                free -= 1
