"""The queue between two tasks."""

import asyncio
from contextlib import suppress

import pytest

from digital_human_runtime.stages import Bounded

pytestmark = pytest.mark.looptime


async def test_items_come_in_order() -> None:
    queue: Bounded[int] = Bounded(10)
    for number in range(5):
        await queue.put(number)
    assert (queue.first, queue.last, len(queue)) == (0, 4, 5)
    assert [await queue.get() for _ in range(5)] == [0, 1, 2, 3, 4]
    assert (queue.first, queue.last, len(queue)) == (None, None, 0)


async def test_put_waits_while_it_is_full() -> None:
    queue: Bounded[str] = Bounded(100)
    await queue.put("heavy", 250)
    putting = asyncio.create_task(queue.put("light", 1))
    await asyncio.sleep(1)
    assert not putting.done()
    assert await queue.get() == "heavy"
    await asyncio.sleep(1)
    assert putting.done()
    assert await queue.get() == "light"


async def test_get_waits_for_an_item() -> None:
    queue: Bounded[str] = Bounded(1)
    getting = asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    assert not getting.done()
    queue.put_over("now")
    assert await getting == "now"


async def test_what_cannot_wait_goes_beyond_the_limit() -> None:
    queue: Bounded[int] = Bounded(1)
    await queue.put(1)
    queue.put_over(2)
    assert [await queue.get(), await queue.get()] == [1, 2]


async def test_cancelled_waits_lose_nothing() -> None:
    queue: Bounded[int] = Bounded(1)
    getting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_over(1)
    getting.cancel()  # at the moment that an item came
    with suppress(asyncio.CancelledError):
        await getting
    putting = asyncio.create_task(queue.put(2))
    await asyncio.sleep(0)
    putting.cancel()
    with suppress(asyncio.CancelledError):
        await putting
    assert await queue.get() == 1
    assert len(queue) == 0
