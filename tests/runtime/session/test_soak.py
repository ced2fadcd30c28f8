"""Five hundred conversations leave nothing behind."""

import asyncio
import gc
import random
from collections import Counter

import psutil
import pytest

from digital_human_runtime.session import MemoryStore, Talk
from tests.runtime.session.visitor import visit
from tests.runtime.support import EnergyFace, ScriptedModel, ToneVoice, engines

pytestmark = pytest.mark.looptime

CONVERSATIONS = 500
MOST_GROWTH = 20 * 2**20
"""Bytes: a leak of 50 kB a conversation would show; noise of the allocator does not."""


def ours() -> Counter[str]:
    """How many objects of the runtime there are, by type."""
    gc.collect()
    return Counter(
        type(thing).__qualname__
        for thing in gc.get_objects()
        if str(type(thing).__module__).startswith("digital_human_runtime")
    )


async def converse(talk: Talk, draw: random.Random) -> None:
    """One visitor who asks, interrupts, or goes away in the middle."""
    visitor = await visit(talk, hears=10.0)
    for _ in range(draw.randint(1, 3)):
        turn = await visitor.conversation.say("Tell me something.")
        if draw.random() < 0.5:
            await asyncio.sleep(draw.random())
            await visitor.conversation.interrupt(turn, draw.randint(0, 20_000))
        else:
            ended = await visitor.until_ended(turn)
            await visitor.conversation.finished(turn, ended.samples)
    if draw.random() < 0.3:
        await visitor.conversation.say("And one more.")
        await asyncio.sleep(draw.random())
    await visitor.leave(forget=True)


async def test_memory_and_tasks_are_flat() -> None:
    draw = random.Random(4)
    model = ScriptedModel(piece_seconds=0.01)
    voice, face = ToneVoice(wait_seconds=0.01), EnergyFace()
    store = MemoryStore()
    talk = Talk(engines=engines(model, voice, face), store=store)
    await talk.start()
    tasks = asyncio.all_tasks()

    async def many(count: int) -> None:
        for _ in range(count // 10):
            await asyncio.gather(*(converse(talk, draw) for _ in range(10)))
            model.asked.clear()
            voice.spoken.clear()

    await many(100)
    before, rss = ours(), psutil.Process().memory_info().rss
    await many(CONVERSATIONS - 100)
    assert ours() == before
    assert psutil.Process().memory_info().rss - rss < MOST_GROWTH
    assert asyncio.all_tasks() == tasks
    assert store.records() == ()
    assert talk.gauges.sessions == talk.gauges.turns == talk.gauges.queued == 0
    assert model.streams.open == voice.streams.open == face.streams.open == 0
    await talk.close()
