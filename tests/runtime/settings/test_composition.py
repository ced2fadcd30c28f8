"""What the composition makes of settings."""

import pytest

from digital_human_runtime import composition, settings
from digital_human_runtime.engines.face.audio2face import Audio2Face
from digital_human_runtime.engines.face.embedded import EmbeddedFace


@pytest.mark.parametrize("fps", [30, 60])
def test_a_service_and_the_face_behind_it_have_the_rate_of_the_settings(fps: int) -> None:
    told = {"AUDIO2FACE_SERVER": "a2f:50051", "DIGITAL_HUMAN_FACE_FPS": str(fps)}
    found = composition.engines(settings.load(told))
    assert found.fallback is not None
    assert (found.face.fps, found.fallback.fps) == (fps, fps)


def test_a_turn_waits_longer_for_a_face_than_the_face_for_its_service() -> None:
    told = settings.load({"AUDIO2FACE_SERVER": "a2f:50051"})
    face = composition.engines(told).face
    assert isinstance(face, Audio2Face)
    assert face.patience < composition.limits(told).face_seconds


@pytest.mark.parametrize(("wanted", "voices"), [("", ("alloy",)), ("nova", ("nova",))])
def test_a_speech_server_is_asked_for_a_voice_that_it_may_have(
    wanted: str, voices: tuple[str, ...]
) -> None:
    told = {"DIGITAL_HUMAN_SPEECH_URL": "http://voice/v1", "DIGITAL_HUMAN_VOICE": wanted}
    assert composition.engines(settings.load(told)).voice.voices == voices


def test_the_embedded_face_runs_where_it_is_told() -> None:
    told = {"AUDIO2FACE_SERVER": "a2f:50051", "DIGITAL_HUMAN_FACE_DEVICE": "CPU"}
    found = composition.engines(settings.load(told))
    assert isinstance(found.fallback, EmbeddedFace)
    assert found.fallback.device == "cpu"
    alone = composition.engines(settings.load({})).face
    assert isinstance(alone, EmbeddedFace)
    assert alone.device == "auto"
