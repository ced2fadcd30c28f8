"""What the page about backups prints works as printed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from digital_human_backup.errors import BackupError, DamagedError, RefusedError
from tools import store
from tools.cache import ROOT
from tools.ports import free_port

_MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""
"""Between us and the tool: a child's peak counts from what its parent was when it was forked."""
PAGE = (ROOT / "docs" / "backup.md").read_text()
README = (ROOT / "README.md").read_text()


def script(page: str, heading: str) -> str:
    """What is printed below a heading to be run."""
    (found,) = re.findall(
        rf"^#+ {heading}\n\n(?:[^#`][^\n]*\n+)*```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL
    )
    return str(found)


@pytest.fixture(autouse=True)
def no_server_stays(tmp_path: Path) -> Iterator[None]:
    """A script that was cut off has not ended the Redis that it began."""
    yield
    for file in tmp_path.glob("redis/pid"):
        with contextlib.suppress(ValueError, ProcessLookupError):
            os.kill(int(file.read_text()), signal.SIGKILL)  # it would not end without saving


def shell(words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-e"],
        input=words,
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_round_trip(tmp_path: Path) -> None:
    folder = script(PAGE, "A round trip")
    done = shell(folder.replace("PORT=6390", f"PORT={free_port()}"), tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Hello, Ada."
    assert "is what was written" in done.stdout


def test_the_round_trip_of_the_readme(tmp_path: Path) -> None:
    name, port = f"test-{os.getpid()}", str(free_port())
    words = script(README, "A backup and back").replace("$PWD/build/try", str(tmp_path))
    words = words.replace("build/try", str(tmp_path)).replace("6390", port)
    try:
        done = shell(words, ROOT, STORE_NAME=name)
        assert done.returncode == 0, done.stderr
        assert "is what was written" in done.stdout
        assert "is restored: 2 files of 19.1 MiB" in done.stdout
        assert "Hello, Ada." in done.stdout.splitlines()
        assert not (store.STORES / name).exists()
    finally:
        store.down(store.STORES / name)


def test_the_exit_codes() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    errors = (BackupError, RefusedError, DamagedError)
    assert told == {0, 2, 129, 130, 143, *(error.exit_code for error in errors)}


def test_memory_stays_small_whatever_the_size(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "store").mkdir()
    with (tmp_path / "models" / "weights").open("wb") as file:
        for _ in range(16):
            file.write(os.urandom(8 * 2**20))
    peak = 0
    place = ["--store", f"file://{tmp_path / 'store'}", "--uid", "u", "--key-file"]
    (tmp_path / "key").write_text("A" * 43 + "=")
    for words in (
        ["create", "--human", "ada", "--models", str(tmp_path / "models")],
        ["restore", "--into", str(tmp_path / "r")],
    ):
        command = [sys.executable, "-m", "digital_human_backup", *words, *place]
        measured = [sys.executable, "-c", _MEASURE, *command, str(tmp_path / "key")]
        done = subprocess.run(measured, check=True, stderr=subprocess.PIPE, text=True, timeout=100)
        peak = max(peak, int(done.stderr.splitlines()[-1]))
    assert peak > 0
    assert peak < 200 * 1024  # KiB, as PAGE says: below 200 MB
