"""
Keyed, deduplicating, two priorities, delays, exponential backoff.

The semantics of client-go's workqueue: a key is in the queue at most once, is never worked on
twice at the same time, and is put back when it was added while being worked on. Whoever adds a key
says only *that* something changed; the worker looks at what is.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .errors import ApiError, Fenced

K = TypeVar("K", bound=Hashable)

_FIRST_RETRY, _LAST_RETRY = 0.2, 300.0
_LOST_LEASE_RETRY = 1.0

_log = logging.getLogger(__name__)


def _ignore(_: float) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Hooks:
    """What metrics are told: keys waiting, adds and retries (always 1), and seconds."""

    depth: Callable[[float], None] = _ignore
    added: Callable[[float], None] = _ignore
    retried: Callable[[float], None] = _ignore
    waited: Callable[[float], None] = _ignore
    worked: Callable[[float], None] = _ignore


class ShutDown(Exception):  # noqa: N818 - the end of work, not an error
    """The queue hands out no more keys."""


@dataclass(slots=True)
class _Waiting:
    """A key in the queue: its priority, its place among equals, and since when."""

    priority: int
    place: int
    since: float


class WorkQueue(Generic[K]):
    """Keys to work on, higher ``priority`` first, first come first served among equals."""

    def __init__(
        self, *, hooks: Hooks | None = None, clock: Callable[[], float] | None = None
    ) -> None:
        self._hooks = hooks or Hooks()
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._heap: list[tuple[int, int, K]] = []
        self._waiting: dict[K, _Waiting] = {}
        self._processing: dict[K, float] = {}
        self._again: dict[K, int] = {}
        self._delayed: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._places = 0
        self.closed = asyncio.Event()

    def __len__(self) -> int:
        """How many keys wait to be worked on."""
        return len(self._waiting)

    def add(self, key: K, *, priority: int = 0) -> None:
        """Queue ``key``; one that is queued already only moves up, never down."""
        if self.closed.is_set():
            return
        if key in self._processing:
            self._again[key] = max(priority, self._again.get(key, priority))
            return
        known = self._waiting.get(key)
        if known is not None:
            if priority > known.priority:
                known.priority = priority
                self._push(key, known)
            return
        self._places += 1
        known = self._waiting[key] = _Waiting(priority, self._places, self._clock())
        self._push(key, known)
        self._hooks.added(1)
        self._hooks.depth(len(self._waiting))
        self._wake()

    def add_after(self, key: K, seconds: float, *, priority: int = 0) -> None:
        """Queue ``key`` in ``seconds``; of several delays of a key the earliest counts."""
        if self.closed.is_set():
            return
        if seconds <= 0:
            self.add(key, priority=priority)
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        known = self._delayed.get(key)
        if known is not None:
            if known.when() <= when:
                return
            known.cancel()
        self._delayed[key] = loop.call_at(when, self._due, key, priority)

    def retry(self, key: K, at_least: float = 0.0) -> float:
        """Queue ``key`` after a failure; returns the seconds, twice as many each time."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(_LAST_RETRY, _FIRST_RETRY * 2.0 ** min(failures, 16))
        delay = max(at_least, delay * random.uniform(0.75, 1.0))  # noqa: S311 - jitter
        self._hooks.retried(1)
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """``key`` went well: its next failure is its first again."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """The next key; the caller must call ``done`` with it. Raises ShutDown at the end."""
        while not self._waiting:
            if self.closed.is_set():
                raise ShutDown
            await self._wait()
        while True:
            priority, place, key = heapq.heappop(self._heap)
            known = self._waiting.get(key)
            # A key that moved up has left its old entry behind.
            if known is not None and (known.priority, known.place) == (-priority, place):
                break
        del self._waiting[key]
        now = self._clock()
        self._processing[key] = now
        self._hooks.waited(now - known.since)
        self._hooks.depth(len(self._waiting))
        return key

    def done(self, key: K) -> None:
        """The worker has finished with ``key``; it is queued again if it was added meanwhile."""
        self._hooks.worked(self._clock() - self._processing.pop(key))
        priority = self._again.pop(key, None)
        if priority is not None:
            self.add(key, priority=priority)

    def shutdown(self) -> None:
        """Drop all that waits: the next process finds the same work by looking at what is."""
        self.closed.set()
        for handle in self._delayed.values():
            handle.cancel()
        self._delayed.clear()
        self._waiting.clear()
        self._heap.clear()
        self._again.clear()
        for getter in self._getters:
            if not getter.done():
                getter.set_result(None)

    def _due(self, key: K, priority: int) -> None:
        del self._delayed[key]
        self.add(key, priority=priority)

    def _push(self, key: K, known: _Waiting) -> None:
        heapq.heappush(self._heap, (-known.priority, known.place, key))

    async def _wait(self) -> None:
        getter = asyncio.get_running_loop().create_future()
        self._getters.append(getter)
        try:
            await getter
        except asyncio.CancelledError:
            # Woken and cancelled at once: somebody else must take the key.
            if getter.done() and not getter.cancelled() and self._waiting:
                self._wake()
            raise

    def _wake(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return


Reconcile = Callable[[K], Awaitable[float | None]]
Observe = Callable[[K, str, float], None]


async def work(
    queue: WorkQueue[K],
    reconcile: Reconcile[K],
    *,
    workers: int,
    gate: asyncio.Event,
    timeout: float,  # noqa: ASYNC109 - of each reconcile, not of this function
    observe: Observe[K] | None = None,
) -> None:
    """
    Run ``workers`` workers until the queue shuts down, only while ``gate`` is set.

    ``reconcile(key)`` returns the seconds after which to look again, or None; when it raises or
    takes longer than ``timeout`` seconds the key is tried again with backoff. ``observe`` is told
    key, result (success, requeue_after, error, timeout, fenced) and seconds of each run.
    """
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(_worker(queue, reconcile, gate, timeout, observe))


async def _worker(
    queue: WorkQueue[K],
    reconcile: Reconcile[K],
    gate: asyncio.Event,
    timeout: float,  # noqa: ASYNC109 - of each reconcile, not of this function
    observe: Observe[K] | None,
) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            await _opened(gate, queue)
            key = await queue.get()
        except ShutDown:
            return
        if not gate.is_set():
            queue.done(key)
            queue.add(key)
            continue
        started = loop.time()
        try:
            result = await _once(queue, reconcile, key, timeout)
        finally:
            queue.done(key)
        if observe is not None:
            observe(key, result, loop.time() - started)


async def _opened(gate: asyncio.Event, queue: WorkQueue[K]) -> None:
    """Wait for the gate, or for the end of the queue, whichever comes first."""
    if gate.is_set() or queue.closed.is_set():
        return
    waits = [asyncio.ensure_future(gate.wait()), asyncio.ensure_future(queue.closed.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _once(
    queue: WorkQueue[K],
    reconcile: Reconcile[K],
    key: K,
    timeout: float,  # noqa: ASYNC109 - of this reconcile
) -> str:
    """Reconcile ``key`` and queue it again if need be; one word for how it went."""
    deadline = asyncio.timeout(timeout)
    try:
        async with deadline:
            again = await reconcile(key)
    except Fenced:
        queue.add_after(key, _LOST_LEASE_RETRY)
        return "fenced"
    except ApiError as error:
        delay = queue.retry(key, at_least=error.retry_after or 0.0)
        _log.warning("%s: %s; again in %.1f s", key, error, delay)
        return "error"
    except Exception as error:  # noqa: BLE001 - whatever it was, the key is tried again
        delay = queue.retry(key)
        if isinstance(error, TimeoutError) and deadline.expired():
            _log.warning("%s: not done after %.0f s; again in %.1f s", key, timeout, delay)
            return "timeout"
        _log.exception("%s: failed; again in %.1f s", key, delay)
        return "error"
    queue.forget(key)
    if again is None:
        return "success"
    queue.add_after(key, again)
    return "requeue_after"
