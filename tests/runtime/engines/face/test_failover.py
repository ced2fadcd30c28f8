import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from digital_human_runtime.engines.face.audio2face import Audio2Face
from digital_human_runtime.engines.face.embedded import EmbeddedFace
from digital_human_runtime.engines.face.failover import Failover
from digital_human_runtime.errors import BadInput, EngineFault
from digital_human_runtime.frames import SHAPE_INDEX, FaceOptions
from digital_human_runtime.interfaces import Face

from .conformance import JAW, FaceConformance, frames, split, vowels
from .service import Served, eventually, served


@pytest.fixture
async def service() -> AsyncIterator[Served]:
    async with served() as running:
        yield running


@pytest.fixture
async def face(service: Served, request: pytest.FixtureRequest) -> AsyncIterator[Face]:
    probing = getattr(request, "param", 60.0)
    first = Audio2Face(service.address, patience=0.4, probe_seconds=probing)
    face = Failover(first, EmbeddedFace(), patience=2.0)
    await face.start()
    yield face
    await face.close()


class TestFailover(FaceConformance):
    pass


@pytest.mark.parametrize("fault", ["die", "error", "no success", "hang", "short", "nan", "abort"])
async def test_a_stream_goes_on_with_the_second_face(
    face: Face, service: Served, fault: str
) -> None:
    service.service.fault = fault
    sound = np.concatenate((vowels(22050, 3.3), np.zeros(11025, np.int16)))
    stream = await face.open(sample_rate=22050, options=FaceOptions())
    async with asyncio.timeout(20):
        made = await frames(stream, split(sound, 6000))
    assert len(made) == -(-len(sound) * 30 // 22050)
    assert made[:60, JAW].max() > 0.15
    assert made[-5:, JAW].max() < 0.05
    check = face.check()
    assert check.ok
    assert check.degraded
    assert "stands in" in check.detail


async def test_the_change_does_not_jump(face: Face, service: Served) -> None:
    sound = np.full(16000 * 3, 9000, np.int16)  # the first face opens its jaw wide at this
    stream = await face.open(sample_rate=16000, options=FaceOptions())
    service.service.fault = "die"
    made = await frames(stream, split(sound, 4000))
    assert np.abs(np.diff(made[:-6, JAW])).max() < 0.45


@pytest.mark.parametrize("face", [0.05], indirect=True)
async def test_the_next_stream_begins_with_the_second_face_until_the_first_is_back(
    face: Face, service: Served
) -> None:
    service.service.fault = "error"
    stream = await face.open(sample_rate=16000, options=FaceOptions())
    await frames(stream, [vowels(16000, 1.0)])
    assert face.check().degraded
    calls = len(service.service.calls.headers)
    again = await face.open(sample_rate=16000, options=FaceOptions())
    assert len(await frames(again, [vowels(16000, 1.0)])) == 30
    service.service.fault = ""
    await eventually(lambda: not face.check().degraded)
    back = await face.open(sample_rate=16000, options=FaceOptions())
    before = len(service.service.calls.headers)
    assert before >= calls
    assert len(await frames(back, [vowels(16000, 1.0)])) == 30
    assert len(service.service.calls.headers) == before + 1


async def test_what_is_configured_must_be_there_at_the_start() -> None:
    face = Failover(Audio2Face("127.0.0.1:1", patience=0.3), EmbeddedFace())
    with pytest.raises(EngineFault, match="cannot be reached"):
        await face.start()
    assert face.check().degraded
    await face.close()


async def test_feelings_go_along_when_the_face_changes(face: Face, service: Served) -> None:
    service.service.fault = "error"
    stream = await face.open(sample_rate=16000, options=FaceOptions(blend=0.0))
    await stream.feel({"joy": 1.0}, 16000)
    made = await frames(stream, split(np.full(16000 * 3, 3000, np.int16), 4000))
    assert made[20, SHAPE_INDEX["cheekSquintLeft"]] < 0.05
    assert made[70, SHAPE_INDEX["cheekSquintLeft"]] > 0.2


def test_faces_of_different_frame_rates_do_not_go_together() -> None:
    with pytest.raises(BadInput, match="fps"):
        Failover(Audio2Face("127.0.0.1:1", fps=30), EmbeddedFace(fps=60))


async def test_a_service_that_is_gone_is_replaced_and_used_again_when_it_is_back() -> None:
    async with served() as first:
        port = int(first.address.rpartition(":")[2])
        remote = Audio2Face(first.address, patience=0.4, probe_seconds=0.05)
        face = Failover(remote, EmbeddedFace(), patience=2.0)
        await face.start()
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        await stream.push(vowels(16000, 1.0))
        await first.server.stop(0)
        made = await frames(stream, split(vowels(16000, 2.0), 8000))
        assert len(made) > 0
        await eventually(lambda: face.check().degraded)
    async with served(port=port) as second:
        await eventually(lambda: not face.check().degraded)
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        second.service.calls.headers.clear()
        assert len(await frames(stream, [vowels(16000, 1.0)])) == 30
        assert len(second.service.calls.headers) == 1
        await face.close()
