import re
from collections.abc import AsyncIterator
from contextlib import suppress

import grpc
import pytest
from nvidia_audio2face_3d import audio2face_pb2_grpc
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from digital_human_runtime.errors import EngineFault
from digital_human_runtime.frames import Check
from digital_human_runtime.health_api.report import Health
from digital_human_runtime.health_api.speaking import Speaking, judge
from digital_human_runtime.metrics import Metrics
from digital_human_runtime.pipeline import TurnFigures
from digital_human_runtime.session.synthetic import SyntheticSpeech
from tests.runtime.grpc_api import clips
from tests.runtime.support.engines import ScriptedModel, engines
from tests.runtime.support.serving import Running, running
from tests.runtime.support.waiting import eventually
from tests.runtime.ws_api.client import talking

GOOD = SyntheticSpeech(0.1, 1.0, 0.5, 0)


@pytest.fixture
async def served() -> AsyncIterator[Running]:
    async with running() as found:
        yield found


def test_readiness_waits_for_the_start_and_ends_with_the_drain() -> None:
    checks = [Check("model", ok=True), Check("database", ok=True)]
    health = Health(lambda: checks)
    assert (health.startup().status, health.ready().status) == (503, 503)
    health.started()
    assert (health.startup().status, health.ready().status) == (200, 200)
    checks[0] = Check("model", ok=False, detail="gone")
    assert (health.startup().status, health.ready().status) == (200, 503)
    checks[0] = Check("model", ok=False, degraded=True)
    assert health.ready().status == 200
    assert health.ready().body()["degraded"] is True
    health.drain()
    assert (health.ready().status, health.ready().body()["status"]) == (503, "draining")


async def test_probes_by_the_paths_of_the_guide(served: Running) -> None:
    url = served.url("health")
    live = await served.client.get(f"{url}/health/live")
    assert (live.status_code, live.json()) == (200, {"status": "alive"})
    for name in ("ready", "startup"):
        answer = await served.client.get(f"{url}/health/{name}")
        assert answer.status_code == 200
        assert {"database", "gpu", "model", "audio2face"} <= set(answer.json()["checks"])


async def test_settings_without_effect_are_warnings_and_leave_it_ready() -> None:
    told = {"DIGITAL_HUMAN_FACE_TLS": "true", "CUDA_VISIBLE_DEVICES": "0"}
    async with running(**told) as served:
        served.runtime._gpus.read = lambda: ()  # type: ignore[method-assign]
        for url in (f"{served.url('health')}/health/ready", f"{served.url('http')}/health"):
            answer = await served.client.get(url)
            body = answer.json()
            assert (answer.status_code, body["status"]) == (200, "ready")
            assert body["degraded"] is False
            assert [one.split()[0] for one in body["warnings"]] == [
                "DIGITAL_HUMAN_FACE_TLS",
                "CUDA_VISIBLE_DEVICES",
            ]
    async with running() as served:
        answer = await served.client.get(f"{served.url('health')}/health/ready")
        assert answer.json()["warnings"] == []


@pytest.mark.parametrize(
    ("speech", "wrong"),
    [
        (GOOD, None),
        (SyntheticSpeech(0.1, 0.0, 0.5, 0), "sound"),
        (SyntheticSpeech(9.0, 1.0, 0.5, 0), "first sound"),
        (SyntheticSpeech(0.1, 1.0, 0.01, 0), "jaw"),
        (SyntheticSpeech(0.1, 1.0, 0.5, 1600), "behind"),
    ],
)
def test_what_counts_as_speech(speech: SyntheticSpeech, wrong: str | None) -> None:
    found = judge(speech, 16000)
    assert found is None if wrong is None else wrong in str(found)


async def test_one_hiccup_is_no_muteness() -> None:
    results: list[SyntheticSpeech | EngineFault] = [GOOD, EngineFault("x"), EngineFault("x"), GOOD]

    async def synthetic(*, through_model: bool = True) -> SyntheticSpeech:
        found = results.pop(0)
        if isinstance(found, EngineFault):
            raise found
        return found

    speaking = Speaking(synthetic, Metrics(16000), 16000)
    assert not speaking.check().ok
    seen = []
    for _ in range(4):
        with suppress(EngineFault):
            await speaking.prove()
        seen.append(speaking.check().ok)
    assert seen == [True, True, False, True]


