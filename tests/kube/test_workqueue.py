from __future__ import annotations

import asyncio

import pytest

from digital_human_operator.kube.errors import Fenced, TooManyRequests
from digital_human_operator.kube.workqueue import Hooks, ShutDown, WorkQueue, work

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


def now() -> float:
    return asyncio.get_running_loop().time()


def opened() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


async def test_key_is_queued_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for _ in range(3):
        queue.add("a")
    assert len(queue) == 1
    assert await queue.get() == "a"
    assert len(queue) == 0


async def test_key_added_while_processing_runs_again_after_done() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_priority_then_arrival_and_promotion() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("low1", priority=-100)
    queue.add("low2", priority=-100)
    queue.add("a")
    queue.add("b")
    queue.add("low2")  # moves up, keeps its place in time
    queue.add("b", priority=-100)  # does not move down
    assert [await queue.get() for _ in range(4)] == ["low2", "a", "b", "low1"]


async def test_earliest_delay_counts() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", 10)
    queue.add_after("a", 5)
    queue.add_after("a", 20)
    assert await queue.get() == "a"
    assert now() == pytest.approx(5)
    queue.done("a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(100):
            await queue.get()


async def test_retries_double_up_to_five_minutes_and_forget_resets() -> None:
    queue: WorkQueue[str] = WorkQueue()
    delays = []
    for _ in range(16):
        delays.append(queue.retry("a"))
        await queue.get()
        queue.done("a")
    for failures, delay in enumerate(delays):
        full = min(300.0, 0.2 * 2**failures)
        assert 0.75 * full <= delay <= full
    queue.forget("a")
    assert queue.retry("a") <= 0.2
    assert queue.retry("b", at_least=30) == 30


async def test_waiting_getter_gets_the_key_of_a_cancelled_one() -> None:
    queue: WorkQueue[str] = WorkQueue()
    first = asyncio.create_task(queue.get())
    second = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    first.cancel()
    async with asyncio.timeout(1):
        assert await second == "a"


async def test_shutdown_ends_getters_and_drops_the_rest() -> None:
    queue: WorkQueue[str] = WorkQueue()
    getter = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add_after("later", 5)
    queue.shutdown()
    with pytest.raises(ShutDown):
        await getter
    queue.add("a")
    queue.add_after("a", 1)
    assert len(queue) == 0


async def test_hooks_see_depth_latency_and_duration() -> None:
    seen: dict[str, list[float]] = {
        n: [] for n in ("depth", "added", "retried", "waited", "worked")
    }
    queue: WorkQueue[str] = WorkQueue(hooks=Hooks(**{n: v.append for n, v in seen.items()}))
    queue.add("a")
    await asyncio.sleep(2)
    await queue.get()
    await asyncio.sleep(3)
    queue.done("a")
    queue.retry("a")
    assert seen == {
        "depth": [1, 0],
        "added": [1],
        "retried": [1],
        "waited": [pytest.approx(2)],
        "worked": [pytest.approx(3)],
    }


async def test_same_key_is_never_worked_on_twice_at_once() -> None:
    queue: WorkQueue[int] = WorkQueue()
    active: set[int] = set()
    runs: list[int] = []

    async def reconcile(key: int) -> None:
        assert key not in active
        active.add(key)
        await asyncio.sleep(1)
        active.discard(key)
        runs.append(key)

    workers = asyncio.create_task(work(queue, reconcile, workers=8, gate=opened(), timeout=10))
    for i in range(40):
        queue.add(i % 4)
        await asyncio.sleep(0.1)
    await asyncio.sleep(5)
    queue.shutdown()
    await workers
    assert set(runs) == {0, 1, 2, 3}
    assert len(runs) <= 4 * 6


async def test_results_decide_what_comes_next() -> None:
    queue: WorkQueue[str] = WorkQueue()
    runs: list[tuple[str, float]] = []
    results: list[tuple[str, str]] = []
    script: dict[str, list[object]] = {
        "ok": [None],
        "again": [30.0, None],
        "throttled": [TooManyRequests("slow", retry_after=7), None],
        "fenced": [Fenced("no"), None],
        "bug": [ValueError("x"), None],
        "hangs": ["hang", None],
    }

    async def reconcile(key: str) -> float | None:
        runs.append((key, now()))
        step = script[key].pop(0)
        if isinstance(step, Exception):
            raise step
        if step == "hang":
            await asyncio.sleep(1000)
        return step  # type: ignore[return-value]

    workers = asyncio.create_task(
        work(
            queue,
            reconcile,
            workers=10,
            gate=opened(),
            timeout=60,
            observe=lambda key, result, _: results.append((key, result)),
        )
    )
    for key in script:
        queue.add(key)
    await asyncio.sleep(100)
    queue.shutdown()
    await workers
    second = {key: when for key, when in runs if when > 0.01}
    assert second["again"] == pytest.approx(30)
    assert second["throttled"] == pytest.approx(7)
    assert second["fenced"] == pytest.approx(1)
    assert 60 < second["hangs"] < 61
    assert "ok" not in second
    assert ("hangs", "timeout") in results
    assert ("again", "requeue_after") in results
    assert ("bug", "error") in results
    assert ("fenced", "fenced") in results


async def test_workers_at_a_closed_gate_end_with_the_queue() -> None:
    queue: WorkQueue[str] = WorkQueue()

    async def reconcile(_: str) -> None:
        raise AssertionError

    gate = asyncio.Event()
    workers = asyncio.create_task(work(queue, reconcile, workers=2, gate=gate, timeout=10))
    queue.add("a")
    await asyncio.sleep(1)
    queue.shutdown()
    async with asyncio.timeout(1):
        await workers


async def test_closed_gate_holds_work_back() -> None:
    queue: WorkQueue[str] = WorkQueue()
    runs: list[float] = []
    gate = asyncio.Event()

    async def reconcile(_: str) -> None:
        runs.append(now())

    workers = asyncio.create_task(work(queue, reconcile, workers=2, gate=gate, timeout=10))
    queue.add("a")
    await asyncio.sleep(10)
    assert runs == []
    gate.set()
    await asyncio.sleep(1)
    assert runs == [10]
    gate.clear()
    queue.add("a")
    await asyncio.sleep(10)
    assert runs == [10]
    gate.set()
    await asyncio.sleep(1)
    assert len(runs) == 2
    queue.shutdown()
    await workers
