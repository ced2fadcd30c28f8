"""The end of a Pod: nobody new, everybody heard to the end, then the deadline."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from digital_human_runtime.errors import Unavailable
from digital_human_runtime.frames import Draining, TurnEnded
from digital_human_runtime.session import Interrupted, Limits, MemoryStore, Persona, Talk
from digital_human_runtime.session.ending import AGAIN_SECONDS
from digital_human_runtime.session.talk import WATCH_SECONDS
from tests.runtime.session.visitor import RATE, visit
from tests.runtime.support import ScriptedModel, engines

pytestmark = pytest.mark.looptime

ANSWER = "This is an answer of some length, it is. And it goes on for a while like this. " * 2


def a_talk(model: ScriptedModel | None = None, **limits: float) -> Talk:
    """Conversations in memory."""
    told = Limits(**limits)  # type: ignore[arg-type]
    return Talk(
        engines=engines(model or ScriptedModel(ANSWER)), store=MemoryStore(told), limits=told
    )


async def test_running_turns_are_heard_to_their_end() -> None:
    talk = a_talk()
    idle, busy = await visit(talk), await visit(talk)
    turn = await busy.conversation.say("Go on.")
    await asyncio.sleep(1)
    began = asyncio.get_running_loop().time()
    draining = asyncio.create_task(talk.drain(60))
    await idle.over(seconds=1)  # one who is not spoken to goes at once
    assert [type(event) for event in idle.events] == [Draining]
    assert idle.conversation.ended == "drained"
    ended = await busy.until_ended(turn)
    assert (ended.reason, ended.heard) == ("complete", ANSWER.strip())
    assert not draining.done()  # it is sent, but not yet heard
    await asyncio.sleep((ended.samples - busy.played[turn]) / RATE + 0.2)
    await busy.conversation.finished(turn, ended.samples)
    await draining
    took = asyncio.get_running_loop().time() - began
    assert took == pytest.approx(ended.samples / RATE - 1, abs=1)
    assert busy.conversation.ended == "drained"
    await idle.leave()
    await busy.leave()


async def test_the_deadline_interrupts_and_offers() -> None:
    talk = a_talk(ScriptedModel(ANSWER * 20))
    visitor = await visit(talk)
    turn = await visitor.conversation.say("Go on.")
    began = asyncio.get_running_loop().time()
    await talk.drain(5)
    assert asyncio.get_running_loop().time() - began == pytest.approx(5, abs=0.5)
    ended = await visitor.until_ended(turn, seconds=1)
    assert ended.reason == "interrupted"
    assert ended.heard.startswith("This is an answer of some length, it is. And it goes on for")
    await visitor.over(seconds=1)
    record = await talk._context.store.load(visitor.conversation.opened.session)
    assert record is not None
    assert record.interrupted == Interrupted("Go on.", visitor.played[turn])
    await visitor.leave()
    assert talk.gauges.sessions == talk.gauges.turns == 0


async def test_nobody_new_gets_in() -> None:
    talk = a_talk(ScriptedModel(ANSWER, first_seconds=5))
    visitor = await visit(talk)
    early = await talk.ticket("anonymous")
    await visitor.conversation.say("Go on.")
    draining = asyncio.create_task(talk.drain(60))
    await asyncio.sleep(0.1)
    opened = visitor.conversation.opened
    with pytest.raises(Unavailable):
        await visitor.conversation.say("One more?")
    with pytest.raises(Unavailable):
        await talk.ticket("anonymous")
    with pytest.raises(Unavailable):
        await talk.open(early.ticket)
    with pytest.raises(Unavailable):
        await talk.resume(opened.session, opened.token, "anonymous")
    with pytest.raises(Unavailable) as refused:
        await anext(talk.chat("anonymous", "Hello", None))
    assert refused.value.retry_after
    await draining
    assert visitor.of(TurnEnded)[0].reason == "complete"
    await visitor.leave()


async def test_answers_in_text_are_waited_for() -> None:
    talk = a_talk(ScriptedModel("Yes.", first_seconds=3))

    async def ask() -> list[object]:
        return [part async for part in talk.chat("key:ada", "Hello?", None)]

    asking = asyncio.create_task(ask())
    await asyncio.sleep(1)
    began = asyncio.get_running_loop().time()
    await talk.drain(60)
    assert asyncio.get_running_loop().time() - began == pytest.approx(2, abs=0.1)
    assert (await asking)[0] == "Yes."


async def test_those_who_wait_for_a_place_are_refused() -> None:
    talk = a_talk(ScriptedModel(ANSWER, first_seconds=3), turns=1, queue_seconds=60)
    one, two = await visit(talk), await visit(talk)
    await one.conversation.say("One?")
    waiting = asyncio.create_task(two.conversation.say("Two?"))
    await asyncio.sleep(1)
    draining = asyncio.create_task(talk.drain(60))
    with pytest.raises(Unavailable):
        await waiting
    await draining
    await one.leave()
    await two.leave()
    assert talk.gauges.turns == talk.gauges.queued == 0


async def test_a_greeting_that_nobody_hears_does_not_hold_the_pod() -> None:
    talk = Talk(engines=engines(), store=MemoryStore(), persona=Persona(greeting="Welcome. " * 40))
    visitor = await visit(talk, hears=0)
    await asyncio.sleep(10)
    began = asyncio.get_running_loop().time()
    await talk.drain(600)
    assert asyncio.get_running_loop().time() - began < 1
    await visitor.over(seconds=1)
    await visitor.leave()
    assert talk.gauges.sessions == 0


async def test_a_greeting_that_somebody_hears_is_waited_for() -> None:
    greeting = "Welcome. " * 10
    talk = Talk(engines=engines(), store=MemoryStore(), persona=Persona(greeting=greeting))
    visitor = await visit(talk)
    await asyncio.sleep(1)
    await talk.drain(60)
    ended = visitor.of(TurnEnded)[0]
    assert (ended.reason, ended.heard) == ("complete", greeting.strip())
    await visitor.leave()


async def test_draining_nobody_is_quick_and_closing_is_final() -> None:
    talk = a_talk()
    await talk.start()
    await talk.drain(60)
    await talk.close()
    assert len(asyncio.all_tasks()) == 1


async def test_closing_ends_everything_at_once() -> None:
    talk = a_talk()
    await talk.start()
    visitors = [await visit(talk) for _ in range(3)]
    for visitor in visitors:
        await visitor.conversation.say("Go on.")
    await asyncio.sleep(1)
    await talk.close()
    for visitor in visitors:
        await visitor.over(seconds=1)
        await visitor.leave()
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1


class Swallowing(MemoryStore):
    """A store whose client takes a cancellation for an error of its own, once."""

    swallowed = False

    async def generations(self, sessions: Sequence[str]) -> Mapping[str, int]:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if self.swallowed:
                raise
            self.swallowed = True
        return await super().generations(sessions)


async def test_closing_ends_although_a_library_swallows_the_cancellation() -> None:
    store = Swallowing(Limits())
    talk = Talk(engines=engines(ScriptedModel(ANSWER)), store=store, limits=Limits())
    await talk.start()
    await asyncio.sleep(WATCH_SECONDS + 1)  # it is asking the store
    async with asyncio.timeout(2 * AGAIN_SECONDS):
        await talk.close()
    assert store.swallowed
