import asyncio
import struct

import grpc
import pytest
from google.protobuf import descriptor_pool  # type: ignore[import-untyped] # has no types
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nvidia_ace import audio_pb2, status_pb2
from nvidia_audio2face_3d import a2x_export_config_pb2, a2x_export_config_pb2_grpc, messages_pb2

from digital_human_runtime.frames import EMOTIONS, SHAPES
from digital_human_runtime.grpc_api import controller
from digital_human_runtime.grpc_api.names import CONTROLLER, EMOTION_TYPE, EXPORT, PASCAL_SHAPES
from tests.runtime.support.engines import EnergyStream
from tests.runtime.support.waiting import eventually

from .clips import Answer, clip, end, header, like_nvidia, process, read, sound, tone
from .conftest import Served, serve

pytestmark = pytest.mark.wire


def assert_well_formed(answer: Answer, pcm: bytes, rate: int = 16000, fps: int = 30) -> None:
    assert answer.order[0] == "animation_data_stream_header"
    assert answer.order[-2:] == ["event", "status"]
    assert answer.status.code == status_pb2.Status.SUCCESS
    times = [frame.audio.time_code for frame in answer.frames]
    assert times == pytest.approx([index / fps for index in range(len(times))])
    assert len(times) == -(-(len(pcm) // 2) * fps // rate)
    assert all(len(f.skel_animation.blend_shape_weights) == 1 for f in answer.frames)
    assert answer.pcm == pcm[: len(pcm) // 2 * 2]


@pytest.mark.parametrize("seconds", [1.0, 5.0, 2.345])
@pytest.mark.parametrize("rate", [16000, 22050, 44100])
async def test_a_clip_as_nvidia_sends_it(served: Served, seconds: float, rate: int) -> None:
    pcm = tone(seconds, rate)
    answer = await process(served.stub, like_nvidia(pcm, rate))
    assert_well_formed(answer, pcm, rate)
    assert answer.header is not None
    assert answer.header.audio_header.samples_per_second == rate
    assert tuple(answer.header.skel_animation_header.blend_shapes) == PASCAL_SHAPES
    jaw = [
        f.skel_animation.blend_shape_weights[0].values[SHAPES.index("jawOpen")]
        for f in answer.frames
    ]
    assert max(jaw) > 0.5
    assert served.face.streams.open == 0


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    length=st.integers(0, 40000),
    sizes=st.lists(st.integers(0, 9000), max_size=8),
)
async def test_odd_splits_change_nothing(served: Served, length: int, sizes: list[int]) -> None:
    pcm = tone(2.0)[:length]
    assert_well_formed(await process(served.stub, clip(pcm, sizes)), pcm)


async def test_an_empty_clip(served: Served) -> None:
    answer = await process(served.stub, [header(), end()])
    assert answer.order == ["animation_data_stream_header", "event", "status"]
    assert answer.status.code == status_pb2.Status.SUCCESS


async def test_a_clip_without_an_end_ends_with_its_writer(served: Served) -> None:
    pcm = tone(0.5)
    assert_well_formed(await process(served.stub, [header(), sound(pcm)]), pcm)


async def test_all_parameters_of_nvidias_client(served: Served) -> None:
    first = header()
    told = first.audio_stream_header
    for name in [*PASCAL_SHAPES, *(f"Tongue{index}" for index in range(16))]:
        told.blendshape_params.bs_weight_multipliers[name] = 1.0
        told.blendshape_params.bs_weight_offsets[name] = 0.0
    told.blendshape_params.enable_clamping_bs_weight = False
    told.face_params.float_params["lowerFaceStrength"] = 1.25
    told.emotion_params.beginning_emotion["joy"] = 0.8
    told.emotion_params.live_transition_time = 0.5
    told.emotion_post_processing_params.emotion_strength = 0.6
    told.emotion_post_processing_params.max_emotions = 3
    pcm = tone(1.0)
    assert_well_formed(await process(served.stub, [first, sound(pcm), end()]), pcm)


async def test_emotions_come_back_as_metadata(served: Served) -> None:
    first = header()
    first.audio_stream_header.emotion_params.beginning_emotion["joy"] = 1.0
    wish = messages_pb2.EmotionWithTimeCode(time_code=0.5, emotion={"anger": 1.0, "nonsense": 1.0})
    answer = await process(served.stub, [first, sound(tone(2.0), [wish]), end()])
    aggregates = []
    for frame in answer.frames:
        packed = frame.metadata["emotion_aggregate"]
        assert packed.type_url == EMOTION_TYPE
        aggregates.append(messages_pb2.EmotionAggregate.FromString(packed.value))
    assert not any(aggregate.a2e_output for aggregate in aggregates)
    shown = [aggregate.a2f_smoothed_output[0].emotion for aggregate in aggregates]
    assert set(shown[0]) == set(EMOTIONS)
    assert shown[0]["joy"] == pytest.approx(0.6, abs=0.01)
    assert shown[-1]["anger"] == pytest.approx(0.6, abs=0.02)
    assert shown[-1]["joy"] == pytest.approx(0.0, abs=0.02)
    asked = [entry for aggregate in aggregates for entry in aggregate.input_emotions]
    assert [entry.time_code for entry in asked] == [0.0, 0.5]
    assert dict(asked[1].emotion) == {"anger": 1.0}


async def test_a_preferred_emotion_counts_as_much_as_the_client_says(served: Served) -> None:
    first = header()
    told = first.audio_stream_header
    told.emotion_params.beginning_emotion["joy"] = 1.0
    told.emotion_post_processing_params.preferred_emotion_strength = 0.5
    answer = await process(served.stub, [first, sound(tone(1.0)), end()])
    packed = answer.frames[0].metadata["emotion_aggregate"]
    shown = messages_pb2.EmotionAggregate.FromString(packed.value).a2f_smoothed_output[0].emotion
    assert shown["joy"] == pytest.approx(0.5 * 0.6, abs=0.01)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("emotion_contrast", 0.1),
        ("emotion_contrast", float("nan")),
        ("preferred_emotion_strength", 1.5),
        ("emotion_strength", -0.1),
        ("live_blend_coef", 2.0),
    ],
)
async def test_a_parameter_out_of_its_range_is_named(
    served: Served, field: str, value: float
) -> None:
    first = header()
    setattr(first.audio_stream_header.emotion_post_processing_params, field, value)
    answer = await process(served.stub, [first, end()])
    assert answer.status.code == status_pb2.Status.ERROR
    assert field in answer.status.message


