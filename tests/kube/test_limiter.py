from __future__ import annotations

import asyncio

import pytest

from digital_human_operator.kube.limiter import WriteLimiter

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def test_no_more_than_the_limit_in_flight() -> None:
    limiter, most = WriteLimiter(4, 2, 4), 0

    async def write() -> None:
        nonlocal most
        async with limiter:
            most = max(most, limiter.in_flight)
            await asyncio.sleep(1)

    await asyncio.gather(*(write() for _ in range(20)))
    assert most == 4
    assert asyncio.get_running_loop().time() == pytest.approx(5)
    assert limiter.in_flight == 0


async def test_one_overload_halves_once_and_pauses_new_writes() -> None:
    limiter = WriteLimiter(32)
    for _ in range(10):
        limiter.throttled(3)
    assert limiter.limit == 16
    async with limiter:
        assert asyncio.get_running_loop().time() == pytest.approx(3)
    for _ in range(10):
        await asyncio.sleep(1)
        limiter.throttled(None)
    assert limiter.limit == 2


async def test_success_grows_slowly_up_to_the_maximum() -> None:
    limiter = WriteLimiter(4, 2, 8)
    for _ in range(5):
        limiter.succeeded()
    assert limiter.limit == 5
    for _ in range(100):
        limiter.succeeded()
    assert limiter.limit == 8


async def test_cancelled_waiters_lose_no_place() -> None:
    limiter = WriteLimiter(1, 1, 1)
    async with limiter:
        waiters = [asyncio.create_task(limiter.__aenter__()) for _ in range(3)]
        await asyncio.sleep(0)
    waiters[0].cancel()
    async with asyncio.timeout(1):
        await waiters[1]
    waiters[2].cancel()
    await limiter.__aexit__(None, None, None)
    limiter.throttled(60)
    paused = asyncio.create_task(limiter.__aenter__())
    await asyncio.sleep(1)
    paused.cancel()
    await asyncio.gather(paused, return_exceptions=True)
    assert limiter.in_flight == 0
