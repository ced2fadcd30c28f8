from collections.abc import AsyncIterator

import pytest

from digital_human_runtime.engines.face.embedded import EmbeddedFace
from digital_human_runtime.interfaces import Face

from .conformance import FaceConformance


@pytest.fixture(params=[30, 60])
async def face(request: pytest.FixtureRequest) -> AsyncIterator[Face]:
    face = EmbeddedFace(fps=request.param)
    await face.start()
    yield face
    await face.close()


class TestEmbeddedFace(FaceConformance):
    tolerance = 1e-4
