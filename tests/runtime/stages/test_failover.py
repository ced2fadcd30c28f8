"""A turn whose Audio2Face service fails goes on with the embedded face, and comes back to it."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from digital_human_runtime.engines.face.audio2face import Audio2Face
from digital_human_runtime.engines.face.embedded import EmbeddedFace
from digital_human_runtime.frames import SHAPE_INDEX, FaceOptions, Weights
from digital_human_runtime.stages import FaceStage
from tests.runtime.engines.face.conformance import JAW, split, vowels
from tests.runtime.engines.face.service import Served, eventually, served

from .test_face import perform_sound

PATIENCE = 0.4


@pytest.fixture
async def service() -> AsyncIterator[Served]:
    async with served() as running:
        yield running


@pytest.fixture
async def embedded() -> AsyncIterator[EmbeddedFace]:
    face = EmbeddedFace()
    await face.start()
    yield face
    await face.close()


@pytest.fixture
async def remote(service: Served, request: pytest.FixtureRequest) -> AsyncIterator[Audio2Face]:
    probing = getattr(request, "param", 60.0)
    face = Audio2Face(service.address, patience=PATIENCE, probe_seconds=probing)
    await face.start()
    service.service.calls.headers.clear()
    yield face
    await face.close()


def a_stage(
    remote: Audio2Face, embedded: EmbeddedFace, rate: int = 16000, **options: object
) -> FaceStage:
    told = FaceOptions(**options)  # type: ignore[arg-type] # given by name
    return FaceStage([remote, embedded], sample_rate=rate, options=told, push_seconds=2.0)


@pytest.mark.parametrize("fault", ["die", "error", "no success", "hang", "short", "nan", "abort"])
async def test_a_turn_goes_on_with_the_second_face(
    remote: Audio2Face, embedded: EmbeddedFace, service: Served, fault: str
) -> None:
    service.service.fault = fault
    sound = np.concatenate((vowels(22050, 3.3), np.zeros(11025, np.int16)))
    stage = a_stage(remote, embedded, 22050)
    made = await perform_sound(stage, split(sound, 6000))
    assert len(made) == -(-len(sound) * 30 // 22050)
    assert made[:60, JAW].max() > 0.15
    assert made[-5:, JAW].max() < 0.05
    assert stage.failovers == 1
    assert not remote.check().ok  # so that it is left alone until a probe finds it well


async def test_the_change_does_not_jump(
    remote: Audio2Face, embedded: EmbeddedFace, service: Served
) -> None:
    loud = np.full(64000, 9000, np.int16)  # the first face opens its jaw wide at this
    stage, said = a_stage(remote, embedded), 0
    made: list[Weights] = []
    async with asyncio.timeout(10):
        while not said or not len(made[-1]):  # frames come when the service made them
            made.append(await stage.push(loud[said : said + 4000]))
            said += 4000
            await asyncio.sleep(0.05)
    service.service.fault = "die"
    made.append(await perform_sound(stage, split(loud[said:], 4000)))
    weights = np.concatenate(made)
    assert stage.failovers == 1
    assert len(weights) == 120
    assert weights[10, JAW] > 0.9
    assert np.abs(np.diff(weights[1:-6, JAW])).max() < 0.45


@pytest.mark.parametrize("remote", [0.05], indirect=True)
async def test_turns_begin_with_the_second_face_until_the_first_is_back(
    remote: Audio2Face, embedded: EmbeddedFace, service: Served
) -> None:
    service.service.fault = "error"
    await perform_sound(a_stage(remote, embedded), [vowels(16000, 1.0)])
    again = a_stage(remote, embedded)
    assert len(await perform_sound(again, [vowels(16000, 1.0)])) == 30
    assert again.failovers == 1
    service.service.fault = ""
    await eventually(lambda: remote.check().ok)
    before = len(service.service.calls.headers)
    back = a_stage(remote, embedded)
    assert len(await perform_sound(back, [vowels(16000, 1.0)])) == 30
    assert back.failovers == 0
    assert len(service.service.calls.headers) == before + 1


async def test_feelings_go_along_when_the_face_changes(
    remote: Audio2Face, embedded: EmbeddedFace, service: Served
) -> None:
    service.service.fault = "error"
    stage = a_stage(remote, embedded, emotions={"joy": 1.0})
    made = await perform_sound(stage, split(np.full(16000 * 3, 3000, np.int16), 4000))
    assert stage.failovers == 1
    assert made[70, SHAPE_INDEX["cheekSquintLeft"]] > 0.2


async def test_a_service_that_is_gone_is_replaced_and_used_again_when_it_is_back(
    embedded: EmbeddedFace,
) -> None:
    async with served() as first:
        port = int(first.address.rpartition(":")[2])
        remote = Audio2Face(first.address, patience=PATIENCE, probe_seconds=0.05)
        await remote.start()
        stage = a_stage(remote, embedded)
        begun = await stage.push(vowels(16000, 1.0))
        await first.server.stop(0)
        rest = await perform_sound(stage, split(vowels(16000, 2.0), 8000))
        assert len(begun) + len(rest) == 90
        await eventually(lambda: not remote.check().ok)
    async with served(port=port) as second:
        await eventually(lambda: remote.check().ok)
        second.service.calls.headers.clear()
        back = a_stage(remote, embedded)
        assert len(await perform_sound(back, [vowels(16000, 1.0)])) == 30
        assert len(second.service.calls.headers) == 1
        assert back.failovers == 0
    await remote.close()
