"""The doctor and the load test, against a runtime that really runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tools.bench.speech.process import RuntimeProcess, runtime
from tools.ports import free_port


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    with runtime(log=tmp_path_factory.mktemp("runtime") / "log") as process:
        yield process


def command(name: str, *words: str) -> tuple[int, Any]:
    """Exit code and parsed output of one of our commands."""
    done = subprocess.run(
        [sys.executable, "-m", f"digital_human_runtime.{name}", *words, "-o", "json"],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def test_doctor_finds_a_human_well(running: RuntimeProcess) -> None:
    where = ("--url", running.http, "--health", running.health, "--grpc", running.grpc)
    code, found = command("doctor", *where)
    verdicts = {one["name"]: one["verdict"] for one in found}
    assert [one for one in found if one["verdict"] == "bad"] == []
    assert code == 0
    looked = {"health", "version", "probe live", "probe ready", "probe startup"}
    assert looked | {"chat", "speech", "grpc"} <= set(verdicts)


def test_doctor_says_what_to_do_where_nobody_answers() -> None:
    code, found = command("doctor", "--url", f"http://127.0.0.1:{free_port()}")
    assert code == 1
    (bad,) = [one for one in found if one["verdict"] == "bad"]
    assert bad["name"] == "health"
    assert "make talk" in bad["cure"]


def test_the_runtime_has_the_doctor_as_a_command() -> None:
    variables = {"DIGITAL_HUMAN_FACE_TLS": "true", "CUDA_VISIBLE_DEVICES": "-1"}
    words = [sys.executable, "-m", "digital_human_runtime", "doctor", "-o", "json"]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=90, check=False, env=os.environ | variables
    )
    assert done.returncode == 0, done.stderr
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert found["setting"]["verdict"] == "note"
    assert found["setting"]["detail"].startswith("DIGITAL_HUMAN_FACE_TLS has no effect")
    wrong = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env=os.environ | {"MODEL_NAME": "llama3:70b"},
    )
    assert wrong.returncode == 1
    assert "DIGITAL_HUMAN_LLM_URL" in wrong.stdout


def test_load_of_conversations_and_chats_succeeds(running: RuntimeProcess) -> None:
    load = ("--conversations", "3", "--turns", "1", "--pace", "0", "--chat", "6", "--ramp", "0")
    code, found = command("loadtest", "--url", running.http, "--concurrency", "2", *load)
    assert code == 0
    assert found["conversations"]["successPercent"] == 100.0
    assert found["conversations"]["lipSyncFaults"] == {}
    assert found["conversations"]["audioSeconds"] > 0
    assert found["chats"]["successPercent"] == 100.0


def test_load_on_nobody_fails_with_the_reason() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    code, found = command("loadtest", "--url", url, "--conversations", "2", "--turns", "1")
    assert code == 1
    assert found["conversations"]["successPercent"] == 0.0
    assert found["conversations"]["faults"] == {"ConnectError": 2}
