"""Cancelling a turn, at any of its steps, leaves nothing behind."""

import asyncio
import gc
import weakref
from contextlib import suppress

import pytest

from tests.runtime.pipeline.listener import Figures, Listener, a_turn
from tests.runtime.support import EnergyFace, ScriptedModel, ToneVoice, engines

ANSWER = "Here is the first sentence of it. And this is the second. And the third of them."


@pytest.mark.parametrize("steps", [*range(60), *range(60, 400, 17)])
async def test_cancelled_after_so_many_steps_of_the_loop(steps: int) -> None:
    model, voice, face = ScriptedModel(ANSWER), ToneVoice(), EnergyFace()
    figures = Figures()
    turn = a_turn(engines(model, voice, face), Listener(), observer=figures)
    before = asyncio.all_tasks()
    task = asyncio.create_task(turn.run())
    for _ in range(steps):
        await asyncio.sleep(0)
    turn.interrupt()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before
    assert model.streams.open == voice.streams.open == face.streams.open == 0
    if task.cancelled() and steps:
        assert [turn.reason for turn in figures.turns] == ["interrupted"]


@pytest.mark.looptime
@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.25, 0.35, 0.45, 0.6, 0.75, 1.2, 2.0, 3.3, 5.1])
@pytest.mark.parametrize("slow", ["model", "voice", "face", "listener"])
async def test_cancelled_while_it_waits_for_something(slow: str, seconds: float) -> None:
    model = ScriptedModel(ANSWER, first_seconds=0.1, piece_seconds=1.0 if slow == "model" else 0.0)
    voice = ToneVoice(wait_seconds=1.0 if slow == "voice" else 0.0)
    face = EnergyFace(wait_seconds=0.5 if slow == "face" else 0.0)
    listener = Listener(hears=slow != "listener")
    turn = a_turn(engines(model, voice, face), listener)
    before = asyncio.all_tasks()
    task = asyncio.create_task(turn.run())
    await asyncio.sleep(seconds)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before
    assert model.streams.open == voice.streams.open == face.streams.open == 0
    count = len(listener.events)
    await asyncio.sleep(60)
    assert len(listener.events) == count


@pytest.mark.looptime
async def test_nothing_refers_to_a_turn_that_is_over() -> None:
    listener = Listener()
    turn = a_turn(engines(), listener)
    await turn.run()
    parts = [weakref.ref(part) for part in (turn, turn._face, turn._playout, turn._writing)]
    listener.turn = None
    del turn
    await asyncio.sleep(0)  # for the last credit
    gc.collect()
    assert [part() for part in parts] == [None] * len(parts)
