"""What the doctor says of settings before anything is started with them."""

from __future__ import annotations

import pytest

from digital_human_runtime.doctor.configured import configured
from digital_human_runtime.doctor.findings import Finding
from digital_human_runtime.engines.face.embedded import device
from digital_human_runtime.settings.unheeded import NO_GPU


def findings(**variables: str) -> list[Finding]:
    return list(configured(variables, gpus=False))


def test_every_mistake_is_a_finding() -> None:
    found = findings(DIGITAL_HUMAN_FACE_DEVICE="gpu", DIGITAL_HUMAN_VOISE="en")
    assert {(one.name, one.verdict) for one in found} == {("settings", "bad")}
    said = " ".join(one.detail for one in found)
    assert "DIGITAL_HUMAN_FACE_DEVICE must be" in said
    assert "did you mean DIGITAL_HUMAN_VOICE?" in said
    assert all(one.cure for one in found)


def test_it_says_which_device_serves_the_face(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_gpus", lambda: 0)
    settings, face = findings()
    assert (settings.verdict, settings.detail) == ("ok", "ada with the model builtin")
    assert (face.name, face.verdict, face.detail) == ("face", "ok", "embedded network on cpu")
    _, behind = findings(AUDIO2FACE_SERVER="a2f:50051")
    assert behind.detail == "Audio2Face at a2f:50051; embedded network on cpu when it is away"
    _, refused = findings(DIGITAL_HUMAN_FACE_DEVICE="cuda")
    assert (refused.name, refused.verdict) == ("face", "bad")
    assert "there is no GPU here" in refused.detail


def test_what_is_set_in_vain_is_a_note() -> None:
    found = findings(
        AUDIO2FACE_ENABLED="false", AUDIO2FACE_SERVER="a2f:50051", CUDA_VISIBLE_DEVICES="0"
    )
    notes = {one.name: one for one in found if one.verdict == "note"}
    said = [one.detail for one in found if one.verdict == "note"]
    assert set(notes) == {"setting"}
    assert said == ["AUDIO2FACE_SERVER has no effect: AUDIO2FACE_ENABLED is false", NO_GPU]
    with_gpu = configured({"CUDA_VISIBLE_DEVICES": "0"}, gpus=True)
    assert [one.verdict for one in with_gpu] == ["ok", "ok"]
