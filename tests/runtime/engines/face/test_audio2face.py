import asyncio
import gc
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from google.protobuf.any_pb2 import Any as Packed  # type: ignore[import-untyped]
from nvidia_audio2face_3d import messages_pb2

from digital_human_runtime import composition, settings
from digital_human_runtime.engines.face.audio2face import Audio2Face, wire
from digital_human_runtime.engines.face.audio2face.cutting import Cutter
from digital_human_runtime.errors import EngineFault
from digital_human_runtime.frames import SHAPE_INDEX, FaceOptions
from digital_human_runtime.interfaces import Face, FaceStream
from tests.runtime.support.engines import ToneVoice

from .conformance import CLOSE, JAW, FaceConformance, frames, split, vowels
from .service import Served, eventually, served

PATIENCE = 20.0
"""No healthy service takes so long, however busy the machine is."""


@pytest.fixture
async def service() -> AsyncIterator[Served]:
    async with served() as running:
        yield running


@pytest.fixture(params=[30, 60])
async def face(request: pytest.FixtureRequest, service: Served) -> AsyncIterator[Face]:
    face = Audio2Face(service.address, fps=request.param)
    await face.start()
    yield face
    await face.close()


@pytest.fixture
async def remote(service: Served, request: pytest.FixtureRequest) -> AsyncIterator[Audio2Face]:
    probe_seconds = getattr(request, "param", 60.0)
    face = Audio2Face(service.address, patience=PATIENCE, probe_seconds=probe_seconds)
    await face.start()
    service.service.calls.headers.clear()
    service.service.calls.chunks.clear()
    yield face
    await face.close()


@pytest.fixture
def impatient(remote: Audio2Face, monkeypatch: pytest.MonkeyPatch) -> Audio2Face:
    """One that was started in peace, and from now on waits for a moment only."""
    monkeypatch.setattr(remote, "_patience", 0.3)
    return remote


class TestAudio2Face(FaceConformance):
    pass


async def test_only_what_differs_from_the_defaults_is_sent(
    remote: Audio2Face, service: Served
) -> None:
    await frames(await remote.open(sample_rate=16000, options=FaceOptions()), [vowels(16000, 0.5)])
    told = service.service.calls.headers[0]
    assert told.audio_header.samples_per_second == 16000
    assert (told.audio_header.channel_count, told.audio_header.bits_per_sample) == (1, 16)
    present = [field.name for field, _ in told.ListFields()]
    assert present == ["audio_header"]


async def test_options_are_sent_by_the_names_of_the_protocol(
    remote: Audio2Face, service: Served
) -> None:
    options = FaceOptions(
        strengths={"lowerFaceStrength": 1.5},
        multipliers={"jawOpen": 0.5},
        offsets={"mouthSmileLeft": 0.1},
        emotions={"joy": 0.7},
        emotion_strength=0.9,
        emotion_contrast=1.4,
        preferred_strength=0.8,
        max_emotions=4,
        blend=0.2,
        transition_seconds=1.25,
    )
    await frames(await remote.open(sample_rate=16000, options=options), [vowels(16000, 0.5)])
    told = service.service.calls.headers[0]
    assert told.face_params.float_params["lowerFaceStrength"] == 1.5
    assert told.blendshape_params.bs_weight_multipliers["JawOpen"] == 0.5
    assert told.blendshape_params.bs_weight_offsets["MouthSmileLeft"] == pytest.approx(0.1)
    assert told.emotion_params.beginning_emotion["joy"] == pytest.approx(0.7)
    assert told.emotion_params.live_transition_time == 1.25
    after = told.emotion_post_processing_params
    sent = {field.name: value for field, value in after.ListFields()}
    assert sent == pytest.approx(
        {
            "emotion_contrast": 1.4,
            "live_blend_coef": 0.2,
            "enable_preferred_emotion": True,
            "preferred_emotion_strength": 0.8,
            "emotion_strength": 0.9,
            "max_emotions": 4,
        }
    )


