"""A queue between two tasks whose items weigh something, so that sound is bounded by its length."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Bounded(Generic[T]):
    """
    For one task that puts and one that gets.

    ``put`` waits while ``limit`` or more is in the queue: at most one item is beyond it. Both may
    be cancelled at any time without losing an item.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[tuple[T, int]] = deque()
        self._weight = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def first(self) -> T | None:
        """The item that ``get`` would return at once."""
        return self._items[0][0] if self._items else None

    @property
    def last(self) -> T | None:
        """The item that was put last and waits."""
        return self._items[-1][0] if self._items else None

    async def put(self, item: T, weight: int = 1) -> None:
        """Wait for room, then put."""
        while self._weight >= self._limit:
            self._emptied.clear()
            await self._emptied.wait()
        self.put_over(item, weight)

    def put_over(self, item: T, weight: int = 1) -> None:
        """Put at once, also beyond the limit: for the rare item that cannot wait."""
        self._items.append((item, weight))
        self._weight += weight
        self._filled.set()

    async def get(self) -> T:
        """Wait for an item."""
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        return self.get_now()

    def get_now(self) -> T:
        """Take ``first``, which must be there."""
        item, weight = self._items.popleft()
        self._weight -= weight
        self._emptied.set()
        return item
