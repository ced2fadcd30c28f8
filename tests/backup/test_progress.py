"""How far a command is: lines for programs, a bar for people."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from digital_human_backup.progress import EVERY_SECONDS, Bar, Lines
from tests.backup.killer import PROGRAM


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def told(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_lines_come_at_both_ends_and_every_ten_seconds() -> None:
    out, clock = io.StringIO(), Clock()
    lines = Lines(out, clock)
    lines.begin("sending", 1000)
    for _ in range(25):
        clock.now += 1.0
        lines.add(10)
    lines.end()
    assert [(one["bytes"], one["total"]) for one in told(out)] == [
        (done, 1000) for done in (0, 100, 200, 250)
    ]
    assert {(one["event"], one["step"]) for one in told(out)} == {("progress", "sending")}
    assert [one.get("secondsLeft") for one in told(out)] == [None, 90, 80, 75]


def test_every_step_begins_anew() -> None:
    out, clock = io.StringIO(), Clock()
    lines = Lines(out, clock)
    for step, total in (("verifying", 10), ("restoring", 20)):
        lines.begin(step, total)
        clock.now += EVERY_SECONDS - 1
        lines.add(total)
        lines.end()
    assert [(one["step"], one["bytes"]) for one in told(out)] == [
        ("verifying", 0),
        ("verifying", 10),
        ("restoring", 0),
        ("restoring", 20),
    ]


def test_each_step_has_one_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)  # no terminal: each bar is drawn at its end
    bar = Bar()
    for step in ("verifying", "restoring"):
        bar.begin(step, 10)
        bar.add(10)
        bar.end()
    shown = capsys.readouterr().err
    assert [shown.count(step) for step in ("verifying", "restoring")] == [1, 1]


def test_nothing_is_lost_where_many_add() -> None:
    out = io.StringIO()
    lines = Lines(out)
    lines.begin("sending", 40_000)

    def work() -> None:
        for _ in range(10_000):
            lines.add(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines.end()
    assert told(out)[-1]["bytes"] == 40_000


def test_a_program_gets_lines(models: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        command(models, tmp_path), capture_output=True, text=True, timeout=60, check=True
    )
    size = 3 * 2**20 + 17 + 8 + 2
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(one["bytes"], one["total"]) for one in lines] == [(0, size), (size, size)]


def test_a_person_sees_a_bar(models: Path, tmp_path: Path) -> None:
    """On a terminal, which is a real one here."""
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            command(models, tmp_path),
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm"},
            timeout=60,
            check=True,
        )
    finally:
        os.close(theirs)
    seen = b""
    try:
        while block := os.read(ours, 65536):
            seen += block
    except OSError:  # the terminal has been read to its end
        pass
    os.close(ours)
    assert b"sending" in seen
    assert "━".encode() in seen
    assert b'"progress"' not in seen
    assert b"Backup 2" in done.stdout


def command(models: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "backups").mkdir()
    place = ["--store", f"file://{tmp_path / 'backups'}", "--uid", "uid-1"]
    return [*PROGRAM, "create", "--human", "ada", "--models", str(models), *place]