async def test_what_is_told_is_sent_also_where_it_is_the_default_of_the_protocol(
    remote: Audio2Face, service: Served
) -> None:
    """The service may be set otherwise."""
    options = FaceOptions(emotion_strength=0.6, emotion_contrast=1.0, preferred_strength=0.5)
    await frames(await remote.open(sample_rate=16000, options=options), [vowels(16000, 0.5)])
    after = service.service.calls.headers[0].emotion_post_processing_params
    assert {field.name for field, _ in after.ListFields()} == {
        *("emotion_strength", "emotion_contrast"),
        *("enable_preferred_emotion", "preferred_emotion_strength"),
    }


async def test_emotions_of_the_settings_are_sent_with_every_clause(service: Served) -> None:
    told = settings.load(
        {
            "AUDIO2FACE_SERVER": service.address,
            "DIGITAL_HUMAN_FACE_EMOTION": "joy=0.4, amazement=0.2",
            "DIGITAL_HUMAN_FACE_EMOTION_CONTRAST": "2.5",
            "DIGITAL_HUMAN_FACE_EMOTION_PREFERRED_STRENGTH": "0.75",
        }
    )
    made, persona = composition.engines(told), composition.persona(told, ToneVoice())
    await made.face.start()
    try:
        service.service.calls.headers.clear()
        clause = np.concatenate((np.full(24000, 9000, np.int16), np.zeros(8000, np.int16)))
        stream = await made.face.open(sample_rate=16000, options=persona.face)
        await frames(stream, split(np.concatenate((clause, clause)), 1600))
    finally:
        await made.face.close()
    headers = service.service.calls.headers
    assert len(headers) >= 2
    for header in headers:
        after = header.emotion_post_processing_params
        assert after.emotion_contrast == pytest.approx(2.5)
        assert after.preferred_emotion_strength == pytest.approx(0.75)
        assert not after.HasField("emotion_strength")
        begins = dict(header.emotion_params.beginning_emotion)
        assert begins == pytest.approx({"joy": 0.4, "amazement": 0.2})


async def test_sound_is_sent_in_messages_of_a_second(remote: Audio2Face, service: Served) -> None:
    stream = await remote.open(sample_rate=16000, options=FaceOptions())
    buzz = np.full(16000 * 3 + 5, 9000, np.int16)
    await frames(stream, split(buzz, 801))
    assert sum(service.service.calls.chunks) == len(buzz)
    assert max(service.service.calls.chunks) <= 16000
    assert len(service.service.calls.chunks) <= 4


async def test_each_clause_is_a_call_of_its_own(remote: Audio2Face, service: Served) -> None:
    clause = np.concatenate((np.full(24000, 9000, np.int16), np.zeros(8000, np.int16)))
    sound = np.concatenate((clause, clause, clause))
    stream = await remote.open(sample_rate=16000, options=FaceOptions())
    made = await frames(stream, split(sound, 1600))
    assert len(service.service.calls.headers) == 4  # and the silence behind the last
    assert len(made) == len(sound) * 30 // 16000
    spoken = made[:, JAW].reshape(3, 60)
    assert (spoken[:, 5:40] > 0.9).all()
    assert (spoken[:, 50:59] < 0.05).all()


async def test_the_frames_of_a_clause_come_with_its_last_sound(remote: Audio2Face) -> None:
    stream = await remote.open(sample_rate=16000, options=FaceOptions())
    clause = np.concatenate((np.full(24000, 9000, np.int16), np.zeros(4000, np.int16)))
    made = np.concatenate([await stream.push(piece) for piece in split(clause, 3200)])
    assert len(made) >= 48  # all 1.5 s of speech, although nothing follows
    assert len(await stream.push(np.zeros(0, np.int16))) == 0
    await stream.close()


async def test_sound_that_stops_coming_ends_its_call(
    remote: Audio2Face, service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "digital_human_runtime.engines.face.audio2face.stream"
    monkeypatch.setattr(f"{module}._LINGER", 0.01)
    monkeypatch.setattr(f"{module}._IDLE", 0.05)
    stream = await remote.open(sample_rate=16000, options=FaceOptions())
    await stream.push(np.full(4000, 9000, np.int16))
    calls = service.service.calls
    await eventually(lambda: bool(calls.chunks) and not calls.running)
    made = await stream.push(np.full(4000, 9000, np.int16))
    made = np.concatenate((made, await stream.finish()))
    assert len(service.service.calls.headers) == 2
    assert len(made) == 15


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("error", "reported an error"),
        ("no success", "without success"),
        ("short", "left out frames"),
        ("order", "out of order"),
        ("nan", "cannot be understood"),
        ("few", "cannot be understood"),
        # gRPC says INTERNAL of a call that ends while a message is on its way to the service.
        ("abort", r"broke off: (RESOURCE_EXHAUSTED|INTERNAL)\."),
        ("die", r"broke off: (UNAVAILABLE|INTERNAL)\."),
    ],
)
async def test_a_faulty_service_is_a_fault_of_the_engine(
    remote: Audio2Face, service: Served, fault: str, sentence: str
) -> None:
    service.service.fault = fault
    await _fails(remote, sentence)