def wishes(count: int) -> list[messages_pb2.EmotionWithTimeCode]:
    """So many, the last one first: the worst that can be sorted."""
    return [
        messages_pb2.EmotionWithTimeCode(time_code=float(count - index), emotion={"joy": 1.0})
        for index in range(count)
    ]


@pytest.mark.parametrize("buffers", [1, 20])
async def test_more_emotions_than_anybody_could_show_are_refused_at_once(
    served: Served, buffers: int
) -> None:
    """They cost the time of all other conversations: 4 MB of them would stop the process."""
    each = controller.MOST_WISHES // buffers + 1
    parts = [header(), *(sound(tone(0.1), wishes(each)) for _ in range(buffers)), end()]
    answer = await process(served.stub, parts)
    assert answer.status.code == status_pb2.Status.ERROR
    assert "emotions" in answer.status.message
    assert served.clips.results[-1][0] == "refused"


async def test_others_have_their_turn_while_emotions_are_taken(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, seen = 0, []

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def feel(_self: EnergyStream, _emotions: object, _at_sample: int) -> None:
        seen.append(turns)

    monkeypatch.setattr(EnergyStream, "feel", feel)
    watching = asyncio.create_task(others())
    answer = await process(served.stub, [header(), sound(tone(0.3), wishes(2000)), end()])
    watching.cancel()
    assert answer.status.code == status_pb2.Status.SUCCESS
    assert len(seen) == 2000
    assert seen[-1] - seen[0] >= 10


@pytest.mark.parametrize("count", [0, -5, 11])
async def test_a_number_of_emotions_that_cannot_be_is_named(served: Served, count: int) -> None:
    first = header()
    first.audio_stream_header.emotion_post_processing_params.max_emotions = count
    answer = await process(served.stub, [first, end()])
    assert answer.status.code == status_pb2.Status.ERROR
    assert "max_emotions must be 1 to 10" in answer.status.message


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"channel_count": 2}, "channel_count"),
        ({"bits_per_sample": 32}, "bits_per_sample"),
        ({"samples_per_second": 100}, "samples_per_second"),
        ({"samples_per_second": 200000}, "samples_per_second"),
        ({"audio_format": 7}, "audio_format"),
    ],
)
async def test_a_wrong_format_is_told_after_our_header(
    served: Served, changes: dict[str, int], field: str
) -> None:
    parts = [header(**changes), *(sound(tone(1.0)) for _ in range(120)), end()]
    answer = await process(served.stub, parts)
    assert answer.order == ["animation_data_stream_header", "status"]
    assert answer.status.code == status_pb2.Status.ERROR
    assert field in answer.status.message
    assert served.clips.results[-1][0] == "refused"


