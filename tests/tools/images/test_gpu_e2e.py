"""The image of the GPU runtime, where it has been built, on a machine without a GPU."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.images.conftest import unpacked
from tests.tools.images.containers import Image, output, running
from tests.tools.images.test_e2e import ANYBODY, ask, until_ready
from tools.cache import ROOT
from tools.images.build import OUT
from tools.ports import free_port

pytestmark = [
    pytest.mark.images,
    pytest.mark.timeout(1800),  # the first one builds
    pytest.mark.skipif(os.geteuid() != 0, reason="runc runs as root"),
    pytest.mark.skipif(
        not (OUT / "runtime-gpu.tar").exists(),
        reason="the image is not built, for it is large: make images IMAGES=all",
    ),
]
SECONDS = 300.0
"""For the first import of torch, from a disk."""
TINY = ROOT / "tests" / "runtime" / "engines" / "llm" / "tiny.py"
MAKE = "import runpy; runpy.run_path('/tiny.py')['make'](__import__('pathlib').Path('/model'))"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image, of today's code, unpacked."""
    words = [sys.executable, "-m", "tools.images", "build", "runtime-gpu"]
    subprocess.run(words, cwd=ROOT, check=True)
    yield from unpacked("runtime-gpu", tmp_path_factory.mktemp("runtime-gpu"))


@pytest.fixture(scope="module")
def model(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a tiny language model, made by the torch and the transformers of the image."""
    folder = tmp_path_factory.mktemp("model")
    folder.chmod(0o777)
    program = "/opt/digital-human/bin/python"
    place = tmp_path_factory.mktemp("make") / "run"
    cache = tmp_path_factory.mktemp("cache")
    cache.chmod(0o777)
    writable = {"/model": folder, "/var/cache/digital-human": cache}
    mounts = {"/tiny.py": TINY}
    code, said = output(
        image, place, program, "-c", MAKE, mounts=mounts, writable=writable, seconds=SECONDS
    )
    assert code == 0, said
    (folder / "model.safetensors").chmod(0o644)  # it was saved for its owner only
    return folder


@pytest.mark.parametrize("name", ["builtin", "/model"])
def test_it_talks_without_a_gpu(image: Image, model: Path, tmp_path: Path, name: str) -> None:
    ports = {name: free_port() for name in ("HTTP", "WEBSOCKET", "GRPC", "HEALTH")}
    settings = {f"DIGITAL_HUMAN_{one}_ADDRESS": f"127.0.0.1:{port}" for one, port in ports.items()}
    settings |= {"DIGITAL_HUMAN_DRAIN_SECONDS": "2", "MODEL_NAME": name}
    folder, volumes = tmp_path / "run", {"/model": model}
    with running(image, folder, environment=settings, user=ANYBODY, mounts=volumes) as process:
        health = f"http://127.0.0.1:{ports['HEALTH']}/health/ready"
        until_ready(health, process, folder / "output", SECONDS)
        checks = json.loads(ask(health))["checks"]
        code, said = output(
            image,
            tmp_path / "load",
            "digital-human-loadtest",
            *("--url", f"http://127.0.0.1:{ports['HTTP']}", "--conversations", "1"),
            *("--websocket", f"ws://127.0.0.1:{ports['WEBSOCKET']}/ws", "--turns", "1"),
            *("--pace", "0", "--ramp", "0", "--output", "json"),
        )
    assert checks["face"]["detail"] == "embedded network on cpu"
    assert ("demo brain" in checks["model"]["detail"]) is (name == "builtin"), checks["model"]
    assert code == 0, said
    conversations = json.loads(said[said.index("{") :])["conversations"]
    assert (conversations["tries"], conversations["failed"]) == (1, 0)
    assert conversations["audioSeconds"] > 0


def test_it_knows_the_gpu_it_has_not(image: Image, tmp_path: Path) -> None:
    program = (
        "import torch, onnxruntime;"
        "print(bool(torch.version.cuda), torch.cuda.is_available(),"
        " 'CUDAExecutionProvider' in onnxruntime.get_available_providers())"
    )
    place = tmp_path / "run"
    python = "/opt/digital-human/bin/python"
    code, said = output(image, place, python, "-c", program, seconds=SECONDS)
    assert (code, said.split()[-3:]) == (0, ["True", "False", "True"]), said
