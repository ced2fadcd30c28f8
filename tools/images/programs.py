"""Running the programs that build images: progress now and then, a log, no survivors."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tools.images.errors import ImageError

PROGRESS_SECONDS = 10.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.02
TAIL_LINES = 15
STEP_WIDTH = 70
_STEP = re.compile(r"^(?:(?:\[\d+/\d+\] )?STEP |#\d+ \[([^\]]*\d+/\d+)\] )(.+)$", re.MULTILINE)
"""A line of buildah (`[2/6] STEP 3/9: RUN ...`) or of BuildKit (`#7 [cpu 3/9] RUN ...`)."""


def run(
    command: Sequence[str],
    *,
    doing: str,
    log: Path,
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> bool:
    """Run a program to its end, output to a log; says whether it succeeded.

    Its whole process group is gone when this returns or raises.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return _wait(process, doing, seconds, log) == 0
        finally:
            _end(process)


def answer(command: Sequence[str], seconds: float = 60.0) -> str | None:
    """Return what a quick program prints; None when it fails, is not there or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def say(text: str) -> None:
    """Tell a person how it goes; results go to stdout, this does not."""
    print(text, file=sys.stderr, flush=True)


def tail(log: Path) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])


def step(log: Path) -> str:
    """The step of a Dockerfile that a build is at, as its log tells; empty where it tells none."""
    found = _STEP.findall(log.read_text(errors="replace"))
    return f", {' '.join(filter(None, found[-1]))[:STEP_WIDTH]}" if found else ""


def _wait(process: subprocess.Popen[bytes], doing: str, seconds: float, log: Path) -> int:
    """Wait for a program, saying now and then that it still runs, and at which step it is."""
    start = time.monotonic()
    while (elapsed := time.monotonic() - start) < seconds:
        try:
            return process.wait(timeout=PROGRESS_SECONDS)
        except subprocess.TimeoutExpired:
            say(f"{doing} … {time.monotonic() - start:.0f} s{step(log)}")
    raise ImageError(f"{doing[:1].upper()}{doing[1:]} took longer than {elapsed:.0f} s: try again.")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what still runs of a program's group: first politely, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None and not _left(process.pid):
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and (process.poll() is None or _left(process.pid)):
            time.sleep(POLL_SECONDS)


def _left(group: int) -> bool:
    """Whether somebody of a process group still runs; who waits to be buried does not."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False
