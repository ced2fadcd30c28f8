"""Running the programs that build images: progress now and then, a log, no survivors."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.images.errors import ImageError

PROGRESS_SECONDS = 10.0
STOP_SECONDS = 20.0
TAIL_LINES = 15


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
            return _wait(process, doing, seconds) == 0
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


def _wait(process: subprocess.Popen[bytes], doing: str, seconds: float) -> int:
    """Wait for a program, saying now and then that it still runs."""
    start = time.monotonic()
    while (elapsed := time.monotonic() - start) < seconds:
        try:
            return process.wait(timeout=PROGRESS_SECONDS)
        except subprocess.TimeoutExpired:
            say(f"{doing} … {time.monotonic() - start:.0f} s")
    raise ImageError(f"{doing[:1].upper()}{doing[1:]} took longer than {elapsed:.0f} s: try again.")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what still runs of a program's group: first politely, then not."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
