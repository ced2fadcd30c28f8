"""The listener's credits: never further ahead than the window, never growing."""

import asyncio

import pytest

from digital_human_runtime.frames import Media, TurnEnded
from digital_human_runtime.pipeline import Limits
from tests.runtime.pipeline.listener import Figures, Listener, a_turn
from tests.runtime.support import EnergyFace, ScriptedModel, ToneVoice, engines

pytestmark = pytest.mark.looptime

RATE = 16_000
WINDOW = int(1.5 * RATE)
LONG = "This is one of very many sentences that are spoken. " * 30


async def test_a_listener_who_hears_nothing_gets_the_window() -> None:
    listener, voice, model = Listener(hears=False), ToneVoice(), ScriptedModel(LONG)
    turn = a_turn(engines(model, voice), listener)
    task = asyncio.create_task(turn.run())
    await asyncio.sleep(30)
    assert WINDOW - 1600 <= turn.sent <= WINDOW
    before = (len(listener.events), len(voice.spoken), len(turn._sounds))
    await asyncio.sleep(20)
    assert (len(listener.events), len(voice.spoken), len(turn._sounds)) == before
    assert len(voice.spoken) < 5  # it does not speak ahead for nobody
    task.cancel()


@pytest.mark.parametrize("piece", [0.05, 0.1, 4.0])
async def test_a_listener_in_real_time_is_never_ahead_nor_dry(piece: float) -> None:
    listener, figures = Listener(hears=False), Figures()
    turn = a_turn(
        engines(ScriptedModel(LONG[:400]), ToneVoice(piece_seconds=piece)),
        listener,
        observer=figures,
    )
    playing = asyncio.create_task(listener.play(RATE))
    ended = await turn.run()
    playing.cancel()
    assert ended.reason == "complete"
    assert listener.most_ahead <= WINDOW
    assert figures.turns[0].underruns == 0
    assert figures.turns[0].seconds == pytest.approx(ended.samples / RATE - 1.5, abs=0.3)


async def test_a_slow_listener_slows_the_turn_only() -> None:
    listener = Listener(hears=False)
    turn = a_turn(engines(ScriptedModel(LONG)), listener)
    task = asyncio.create_task(turn.run())
    played = 0
    for _ in range(100):
        await asyncio.sleep(0.5)
        played += RATE // 20  # hears a tenth of real time
        turn.credit(played)
    assert listener.most_ahead <= WINDOW
    assert turn.sent <= played + WINDOW
    task.cancel()


async def test_more_than_was_sent_is_not_believed() -> None:
    listener = Listener(hears=False)
    turn = a_turn(engines(ScriptedModel(LONG)), listener)
    task = asyncio.create_task(turn.run())
    await asyncio.sleep(1)
    turn.credit(10**9)
    assert turn.played == turn.sent
    turn.credit(-5)
    turn.credit(3)
    assert turn.played == WINDOW - WINDOW % 1600 or turn.played <= WINDOW
    await asyncio.sleep(1)
    assert turn.sent <= turn.played + WINDOW
    task.cancel()


async def test_a_listener_who_is_gone_ends_the_turn() -> None:
    listener, figures = Listener(hears=False), Figures()
    turn = a_turn(
        engines(ScriptedModel(LONG)),
        listener,
        limits=Limits(stall_seconds=30),
        observer=figures,
    )
    task = asyncio.create_task(turn.run())
    await asyncio.sleep(1)
    turn.credit(RATE)
    ended = await task
    assert (ended.reason, ended.heard) == ("interrupted", "This is one of very")
    assert figures.turns[0].reason == "interrupted"
    assert figures.turns[0].seconds == pytest.approx(31, abs=1)


async def test_a_greeting_waits_for_its_listener() -> None:
    listener = Listener(hears=False)
    turn = a_turn(engines(ScriptedModel(LONG)), listener, stall=False)
    task = asyncio.create_task(turn.run())
    await asyncio.sleep(3600)
    assert not task.done()
    playing = asyncio.create_task(listener.play(RATE))
    assert (await task).reason == "complete"
    playing.cancel()


async def test_starving_is_counted() -> None:
    listener, figures = Listener(hears=False), Figures()
    model = ScriptedModel("Here is the first sentence of it. And this is the second.", piece=34)
    model.piece_seconds = 20.0
    turn = a_turn(engines(model), listener, observer=figures)
    playing = asyncio.create_task(listener.play(RATE))
    await turn.run()
    playing.cancel()
    assert figures.turns[0].underruns == 1


async def test_a_window_smaller_than_a_piece_still_moves() -> None:
    listener = Listener()
    turn = a_turn(engines(), listener, limits=Limits(window_seconds=0.02))
    assert (await turn.run()).reason == "complete"
    assert listener.most_ahead <= 320


async def test_a_slow_reader_holds_the_turn() -> None:
    """``put`` that waits is the back pressure of the connection."""
    gate = asyncio.Event()
    taken: list[object] = []

    async def put(event: object) -> None:
        if isinstance(event, Media):
            await gate.wait()
        taken.append(event)

    listener, voice = Listener(), ToneVoice()
    turn = a_turn(engines(ScriptedModel(LONG), voice, EnergyFace()), listener)
    turn._put = put
    task = asyncio.create_task(turn.run())
    await asyncio.sleep(50)
    assert len(voice.spoken) < 5
    gate.set()
    await asyncio.sleep(1)
    assert not any(isinstance(event, TurnEnded) for event in taken)
    task.cancel()
