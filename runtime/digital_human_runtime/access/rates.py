"""How often one caller may ask, counted by the ``limits`` library in memory or in Redis."""

from __future__ import annotations

import logging
import math
import time
from typing import Protocol

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from digital_human_runtime.errors import Busy

_log = logging.getLogger(__name__)


class Rates(Protocol):
    """Counts what callers ask for."""

    async def take(self, caller: str) -> None:
        """Count one request; raises Busy with the seconds to wait when it is one too many."""


class Unlimited:
    """Counts nothing."""

    async def take(self, caller: str) -> None:
        """Let everybody pass."""


class MovingWindow:
    """
    So many requests in any stretch of time, for each caller.

    With ``redis`` (a URL with password) all replicas count together; while Redis is away each
    counts on its own.
    """

    def __init__(self, rate: str, redis: str | None = None) -> None:
        self._rate: RateLimitItem = parse(rate)
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._shared = _in_redis(redis) if redis is not None else None

    async def take(self, caller: str) -> None:
        """Count one request; raises Busy with the seconds to wait when it is one too many."""
        if self._shared is not None:
            try:
                return await self._count(self._shared, caller)
            except Busy:
                raise
            except Exception as error:  # noqa: BLE001 - whatever Redis and its client come up with
                _log.warning("Redis counts no requests now: %s", type(error).__name__)
        return await self._count(self._own, caller)

    async def _count(self, limiter: MovingWindowRateLimiter, caller: str) -> None:
        if await limiter.hit(self._rate, caller):
            return
        reset, _left = await limiter.get_window_stats(self._rate, caller)
        wait = max(1.0, float(math.ceil(reset - time.time())))
        raise Busy(f"More than {self._rate}: wait a moment", retry_after=wait)


def rates(rate: str | None, redis: str | None = None) -> Rates:
    """What counts by ``rate``, such as 600/minute; None counts nothing."""
    return MovingWindow(rate, redis) if rate is not None else Unlimited()


def _in_redis(url: str) -> MovingWindowRateLimiter:
    from limits.aio.storage import RedisStorage  # noqa: PLC0415 - slow to import, seldom needed

    return MovingWindowRateLimiter(
        RedisStorage(
            f"async+{url}",
            implementation="redispy",
            socket_timeout=0.25,
            socket_connect_timeout=0.25,
        )
    )
