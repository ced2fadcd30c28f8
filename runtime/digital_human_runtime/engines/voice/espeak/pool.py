"""Warm workers: lent to one utterance at a time, replaced when they fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from digital_human_runtime.errors import Busy, Unavailable

from .process import Worker, WorkerLostError
from .protocol import Greeting

_START_SECONDS = 20.0
_QUIET_SECONDS = 1.0
"""For a worker to notice a cancel and to hand over what it had under way."""
_RETRY_SECONDS = (0.1, 0.5, 2.0, 5.0)


class Pool:
    """``size`` workers, all of them warm once ``start`` has returned."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        self._workers: set[Worker] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._trouble = ""

    @property
    def alive(self) -> int:
        """Workers that run."""
        return sum(worker.alive for worker in self._workers)

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that run."""
        return [worker.pid for worker in self._workers if worker.alive]

    @property
    def trouble(self) -> str:
        """Why a worker could not be started last time, or nothing."""
        return self._trouble

    async def start(self) -> Greeting:
        """Start all workers; raises Unavailable when one cannot be."""
        try:
            async with asyncio.TaskGroup() as group:
                starts = [group.create_task(self._new()) for _ in range(self._size)]
        except ExceptionGroup as errors:
            await self.close()
            why = _why(errors.exceptions[0])
            raise Unavailable(f"eSpeak NG does not start: {why}") from errors
        except BaseException:
            await self.close()
            raise
        return starts[0].result().greeting

    @asynccontextmanager
    async def worker(self, *, wait_seconds: float) -> AsyncGenerator[Worker]:
        """
        Lend a worker; Busy when none is free in time.

        It is taken back at once: what it still says of an unfinished utterance is thrown away
        before anybody else gets it, and a lost one is replaced.
        """
        worker = await self._take(wait_seconds)
        try:
            yield worker
        except BaseException as error:
            lost = isinstance(error, WorkerLostError | TimeoutError)
            self._later(self._replace(worker) if lost else self._quieten(worker))
            raise
        if worker.busy:
            self._later(self._quieten(worker))
        else:
            self._idle.put_nowait(worker)

    async def close(self) -> None:
        """End all workers; may be called twice."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.kill() for worker in self._workers))
        self._workers.clear()

    async def _take(self, wait_seconds: float) -> Worker:
        if self._closed:
            raise Unavailable("the voice is not started")
        try:
            async with asyncio.timeout(wait_seconds):
                while True:
                    worker = await self._idle.get()
                    if worker.alive:
                        return worker
                    self._later(self._replace(worker))
        except TimeoutError:
            raise Busy("all voices are speaking: try again") from None

    async def _new(self) -> Worker:
        async with asyncio.timeout(_START_SECONDS):
            worker = await Worker.start()
        self._workers.add(worker)
        self._idle.put_nowait(worker)
        return worker

    async def _quieten(self, worker: Worker) -> None:
        try:
            async with asyncio.timeout(_QUIET_SECONDS):
                await worker.quieten()
        except (WorkerLostError, TimeoutError):
            await self._replace(worker)
        else:
            self._idle.put_nowait(worker)

    async def _replace(self, worker: Worker) -> None:
        await worker.kill()
        self._workers.discard(worker)
        failures = 0
        while not self._closed:
            try:
                await self._new()
            except (WorkerLostError, TimeoutError, OSError) as error:
                self._trouble = _why(error)
                await asyncio.sleep(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
                failures += 1
            else:
                self._trouble = ""
                return

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _why(error: Exception) -> str:
    return str(error).rstrip(".") or "it takes too long"
