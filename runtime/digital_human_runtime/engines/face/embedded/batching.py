"""Carries the work of all streams to one thread, many at a time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from digital_human_runtime.errors import EngineFault, RuntimeFault
from digital_human_runtime.frames import Samples, Weights

from .network import Network, Work
from .performance import Performance


@dataclass(slots=True)
class _Job:
    performance: Performance
    samples: Samples
    ends: bool
    done: asyncio.Future[Weights]


class Batching:
    """
    Micro-batches: whatever is ready when the thread becomes free is run together.

    No timer waits for company, so a single stream is answered at once. ``room`` bounds the jobs
    that may wait; beyond it ``submit`` waits, which is the backpressure of a server.
    """

    def __init__(self, network: Network, *, room: int = 256, together: int = 64) -> None:
        self._network = network
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(room)
        self._together = together
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="face")
        self._worker = asyncio.create_task(self._work(), name="face")

    @property
    def alive(self) -> bool:
        """Whether work is still taken."""
        return not self._worker.done()

    async def submit(self, performance: Performance, samples: Samples, *, ends: bool) -> Weights:
        """Hear samples, or the end, and return the frames that are certain then."""
        if not self.alive:
            raise EngineFault("The face has stopped; try again in a moment.")
        done: asyncio.Future[Weights] = asyncio.get_running_loop().create_future()
        await self._jobs.put(_Job(performance, samples, ends, done))
        if not self.alive:  # closed while this waited for room: nobody will take it
            self._fail_waiting()
        return await done

    async def close(self) -> None:
        """Stop; what still waits fails with EngineFault. May be called twice."""
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        self._fail_waiting()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _fail_waiting(self) -> None:
        while not self._jobs.empty():
            _fail(self._jobs.get_nowait())

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            jobs = [await self._jobs.get()]
            while len(jobs) < self._together and not self._jobs.empty():
                jobs.append(self._jobs.get_nowait())
            live = [job for job in jobs if not job.done.done()]  # given up while it waited
            try:
                results = await loop.run_in_executor(self._thread, self._answer, live)
            except BaseException:
                for job in live:
                    _fail(job)
                raise
            for job, result in zip(live, results, strict=True):
                _settle(job.done, result)

    def _answer(self, jobs: list[_Job]) -> list[Weights | Exception]:
        """Runs in the thread; one stream's fault is that stream's alone."""
        works = [_attempt(job) for job in jobs]
        try:
            self._network.run([work for work in works if isinstance(work, Work)])
        except Exception as error:  # noqa: BLE001 - whatever onnxruntime raises ends these streams
            return [EngineFault(f"The face network failed: {type(error).__name__}.") for _ in jobs]
        return [_result(job, work) for job, work in zip(jobs, works, strict=True)]


def _attempt(job: _Job) -> Work | EngineFault:
    try:
        return job.performance.end() if job.ends else job.performance.hear(job.samples)
    except Exception as error:  # noqa: BLE001 - the other streams of this batch go on
        return EngineFault(f"The face cannot take this sound: {type(error).__name__}.")


def _result(job: _Job, work: Work | EngineFault) -> Weights | Exception:
    if isinstance(work, EngineFault):
        return work
    try:
        return job.performance.settle(work)
    except Exception as error:  # noqa: BLE001 - the other streams of this batch go on
        return EngineFault(f"The face cannot show this sound: {type(error).__name__}.")


def _settle(done: asyncio.Future[Weights], result: Weights | Exception) -> None:
    if done.done():
        return
    if isinstance(result, Exception):
        done.set_exception(result)
    else:
        done.set_result(result)


def _fail(job: _Job) -> None:
    fault: RuntimeFault = EngineFault("The face was closed in the middle of a turn.")
    _settle(job.done, fault)
