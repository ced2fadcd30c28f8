"""The page and the runtime itself: built-in brain, voice and face, nothing made for the test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import START_SECONDS, Visitor, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
ADDRESSES = ("HTTP", "WEBSOCKET", "GRPC", "HEALTH")


@pytest.fixture
def runtime(built_page: Path, tmp_path: Path) -> Iterator[str]:
    """Address of the runtime's page, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if "DIGITAL" not in name}
    environment |= {f"DIGITAL_HUMAN_{name}_ADDRESS": "127.0.0.1:0" for name in ADDRESSES}
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "digital_human_runtime"],
            env={**environment, "PYTHONPATH": str(built_page.parent.parent)},
            stdout=output,
            stderr=output,
        )
        try:
            until(
                lambda: _port(log) or process.poll() is not None,
                "the runtime does not start",
                2 * START_SECONDS,
            )
            assert process.poll() is None, log.read_text()
            yield f"http://127.0.0.1:{_port(log)}/"
        finally:
            process.terminate()
            process.wait(40)


def _port(log: Path) -> int | None:
    """Port of the page once the log says that the runtime is ready."""
    for line in log.read_text().splitlines():
        if '"ready"' in line and line.endswith("}"):
            return int(json.loads(line)["http"])
    return None


def test_one_can_talk_to_the_runtime(
    visit: Callable[..., Visitor], runtime: str, record_property: Callable[[str, object], None]
) -> None:
    visitor = visit(runtime)
    visitor.state("ready")
    visitor.ask("Hello! Who are you?")
    visitor.state("speaking")
    until(lambda: visitor.loudness() > 0.02, "nothing sounds")
    visitor.opens_its_mouth(0.1)
    visitor.wait("document.querySelectorAll('#caption .heard').length > 1")
    applied = visitor.hook("appliedSamples")
    assert applied == sorted(applied)
    record_property("first_audio_ms", visitor.hook("firstAudioMs"))
    record_property("skew_ms", visitor.hook("skewMs"))
    visitor.page.keyboard.press("Escape")
    visitor.state("ready")
    until(lambda: visitor.loudness() == 0, "it goes on sounding")
    visitor.wait("document.querySelectorAll('#lines .cut').length === 1")
    visitor.ask("What can you do?")
    visitor.state("speaking")
    assert visitor.hook("turn") == 2
    assert visitor.problems == []
    visitor.page.close()
