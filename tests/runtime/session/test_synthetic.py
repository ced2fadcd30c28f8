"""The conversation that nobody has."""

import asyncio

import pytest

from digital_human_runtime.errors import Busy, EngineFault
from digital_human_runtime.session import Limits, MemoryStore, Persona, Talk
from tests.runtime.pipeline.listener import Figures
from tests.runtime.support import EnergyFace, ScriptedModel, ToneVoice, engines

pytestmark = pytest.mark.looptime


async def test_it_measures_the_real_pipeline() -> None:
    model, voice = ScriptedModel(first_seconds=0.3), ToneVoice(wait_seconds=0.02)
    talk = Talk(engines=engines(model, voice), store=MemoryStore())
    speech = await talk.synthetic()
    assert speech.first_audio_seconds == pytest.approx(
        0.34, abs=0.01
    )  # two pieces: the face hears ahead
    assert speech.audio_seconds == pytest.approx(2.25, abs=0.1)
    assert speech.jaw_movement > 0.3
    assert speech.skew_samples == 0
    assert len(model.asked) == 1


async def test_it_can_spare_the_model() -> None:
    model, voice = ScriptedModel(), ToneVoice()
    talk = Talk(engines=engines(model, voice), store=MemoryStore())
    await talk.synthetic(through_model=False)
    assert model.asked == []
    assert "Pam" in "".join(voice.spoken)


async def test_it_touches_no_session_limit_or_figure_of_users() -> None:
    figures, store, model = Figures(), MemoryStore(), ScriptedModel()
    talk = Talk(
        engines=engines(model),
        store=store,
        observer=figures,
        limits=Limits(sessions=0, turns=0, queue=0),
        persona=Persona(greeting="Welcome."),
    )
    await talk.synthetic()
    assert (figures.turns, figures.refusals, store.records()) == ([], [], ())
    assert talk.gauges.sessions == talk.gauges.turns == 0
    assert len(asyncio.all_tasks()) == 1
    assert model.streams.open == 0


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (engines(ScriptedModel(fail_after=0, fault=Busy("Full."))), "ended as failed: Full."),
        (engines(ScriptedModel("😀")), "gave no sound"),
        (engines(voice=ToneVoice(wait_seconds=99)), "gave no sound for 10 seconds"),
        (engines(ScriptedModel(first_seconds=25)), "not over after 20 seconds"),
    ],
)
async def test_silence_is_told(parts: object, sentence: str) -> None:
    talk = Talk(engines=parts, store=MemoryStore())  # type: ignore[arg-type]
    with pytest.raises(EngineFault, match=sentence):
        await talk.synthetic()
    assert len(asyncio.all_tasks()) == 1


async def test_a_still_face_shows() -> None:
    talk = Talk(engines=engines(face=EnergyFace(fail_open=True)), store=MemoryStore())
    assert (await talk.synthetic()).jaw_movement == 0.0