@pytest.mark.parametrize("fault", ["hang", "hang at the end"])
async def test_a_service_that_hangs_is_a_fault_of_the_engine(
    impatient: Audio2Face, service: Served, fault: str
) -> None:
    service.service.fault = fault
    await _fails(impatient, "did not answer within")


async def _fails(face: Audio2Face, sentence: str) -> None:
    """Its stream ends with this sentence, and no other one is opened."""
    stream = await face.open(sample_rate=16000, options=FaceOptions())
    async with asyncio.timeout(10):
        with pytest.raises(EngineFault, match=sentence) as caught:
            await frames(stream, split(vowels(16000, 4.0), 16000))
    assert "0x1" not in caught.value.message
    check = face.check()
    assert not check.ok
    assert re.search(sentence, check.detail)
    with pytest.raises(EngineFault, match="away"):
        await face.open(sample_rate=16000, options=FaceOptions())


@pytest.mark.parametrize("remote", [0.05], indirect=True)
async def test_a_service_that_recovers_is_used_again(remote: Audio2Face, service: Served) -> None:
    service.service.fault = "error"
    with pytest.raises(EngineFault):
        await frames(
            await remote.open(sample_rate=16000, options=FaceOptions()), [vowels(16000, 0.5)]
        )
    service.service.fault = ""
    await eventually(lambda: remote.check().ok)
    stream = await remote.open(sample_rate=16000, options=FaceOptions())
    assert len(await frames(stream, [vowels(16000, 1.0)])) == 30


