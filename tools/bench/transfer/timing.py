"""One run of a program: seconds, processor time, and the most memory that it had."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from resource import struct_rusage

import psutil

from tools.cache import ROOT

DEADLINE = 600.0
_UNCOMPILED = "PYTHONDONTWRITEBYTECODE"
_POLL = 0.005


@dataclass(frozen=True)
class Run:
    """From the start of a process to its end; memory in MB (10^6 bytes)."""

    seconds: float
    cpu_seconds: float
    server_cpu_seconds: float
    peak_mb: float
    output: str


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path, server: int) -> Run:
    """
    Run a program to its end; ``folder`` keeps what it says, ``server`` is the pid of the store.

    Raises RuntimeError when it fails or takes longer than ten minutes.
    """
    served = _cpu(server)
    out, told = folder / "stdout", folder / "stderr"
    with out.open("wb") as stdout, told.open("wb") as stderr:
        began = time.monotonic()
        process = subprocess.Popen(
            list(command),
            cwd=ROOT,
            env={**_shell(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
        peak, usage = _watch(process, began + DEADLINE)
        seconds = time.monotonic() - began
    if process.returncode:
        said = told.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {said}")
    cpu = usage.ru_utime + usage.ru_stime
    return Run(seconds, cpu, _cpu(server) - served, peak / 1e6, out.read_text())


def _shell() -> dict[str, str]:
    """Our environment, but Python keeps what it compiled, as where it is installed."""
    return {name: value for name, value in os.environ.items() if name != _UNCOMPILED}


def _watch(process: subprocess.Popen[bytes], deadline: float) -> tuple[int, struct_rusage]:
    peak = 0
    while True:
        peak = max(peak, _peak(process.pid))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return peak, usage
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(_POLL)


def _peak(pid: int) -> int:
    """The most resident memory so far, in bytes; 0 for one that has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
