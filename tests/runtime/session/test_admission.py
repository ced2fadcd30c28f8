"""Places: counted, waited for in order, never lost."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_human_runtime.errors import Busy, Unavailable
from digital_human_runtime.pipeline import Limits
from digital_human_runtime.session.admission import Admission

pytestmark = pytest.mark.looptime


async def test_places_go_in_order() -> None:
    admission = Admission(Limits(turns=1, queue_seconds=100))
    order: list[int] = []

    async def one(number: int) -> None:
        async with admission.turn():
            order.append(number)
            await asyncio.sleep(1)

    await asyncio.gather(*(one(number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4]
    assert admission.gauges.turns == 0


async def test_releasing_twice_counts_once() -> None:
    admission = Admission(Limits(turns=2))
    first, _ = await admission.take_place(), await admission.take_place()
    first.release()
    first.release()
    assert admission.gauges.turns == 1


async def test_a_place_that_comes_at_the_last_moment_is_kept_or_given_on() -> None:
    admission = Admission(Limits(turns=1, queue_seconds=1.0))
    held = await admission.take_place()
    waiting = asyncio.create_task(admission.take_place())
    await asyncio.sleep(1.0 - 1e-9)
    held.release()
    with suppress(Busy):
        (await waiting).release()
    assert admission.gauges.turns == 0


async def test_a_waiter_who_is_cancelled_with_its_place_gives_it_on() -> None:
    admission = Admission(Limits(turns=1))
    held = await admission.take_place()
    waiting = [asyncio.create_task(admission.take_place()) for _ in range(2)]
    await asyncio.sleep(0)
    held.release()
    waiting[0].cancel()
    place = await waiting[1]
    assert admission.gauges.turns == 1
    place.release()
    assert admission.gauges.turns == 0


async def test_closing_refuses_those_who_wait() -> None:
    admission = Admission(Limits(turns=1))
    held = await admission.take_place()
    waiting = asyncio.create_task(admission.take_place())
    await asyncio.sleep(0)
    admission.close()
    with pytest.raises(Unavailable):
        await waiting
    with pytest.raises(Unavailable):
        await admission.take_place()
    with pytest.raises(Unavailable):
        admission.enter()
    held.release()
    assert (admission.gauges.turns, admission.gauges.queued) == (0, 0)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9), st.booleans()), max_size=25),
    st.integers(1, 3),
)
def test_no_place_is_ever_lost(visits: list[tuple[int, int, bool]], turns: int) -> None:
    async def all_of_them() -> None:
        admission = Admission(Limits(turns=turns, queue=4, queue_seconds=0.003))

        async def one(comes: int, stays: int, gives_up: bool) -> None:
            await asyncio.sleep(comes / 5000)
            with suppress(Busy, TimeoutError):
                async with asyncio.timeout(0.001 if gives_up else None), admission.turn():
                    assert admission.gauges.turns <= turns
                    await asyncio.sleep(stays / 5000)

        await asyncio.gather(*(one(*visit) for visit in visits))
        assert (admission.gauges.turns, admission.gauges.queued) == (0, 0)

    asyncio.run(all_of_them())
