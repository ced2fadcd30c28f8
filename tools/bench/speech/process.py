"""The runtime as a process of this machine, started for a measurement and stopped after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tools.cache import ROOT
from tools.operator_process import free_port

READY_SECONDS = 60.0
LOGS = ROOT / "build" / "bench"


@dataclass(frozen=True)
class RuntimeProcess:
    """One running runtime and where its ports are."""

    pid: int
    http: str
    websocket: str
    grpc: str
    health: str
    ready_seconds: float

    def rss_mib(self) -> float:
        """Resident memory of the process and its children, shared pages counted once a process."""
        process = psutil.Process(self.pid)
        every = [process, *process.children(recursive=True)]
        return sum(float(one.memory_info().rss) for one in every) / 2**20


@contextmanager
def runtime(settings: Mapping[str, str] | None = None) -> Iterator[RuntimeProcess]:
    """Start the builtin stack on free ports; yields it once it is ready."""
    ports = {name: free_port() for name in ("HTTP", "WEBSOCKET", "GRPC", "HEALTH")}
    environment = os.environ | {
        f"DIGITAL_HUMAN_{name}_ADDRESS": f"127.0.0.1:{port}" for name, port in ports.items()
    }
    limits = {"DIGITAL_HUMAN_RATE_LIMIT": "off", "DIGITAL_HUMAN_MAX_SESSIONS": "1000"}
    environment |= limits | dict(settings or {})
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / "runtime.log").open("w") as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "digital_human_runtime"], env=environment, stdout=log, stderr=log
        )
        try:
            seconds = _wait(process, f"http://127.0.0.1:{ports['HEALTH']}/health/ready", began)
            yield RuntimeProcess(
                process.pid,
                http=f"http://127.0.0.1:{ports['HTTP']}",
                websocket=f"ws://127.0.0.1:{ports['WEBSOCKET']}",
                grpc=f"127.0.0.1:{ports['GRPC']}",
                health=f"http://127.0.0.1:{ports['HEALTH']}",
                ready_seconds=seconds,
            )
        finally:
            _stop(process)


def _wait(process: subprocess.Popen[bytes], address: str, began: float) -> float:
    while time.perf_counter() - began < READY_SECONDS:
        if process.poll() is not None:
            raise RuntimeError(f"the runtime ended: see {LOGS.relative_to(ROOT)}/runtime.log")
        with suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(address, timeout=1).close()  # noqa: S310 - our own address
            return time.perf_counter() - began
        time.sleep(0.02)
    raise RuntimeError(f"the runtime was not ready after {READY_SECONDS:.0f} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number, seconds in ((signal.SIGTERM, 20), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        if process.poll() is None:
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)


def log_path() -> Path:
    """Where the runtime of the last measurement wrote its log."""
    return LOGS / "runtime.log"