async def test_speaking_health_now_and_then_costs_no_tokens_and_no_session() -> None:
    model = ScriptedModel()
    told = {"DIGITAL_HUMAN_SPEAKING_HEALTH_SECONDS": "0.05"}
    async with running(engines(model), **told) as served:
        voice = served.runtime.engines.voice
        asked, spoken = len(model.asked), len(voice.spoken)  # type: ignore[attr-defined]
        await eventually(lambda: len(voice.spoken) > spoken + 2)  # type: ignore[attr-defined]
        assert len(model.asked) == asked
        found = await samples(served)
        assert found["digital_human_speaking"] == 1
        assert found["digital_human_sessions_active"] == 0
        assert found['digital_human_turns_total{"reason": "complete"}'] == 0


async def samples(served: Running) -> dict[str, float]:
    """All samples of /metrics by name and labels."""
    text = (await served.client.get(f"{served.url('health')}/metrics")).text
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ", ".join(f'"{k}": "{v}"' for k, v in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def test_the_names_of_the_guide_and_of_autoscaling(served: Running) -> None:
    before = await samples(served)
    async with talking(served) as client:
        during = await samples(served)
        await client.ask("Hello")
        await served.client.post("/api/chat", json={"message": "Hello"})
    after = await samples(served)
    assert before["digital_human_sessions_active"] == before["digital_human_active_sessions"] == 0
    assert during["digital_human_sessions_active"] == during["digital_human_active_sessions"] == 1
    assert during["digital_human_sessions_capacity"] == 100
    assert after['digital_human_response_time_count{"kind": "conversation"}'] == 1
    assert after['digital_human_response_time_count{"kind": "chat"}'] == 1
    for part in ("token", "clause", "audio", "frame"):
        assert after[f"digital_human_first_{part}_seconds_count"] >= 1
    assert after["digital_human_audio_seconds_total"] > 0
    assert after["digital_human_skew_seconds_count"] == 1
    assert {"digital_human_interrupts_total", "digital_human_underruns_total"} <= set(after)


async def test_a_refused_clip_is_no_open_stream() -> None:
    async with (
        running(DIGITAL_HUMAN_FACE_STREAMS="1") as served,
        grpc.aio.insecure_channel(f"127.0.0.1:{served.runtime.ports['grpc']}") as channel,
    ):
        stub = audio2face_pb2_grpc.A2FControllerServiceStub(channel)  # type: ignore[no-untyped-call]
        first, second = (stub.ProcessAudioStream(timeout=30) for _ in range(2))
        for call in (first, second):
            await call.write(clips.header())
            await call.read()
        assert (await second.read()).status.message  # it is refused, and may still be sending
        found = await samples(served)
        assert found["digital_human_face_streams_active"] == 1
        assert found["digital_human_face_streams_capacity"] == 1
        second.cancel()
        await first.write(clips.end())
        await first.done_writing()
        await clips.read(first)
        registry = served.runtime.metrics.registry
        name = "digital_human_face_streams_active"
        await eventually(lambda: registry.get_sample_value(name) == 0)


def test_labels_take_few_values_whatever_fails() -> None:
    metrics = Metrics(16000)
    for number in range(100):
        metrics.turn_ended(TurnFigures(reason="failed", code=f"made-up-{number}"))
        metrics.refused(f"made-up-{number}")
    metrics.turn_ended(TurnFigures(reason="failed", code="engine"))
    names = {
        (s.name, *sorted(s.labels.values()))
        for family in metrics.registry.collect()
        for s in family.samples
        if s.value and re.search(r"(errors|refused)_total$", s.name)
    }
    assert names == {
        ("digital_human_errors_total", "engine"),
        ("digital_human_errors_total", "other"),
        ("digital_human_refused_total", "other"),
    }


def test_a_counter_is_there_before_it_counts() -> None:
    text = generate_latest(Metrics(16_000).registry).decode()
    for line in (
        'digital_human_errors_total{code="engine"} 0.0',
        'digital_human_errors_total{code="other"} 0.0',
        'digital_human_turns_total{reason="failed"} 0.0',
    ):
        assert line in text.splitlines()
