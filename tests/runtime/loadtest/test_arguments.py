"""Mistakes that people make with `digital-human-loadtest` and the doctor: told at once."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from digital_human_runtime import __main__ as runtime
from digital_human_runtime.doctor.__main__ import app as doctor
from digital_human_runtime.loadtest.__main__ import app as loadtest
from digital_human_runtime.loadtest.arguments import key

BAD_URL = "is no address such as http://127.0.0.1:8000"


def told(text: str) -> str:
    """What is said, without the frame around it."""
    return re.sub(r"[\s│╭╮╰╯─]+", " ", text)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--url", "foo"), f"'--url': foo {BAD_URL}"),
        (("--url", "http://[::1"), BAD_URL),
        (("--url", "http://host:port"), BAD_URL),
        (("--url", "ftp://host"), BAD_URL),
        (("--websocket", "http://host"), "is no address such as ws://127.0.0.1:8080"),
        (("--conversations", "0"), "nothing is to be done: give --conversations or --chat"),
        (("--output", "xml"), "xml is neither text nor json"),
        (("--questions", "empty"), "empty holds no question: write one on each line"),
        (("--questions", "binary"), "binary cannot be read: it is no text in UTF-8"),
        (("--questions", "long"), "question 2 of long has 4001 characters, more than 4000"),
        (("--key-file", "empty"), "empty holds no key"),
        (("--key-file", "umlaut"), "umlaut holds no key"),
        (("--key-file", "binary"), "binary cannot be read"),
        (("--key-file", "none"), "does not exist"),
        (("--timeout", "0"), "--timeout"),
    ],
)
def test_a_wrong_argument_of_the_load_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").write_text("\n \n")
    Path("binary").write_bytes(b"\xff\xfe")
    Path("long").write_text("short\n" + "x" * 4001)
    Path("umlaut").write_text("schlüssel\n")
    found = CliRunner().invoke(loadtest, list(words))
    assert (found.exit_code, found.stdout) == (2, "")
    assert sentence.replace("'--url'", "--url") in told(found.stderr).replace("'", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--url", "foo"), BAD_URL),
        (("--url", "http://h", "--health", "h:9090"), BAD_URL),
        (("--url", "http://h", "--grpc", "foo"), "foo is no host and port"),
        (("--url", "http://h", "--grpc", "http://h:50051"), "is no host and port"),
        (("--output", "xml"), "xml is neither text nor json"),
    ],
)
def test_a_wrong_argument_of_the_doctor(words: tuple[str, ...], sentence: str) -> None:
    found = CliRunner().invoke(doctor, list(words))
    assert (found.exit_code, found.stdout) == (2, "")
    assert sentence in told(found.stderr)


def test_the_first_key_of_a_file_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("new\nold\n")
    assert key(file) == {"X-API-Key": "new"}
    assert key(None) == {}


def test_the_doctor_is_a_word_of_the_runtime_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert runtime.main(["doctor", "-o", "json"]) == 0
    assert {"python", "memory", "disk"} <= {
        one["name"] for one in json.loads(capsys.readouterr().out)
    }
    assert runtime.main(["doctor", "-o", "xml"]) == 2
    with pytest.raises(SystemExit) as end:
        runtime.main(["doctr"])
    assert end.value.code == 2


def test_a_load_on_nobody_says_what_to_do(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    words = ("--url", url, "--conversations", "2", "--turns", "3", "--ramp", "0", "-o", "json")
    found = subprocess.run(
        [sys.executable, "-m", "digital_human_runtime.loadtest", *words],
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 1
    figures = json.loads(found.stdout)["conversations"]
    assert (figures["tries"], figures["failed"], figures["successPercent"]) == (6, 6, 0.0)
    last = found.stderr.splitlines()[-1]
    assert last.startswith(f"6 of 6 tries of conversations failed at {url}: ConnectError 6 (nobody")
    assert "make talk" in last