async def test_a_probe_does_not_excuse_a_stream_that_fails_meanwhile(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = Audio2Face(service.address, probe_seconds=60.0)
    await face.start()

    async def probe() -> None:
        face._failed("a stream failed")

    monkeypatch.setattr(face, "_probe", probe)
    await face._look()
    assert not face.check().ok
    await face.close()


@pytest.mark.parametrize("remote", [0.05], indirect=True)
async def test_a_service_that_says_it_does_not_serve_is_noticed_without_a_stream(
    remote: Audio2Face, service: Served
) -> None:
    await service.service.serving(False)
    await eventually(lambda: not remote.check().ok)
    assert "does not serve" in remote.check().detail


async def test_close_cancels_the_call(remote: Audio2Face, service: Served) -> None:
    stream = await remote.open(sample_rate=16000, options=FaceOptions())
    await stream.push(np.full(32000, 9000, np.int16))
    await stream.close()
    await eventually(lambda: not service.service.calls.running)


async def test_weights_are_held_in_bounds(remote: Audio2Face, service: Served) -> None:
    service.service.fault = "pressed"
    stream = await remote.open(sample_rate=16000, options=FaceOptions())
    made = await frames(stream, [np.full(16000, 20000, np.int16)])
    assert made[:, JAW].max() == 1.0
    assert (made[:, CLOSE] <= made[:, JAW]).all()
    assert made[:, SHAPE_INDEX["tongueOut"]].max() == 0.0


async def test_emotions_ride_on_the_sound_they_belong_to(
    remote: Audio2Face, service: Served
) -> None:
    stream = await remote.open(sample_rate=16000, options=FaceOptions())
    await stream.push(np.full(16000, 9000, np.int16))
    await stream.feel({"anger": 0.5}, 24000)
    await stream.push(np.full(16000, 9000, np.int16))
    await stream.finish()
    (felt,) = service.service.calls.emotions
    assert felt.time_code == 1.5
    assert felt.emotion["anger"] == 0.5


async def test_nobody_there_is_said_in_one_sentence() -> None:
    face = Audio2Face("127.0.0.1:1")
    with pytest.raises(EngineFault, match="cannot be reached"):
        await face.start()
    assert "cannot be reached" in face.check().detail
    await face.close()


async def test_a_missing_authority_is_named(tmp_path: Path) -> None:
    face = Audio2Face("127.0.0.1:1", tls=True, ca_file=tmp_path / "ca.crt")
    with pytest.raises(EngineFault, match=r"ca\.crt"):
        await face.start()
    await face.close()


def test_cuts_do_not_depend_on_pieces() -> None:
    rate = 16000
    clause = [np.full(20000, 5000, np.int16), np.zeros(5000, np.int16)]
    sound = np.concatenate([np.zeros(4000, np.int16), *clause, *clause, np.zeros(9000, np.int16)])

    def cuts(length: int) -> list[int]:
        cutter, found, at = Cutter(rate), [], 0
        while at < len(sound):
            piece = sound[at : at + length]
            cut = cutter.cut(piece)
            at += len(piece) if cut is None else cut
            if cut is not None:
                found.append(at)
        return found

    assert cuts(len(sound)) == cuts(7) == cuts(1600) == [25920, 50920]


def test_silence_alone_is_not_cut_and_endless_sound_is() -> None:
    cutter = Cutter(1000)
    assert all(cutter.cut(np.zeros(1000, np.int16)) is None for _ in range(50))
    cutter = Cutter(1000)
    loud = np.full(1000, 9000, np.int16)
    found = [cutter.cut(loud) for _ in range(60)]
    assert found[:-1] == [None] * 59
    assert found[-1] == 1000


@pytest.mark.parametrize("package", ["com.nvidia.ace.x", "nvidia_ace.emotion_aggregate.v1"])
def test_both_generations_of_the_emotion_type_are_read(package: str) -> None:
    told = messages_pb2.EmotionAggregate()
    told.a2f_smoothed_output.add(time_code=0.5).emotion["joy"] = 0.25
    packed = Packed(
        type_url=f"type.googleapis.com/{package}.EmotionAggregate", value=told.SerializeToString()
    )
    assert wire.aggregate(packed) == told
    assert wire.aggregate(Packed(type_url="x/y.Other", value=b"")) is None


async def test_frames_of_any_rate_are_taken_by_time(service: Served) -> None:
    service.service.fps = 24
    face = Audio2Face(service.address, fps=60)
    await face.start()
    clause = np.concatenate((np.full(16000, 3000, np.int16), np.zeros(16000, np.int16)))
    made = await frames(await face.open(sample_rate=16000, options=FaceOptions()), [clause])
    assert len(made) == 120
    assert made[6:54, JAW] == pytest.approx(0.5, abs=0.01)
    assert made[66:, JAW].max() < 0.01
    await face.close()


async def test_a_service_that_answers_too_slowly_is_a_fault(
    impatient: Audio2Face, service: Served
) -> None:
    service.service.pace = 0.1  # seconds for each frame: never silent, never done
    stream = await impatient.open(sample_rate=16000, options=FaceOptions())
    async with asyncio.timeout(10):
        with pytest.raises(EngineFault, match="did not answer within"):
            await frames(stream, [np.full(16000, 9000, np.int16)])
    assert not impatient.check().ok


async def test_a_service_that_dies_in_a_clause_leaves_nothing_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served() as service:
        face = Audio2Face(service.address, patience=PATIENCE, probe_seconds=60.0)
        await face.start()
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        await stream.push(np.full(32000, 9000, np.int16))
        await _polled(stream, until_frames=True)
        await service.server.stop(0)  # while the client has nothing to send
        with pytest.raises(EngineFault):
            await _polled(stream, until_frames=False)
        # What feeds a call would otherwise wait for ever, and be destroyed with an ERROR some day.
        feeding = "_consume_request_iterator"
        await eventually(lambda: not any(feeding in repr(task) for task in asyncio.all_tasks()))
        await face.close()
    gc.collect()
    await asyncio.sleep(0)
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []


async def _polled(stream: FaceStream, *, until_frames: bool) -> None:
    """Ask for frames without more sound: until there are some, or until it fails."""
    async with asyncio.timeout(5):
        while True:
            made = await stream.push(np.zeros(0, np.int16))
            if until_frames and len(made):
                return
            await asyncio.sleep(0.01)