async def test_sound_before_the_header(served: Served) -> None:
    answer = await process(served.stub, [sound(tone(1.0)), end()])
    assert answer.order == ["animation_data_stream_header", "status"]
    assert "audio_stream_header" in answer.status.message
    assert answer.header is not None
    assert answer.header.audio_header.samples_per_second > 0


async def test_a_second_header(served: Served) -> None:
    answer = await process(served.stub, [header(), sound(tone(0.2)), header(), end()])
    assert answer.status.code == status_pb2.Status.ERROR
    assert "end_of_audio" in answer.status.message


async def test_a_buffer_of_more_than_ten_seconds(served: Served) -> None:
    answer = await process(served.stub, [header(), sound(tone(10.1)), end()])
    assert answer.status.code == status_pb2.Status.ERROR
    assert "10 s" in answer.status.message


async def test_a_clip_of_more_than_five_minutes(served: Served) -> None:
    quiet = bytes(8000 * 2 * 10)
    parts = [header(samples_per_second=8000), *(sound(quiet) for _ in range(31)), end()]
    answer = await process(served.stub, parts)
    assert answer.status.code == status_pb2.Status.ERROR
    assert "300 s" in answer.status.message
    assert len(answer.frames) <= 300 * 30


async def test_parameters_that_are_no_numbers(served: Served) -> None:
    first = header()
    first.audio_stream_header.face_params.float_params["lowerFaceStrength"] = float("nan")
    answer = await process(served.stub, [first, end()])
    assert "lowerFaceStrength" in answer.status.message


async def test_a_clip_too_many_is_refused_and_the_others_go_on() -> None:
    served = await serve(streams=1)
    try:
        first = served.stub.ProcessAudioStream(timeout=30)
        await first.write(header())
        assert (await first.read()).WhichOneof("stream_part") == "animation_data_stream_header"
        second = served.stub.ProcessAudioStream(timeout=30)
        for part in like_nvidia(tone(1.0)):
            await second.write(part)
        await second.done_writing()
        order = [(await second.read()).WhichOneof("stream_part") for _ in range(2)]
        assert order == ["animation_data_stream_header", "status"]
        assert await second.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        await eventually(lambda: [one[0] for one in served.clips.results] == ["refused"])
        assert served.clips.open == served.clips.ever == 1
        pcm = tone(0.5)
        await first.write(sound(pcm))
        await first.write(end())
        await first.done_writing()
        rest = await read(first)
        assert rest.status.code == status_pb2.Status.SUCCESS
        assert rest.pcm == pcm
    finally:
        await served.channel.close()
        await served.server.stop(0)


async def test_only_clips_that_are_served_take_a_place() -> None:
    served = await serve(streams=1)
    silent = served.stub.ProcessAudioStream(timeout=30)
    refused = served.stub.ProcessAudioStream(timeout=30)
    try:
        await silent.write(header())
        assert (await silent.read()).WhichOneof("stream_part") == "animation_data_stream_header"
        await refused.write(header())
        assert (await refused.read()).WhichOneof("stream_part") == "animation_data_stream_header"
        assert (await refused.read()).status.code == status_pb2.Status.ERROR
        await refused.write(sound(tone(0.1)))  # it goes on, for it has not read the answer
        assert served.clips.open == served.clips.ever == 1
        await silent.write(end())
        await silent.done_writing()
        assert (await read(silent)).status.code == status_pb2.Status.SUCCESS
        mute = served.stub.ProcessAudioStream(timeout=30)
        pcm = tone(0.3)
        assert_well_formed(await process(served.stub, like_nvidia(pcm)), pcm)
        mute.cancel()
    finally:
        refused.cancel()
        await served.channel.close()
        await served.server.stop(0)


