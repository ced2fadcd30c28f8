"""The runtime as a process of this machine, started for a measurement and stopped after it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tools import runtime_process
from tools.cache import ROOT

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
def runtime(
    settings: Mapping[str, str] | None = None, log: Path = LOGS / "runtime.log"
) -> Iterator[RuntimeProcess]:
    """Start the builtin stack on free ports; yields it once it is ready. Raises NotStarted."""
    limits = {"DIGITAL_HUMAN_RATE_LIMIT": "off", "DIGITAL_HUMAN_MAX_SESSIONS": "1000"}
    found = runtime_process.start(
        lambda addresses: {**os.environ, **addresses, **limits, **(settings or {})}, log
    )
    try:
        yield RuntimeProcess(
            found.process.pid,
            http=f"http://{found.address('HTTP')}",
            websocket=f"ws://{found.address('WEBSOCKET')}",
            grpc=found.address("GRPC"),
            health=f"http://{found.address('HEALTH')}",
            ready_seconds=found.seconds,
        )
    finally:
        runtime_process.end(found.process)
