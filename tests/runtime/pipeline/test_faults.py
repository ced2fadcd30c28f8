"""Engines that fail: a typed end, silence, a neutral face, and never a spoken error."""

from collections.abc import AsyncGenerator

import pytest

from digital_human_runtime.errors import Busy, EngineFault
from digital_human_runtime.frames import Event, TurnEnded
from digital_human_runtime.pipeline import Limits, read
from tests.runtime.pipeline.listener import Figures, Listener, a_turn
from tests.runtime.support import EnergyFace, ScriptedModel, ToneVoice, engines

pytestmark = pytest.mark.looptime

TEXT = "Here is the first sentence of it. And this is the second. And a third one is here."


async def test_a_model_that_is_exhausted_before_the_first_word() -> None:
    listener, figures, voice = Listener(), Figures(), ToneVoice()
    model = ScriptedModel(fail_after=0, fault=Busy("All places are taken.", retry_after=3.0))
    turn = a_turn(engines(model, voice), listener, observer=figures)
    ended = await turn.run()
    assert ended == TurnEnded(
        1, "failed", 0, "", code="busy", message="All places are taken.", retry_after=3.0
    )
    assert (listener.media, listener.text, voice.spoken) == ([], "", [])
    assert (figures.turns[0].reason, figures.turns[0].code) == ("failed", "busy")


async def test_a_model_that_gives_up_in_the_middle() -> None:
    listener, voice = Listener(), ToneVoice()
    model = ScriptedModel(TEXT, piece=20, fail_after=3, fault=EngineFault("It gave up."))
    model.piece_seconds = 1.0
    ended = await a_turn(engines(model, voice), listener).run()
    assert (ended.reason, ended.code, ended.message) == ("failed", "engine", "It gave up.")
    assert ended.heard == "Here is the first sentence of it."
    assert voice.spoken == ["Here is the first sentence of it."]
    assert not listener.weights[-1].any()
    assert not listener.samples[-1600:].any()
    assert model.streams.open == voice.streams.open == 0


async def test_clauses_that_wait_are_not_begun_after_the_fault() -> None:
    listener, voice = Listener(), ToneVoice(wait_seconds=0.2)
    model = ScriptedModel(TEXT + " " + TEXT, piece=20, fail_after=6, fault=EngineFault("Gone."))
    ended = await a_turn(engines(model, voice), listener).run()
    assert voice.spoken == ["Here is the first sentence of it."]
    assert ended.reason == "failed"


async def test_a_bug_in_an_engine_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    listener = Listener()
    model = ScriptedModel(TEXT, fail_after=2, fault=ValueError("the user said: my secret"))
    ended = await a_turn(engines(model), listener).run()
    assert (ended.reason, ended.code) == ("failed", "internal")
    assert "secret" not in str(ended.message)
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text


async def test_a_voice_that_fails() -> None:
    listener = Listener()
    voice = ToneVoice(fail_on="second", fault=EngineFault("The voice is gone."))
    model = ScriptedModel(TEXT * 20, piece_seconds=0.1)
    ended = await a_turn(engines(model, voice), listener).run()
    assert (ended.reason, ended.message) == ("failed", "The voice is gone.")
    assert ended.heard == "Here is the first sentence of it."
    assert not listener.weights[-1].any()
    assert model.streams.open == voice.streams.open == 0


@pytest.mark.parametrize(
    ("model", "seconds"),
    [
        (ScriptedModel(TEXT, first_seconds=99.0), 30.0),
        (ScriptedModel(TEXT, piece=40, piece_seconds=99.0), 20.0),
    ],
)
async def test_a_model_that_hangs(model: ScriptedModel, seconds: float) -> None:
    listener, figures = Listener(), Figures()
    ended = await a_turn(engines(model), listener, observer=figures).run()
    assert ended.code == "engine"
    assert f"nothing for {seconds:g} seconds" in str(ended.message)
    assert model.streams.open == 0
    assert figures.turns[0].seconds == pytest.approx(seconds, abs=3)


async def test_a_voice_that_hangs() -> None:
    listener, voice = Listener(), ToneVoice(wait_seconds=99.0)
    ended = await a_turn(engines(voice=voice), listener).run()
    assert (ended.reason, ended.code, ended.samples) == ("failed", "engine", 0)
    assert voice.streams.open == 0


@pytest.mark.parametrize("hang", [False, True])
async def test_a_face_that_fails_costs_no_word(hang: bool) -> None:
    listener, figures = Listener(), Figures()
    first = EnergyFace(fail_at=16_000, hang=hang, mark=0.2)
    second = EnergyFace(mark=0.8)
    turn = a_turn(
        engines(ScriptedModel(TEXT), face=first, fallback=second),
        listener,
        observer=figures,
        limits=Limits(face_seconds=1.0),
    )
    ended = await turn.run()
    assert (ended.reason, ended.heard) == ("complete", TEXT)
    brows = listener.weights[:, 2 + 41]
    assert brows.max() == pytest.approx(0.8)
    assert figures.turns[0].face_failovers == 1
    assert figures.turns[0].skew_samples == 0
    assert first.streams.open == second.streams.open == 0


async def test_all_faces_fail_and_the_words_go_on() -> None:
    listener = Listener()
    broken = EnergyFace(fail_open=True)
    ended = await a_turn(engines(face=broken, fallback=broken), listener).run()
    assert ended.reason == "complete"
    assert not listener.weights.any()
    assert len(listener.weights) > 30


async def test_faces_of_different_speed_are_refused() -> None:
    with pytest.raises(ValueError, match="the second face has 60 frames per second"):
        engines(face=EnergyFace(fps=30), fallback=EnergyFace(fps=60))


async def test_a_connection_that_breaks_ends_the_turn_as_failed() -> None:
    async def put(event: Event) -> None:
        if not isinstance(event, TurnEnded):
            raise ConnectionError

    listener, model = Listener(), ScriptedModel(TEXT)
    turn = a_turn(engines(model), listener)
    turn._put = put
    with pytest.raises(ConnectionError):
        await turn.run()
    assert model.streams.open == 0


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["Yes \ud83d", "\ude00."], "Yes \U0001f600."),
        (["No \ud83d", " more."], "No \ufffd more."),
        (["At the end. \ud83d"], "At the end. "),
        (["\ude00 first."], "\ufffd first."),
    ],
)
async def test_half_a_character_of_a_model_harms_nothing(pieces: list[str], text: str) -> None:
    async def source() -> AsyncGenerator[str]:
        for piece in pieces:
            yield piece

    found = "".join([piece async for piece in read(source(), Limits())])
    assert found == text
    found.encode()