async def test_a_wrong_clip_never_counts_as_open(served: Served) -> None:
    await process(served.stub, [header(channel_count=2), sound(tone(0.1)), end()])
    await process(served.stub, [sound(tone(0.1)), end()])
    assert [result for result, *_ in served.clips.results] == ["refused", "refused"]
    assert served.clips.ever == 0
    await process(served.stub, [header(), sound(tone(10.1)), end()])  # admitted, then too large
    assert served.clips.results[-1][0] == "refused"
    assert (served.clips.ever, served.clips.open) == (1, 0)


async def test_a_cancelled_clip_leaves_nothing_behind(served: Served) -> None:
    call = served.stub.ProcessAudioStream(timeout=30)
    await call.write(header())
    await call.write(sound(tone(1.0)))
    await call.read()
    call.cancel()
    await eventually(lambda: served.clips.open == served.face.streams.open == 0)
    assert served.clips.results[-1][0] == "cancelled"


async def test_a_silent_client_is_cut(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "IDLE_SECONDS", 0.2)
    call = served.stub.ProcessAudioStream(timeout=30)
    await call.write(header())
    answer = await read(call)
    assert answer.status.code == status_pb2.Status.ERROR
    assert "Nothing came" in answer.status.message


async def test_a_face_that_breaks_is_a_status(served: Served) -> None:
    served.face.fail_at = 8000
    answer = await process(served.stub, like_nvidia(tone(1.0)))
    assert answer.status.code == status_pb2.Status.ERROR
    assert "gone" not in answer.status.message
    assert served.face.streams.open == 0
    served.face.fail_at = None
    pcm = tone(0.3)
    assert_well_formed(await process(served.stub, like_nvidia(pcm)), pcm)


async def test_clips_at_once_do_not_mix(served: Served) -> None:
    sounds = [tone(0.7 + index / 10) for index in range(4)]
    answers = await asyncio.gather(*(process(served.stub, like_nvidia(pcm)) for pcm in sounds))
    for pcm, answer in zip(sounds, answers, strict=True):
        assert_well_formed(answer, pcm)


async def test_health_by_the_empty_name(served: Served) -> None:
    stub = health_pb2_grpc.HealthStub(served.channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    await served.server.drain()
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=CONTROLLER))
    assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_reflection_lists_and_describes(served: Served) -> None:
    def look() -> tuple[set[str], list[str]]:
        with grpc.insecure_channel(f"127.0.0.1:{served.port}") as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            pool = descriptor_pool.DescriptorPool(database)
            methods = pool.FindServiceByName(CONTROLLER).methods_by_name
            fields = methods["ProcessAudioStream"].input_type.fields_by_name
            return set(database.get_services()), list(fields)

    services, fields = await asyncio.to_thread(look)
    assert {CONTROLLER, EXPORT, "grpc.health.v1.Health"} <= services
    assert fields == ["audio_stream_header", "audio_with_emotion", "end_of_audio"]


@pytest.mark.parametrize(
    ("kind", "name"), [("YAML", "audio2face.yaml"), ("JSON", "audio2face.json")]
)
async def test_configs_are_exported(served: Served, kind: str, name: str) -> None:
    stub = a2x_export_config_pb2_grpc.A2XExportConfigServiceStub(served.channel)  # type: ignore[no-untyped-call]
    request = a2x_export_config_pb2.ConfigsTypeRequest(config_type=kind)
    files = [file async for file in stub.GetConfigs(request)]
    assert [file.name for file in files] == [name]
    assert "stream_number" in files[0].content


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(garbage=st.lists(st.binary(max_size=200), max_size=4))
async def test_garbage_harms_nobody(served: Served, garbage: list[bytes]) -> None:
    call = served.channel.stream_stream(f"/{CONTROLLER}/ProcessAudioStream")(timeout=10)
    try:
        for message in garbage:
            await call.write(message)
        await call.done_writing()
        async for _ in call:
            pass
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        pass  # refused, in whatever way: what counts is that others are served
    pcm = tone(0.1)
    assert_well_formed(await process(served.stub, clip(pcm, [])), pcm)


def test_the_audio_header_is_as_the_protocol_numbers_it() -> None:
    sent = audio_pb2.AudioHeader(channel_count=1, samples_per_second=16000, bits_per_sample=16)
    assert sent.SerializeToString() == struct.pack("4B", 0x10, 1, 0x18, 0x80) + b"\x7d\x20\x10"
