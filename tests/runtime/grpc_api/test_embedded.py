from collections.abc import AsyncIterator

import pytest
from nvidia_ace import status_pb2

from digital_human_runtime.engines.face.embedded.face import EmbeddedFace
from digital_human_runtime.frames import SHAPES

from .clips import end as the_end
from .clips import header, like_nvidia, process, sound, tone
from .conftest import Served, serve

pytestmark = pytest.mark.wire


@pytest.fixture
async def embedded() -> AsyncIterator[Served]:
    """A server with the face that the image ships."""
    face = EmbeddedFace(fps=30)
    await face.start()
    found = await serve(face=face)
    yield found
    await found.channel.close()
    await found.server.stop(0)
    await face.close()


@pytest.mark.parametrize(("seconds", "rate"), [(5.0, 16000), (2.5, 44100), (1.0, 144000)])
async def test_a_clip_through_the_embedded_network(
    embedded: Served, seconds: float, rate: int
) -> None:
    pcm = tone(seconds, rate)
    answer = await process(embedded.stub, like_nvidia(pcm, rate))
    assert answer.status.code == status_pb2.Status.SUCCESS
    assert answer.pcm == pcm
    assert len(answer.frames) == round(seconds * 30)
    assert embedded.clips.results[-1][:2] == ("success", seconds)


async def test_multipliers_offsets_and_clamping_are_honoured(embedded: Served) -> None:
    first = header()
    told = first.audio_stream_header.blendshape_params
    told.bs_weight_multipliers["JawOpen"] = 0.0
    told.bs_weight_offsets["MouthSmileLeft"] = 3.0
    for clamped, most in ((False, 3.0), (True, 1.0)):
        told.enable_clamping_bs_weight = clamped
        answer = await process(embedded.stub, [first, sound(tone(1.0)), the_end()])
        weights = [list(f.skel_animation.blend_shape_weights[0].values) for f in answer.frames]
        smile = [row[SHAPES.index("mouthSmileLeft")] for row in weights]
        assert all(value >= most - 1e-6 for value in smile)
        assert (max(smile) <= 1.0) is clamped
        assert not any(row[SHAPES.index("jawOpen")] for row in weights)


async def test_an_emotion_shows_on_the_face(embedded: Served) -> None:
    rows = []
    for emotions in ({}, {"joy": 1.0}):
        first = header()
        told = first.audio_stream_header
        for name, value in emotions.items():
            told.emotion_params.beginning_emotion[name] = value
        answer = await process(embedded.stub, [first, sound(bytes(32000)), the_end()])
        values = answer.frames[0].skel_animation.blend_shape_weights[0].values
        rows.append(values[SHAPES.index("cheekSquintLeft")])
    assert rows[1] > rows[0] + 0.2
