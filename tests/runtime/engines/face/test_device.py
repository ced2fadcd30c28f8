"""
Where the face network runs. A GPU is played by a stand-in for onnxruntime's sessions: there is none
where these tests run. What a machine without one does is real.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest

from digital_human_runtime.engines.errors import Refused
from digital_human_runtime.engines.face.embedded import EmbeddedFace, device
from digital_human_runtime.engines.face.embedded.network import load

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


class Session:
    """Runs on what it was asked for, or on the processor where CUDA fails without a word."""

    def __init__(self, providers: Sequence[str]) -> None:
        self._providers = providers

    def get_providers(self) -> Sequence[str]:
        return self._providers

    def run(self, names: list[str], given: dict[str, Any]) -> list[str]:
        """Fails on a GPU whose memory others have taken meanwhile."""
        if CUDA in self._providers:
            raise MemoryError("CUDA failure 2: out of memory")
        return [self._providers[0]]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A GPU and an onnxruntime that is built for it; ``cuda`` says what CUDA then does."""

    def have(cuda: str = "works", providers: Sequence[str] = (CUDA, CPU), gpus: int = 1) -> None:
        def session(_raw: bytes, *wanted: str) -> Session:
            if CUDA in wanted and cuda == "raises":
                raise RuntimeError("CUDA failure 100: no CUDA-capable device is detected")
            return Session([CPU] if cuda == "silent" else wanted)

        monkeypatch.setattr(device, "_gpus", lambda: gpus)
        monkeypatch.setattr(device, "_session", session)
        monkeypatch.setattr("onnxruntime.preload_dlls", lambda: sys.stdout.write("no libcudnn"))
        monkeypatch.setattr("onnxruntime.get_available_providers", lambda: list(providers))

    return have


@pytest.mark.parametrize("wanted", ["auto", "cuda"])
def test_a_gpu_is_used(gpu: Any, wanted: device.Device) -> None:
    gpu()
    assert device.of(device.session(b"", wanted)) == "cuda"


def test_a_gpu_is_left_alone_where_the_processor_is_wanted(gpu: Any) -> None:
    gpu()
    assert device.of(device.session(b"", "cpu")) == "cpu"


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"gpus": 0}, "there is no GPU here"),
        ({"providers": [CPU]}, "built without CUDA: install onnxruntime-gpu"),
        ({"cuda": "silent"}, "could not use the GPU"),
        ({"cuda": "raises"}, "could not use the GPU"),
    ],
)
def test_a_gpu_that_cannot_be_used(
    gpu: Any, told: dict[str, Any], sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    gpu(**told)
    assert device.of(device.session(b"", "auto")) == "cpu"
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == told.get("gpus", 1), "one line, and none where there is no GPU"
    assert all(sentence in line for line in said)
    with pytest.raises(Refused, match=sentence) as refused:
        device.session(b"", "cuda")
    assert str(refused.value).startswith("DIGITAL_HUMAN_FACE_DEVICE is cuda, but ")
    assert str(refused.value).endswith("set it to auto or cpu")


def test_what_onnxruntime_prints_of_its_libraries_stays_out_of_the_log(
    gpu: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gpu()
    device.session(b"", "auto")
    assert capsys.readouterr().out == ""


def test_a_gpu_that_fails_later_is_left_for_the_processor(
    gpu: Any, caplog: pytest.LogCaptureFixture
) -> None:
    gpu()
    found = device.Session(b"", "cuda")
    devices: list[str] = [found.device]
    assert [found.run(["mouth"], {}), found.run(["mouth"], {})] == [[CPU], [CPU]]
    assert [*devices, found.device] == ["cuda", "cpu"]
    assert [record.getMessage() for record in caplog.records] == [
        "The face goes on on the processor, the GPU failed: CUDA failure 2: out of memory"
    ]


async def test_the_face_says_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_gpus", lambda: 0)
    assert load().device == "cpu"
    face = EmbeddedFace()
    await face.start()
    try:
        assert face.check().detail == "embedded network on cpu"
    finally:
        await face.close()
    assert not face.check().ok
    refused = EmbeddedFace(device="cuda")
    with pytest.raises(Refused, match="no GPU"):
        await refused.start()
