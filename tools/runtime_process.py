"""A runtime as a process of this machine: on free ports, and surely the one that answers.

A port that is free now may be somebody else's when the process takes it, a second later. The
process then ends and says so, and is started again on other ports. Whoever took the port may well
be another runtime, so an answer counts only once this very process listens there.
"""

from __future__ import annotations

import errno
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tools.cluster.errors import tail

NAMES = ("HTTP", "WEBSOCKET", "GRPC", "HEALTH")
PORTS = {"HTTP": 8000, "WEBSOCKET": 8080, "GRPC": 50051, "HEALTH": 9090}
"""Those that everybody knows."""
ANY = dict.fromkeys(NAMES, 0)
READY_SECONDS = 60.0
STOP_SECONDS = 20.0
TRIES = 5
_REACHED = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up only
"""Where this machine reaches what is served at all of its addresses."""
Environment = Callable[[Mapping[str, str]], Mapping[str, str]]
"""Variables of the process, from those that hold its addresses."""


class NotStarted(RuntimeError):  # noqa: N818 - named for what happened
    """The runtime does not serve; the message says why, and what its log says."""


@dataclass(frozen=True)
class Started:
    """A runtime that is ready."""

    process: subprocess.Popen[bytes]
    host: str
    ports: Mapping[str, int]
    seconds: float
    """From its start until it was ready."""

    def address(self, name: str) -> str:
        """Host and port of a server, as this machine reaches it."""
        return _address(_REACHED.get(self.host, self.host), self.ports[name])


def start(
    environment: Environment,
    log: Path,
    *,
    host: str = "127.0.0.1",
    wanted: Mapping[str, int] = ANY,
    launched: Callable[[int], None] = lambda _pid: None,
) -> Started:
    """
    Start one and wait until it is ready; raises NotStarted, and then nothing is left running.

    ``wanted``: the port that each server shall have if nobody else has it, 0 for any.
    ``launched`` is told the pid of each process that is tried.
    """
    for _ in range(TRIES):
        ports = choose(host, wanted)
        addresses = {name: _address(host, port) for name, port in ports.items()}
        variables = {f"DIGITAL_HUMAN_{name}_ADDRESS": where for name, where in addresses.items()}
        began = time.monotonic()
        process = _launch(environment(variables), log)
        try:
            launched(process.pid)
            if _ready(process, host, ports["HEALTH"], log):
                return Started(process, host, ports, time.monotonic() - began)
        except BaseException:
            end(process)
            raise
        if not any(f"{where} cannot be served" in _said(log) for where in addresses.values()):
            raise NotStarted(f"the runtime ended while it started.\n{tail(log)}")
    raise NotStarted(f"others took the ports of the runtime {TRIES} times.\n{tail(log)}")


def choose(host: str, wanted: Mapping[str, int]) -> dict[str, int]:
    """A port for each server that nobody has now; raises NotStarted where ``host`` has none."""
    with ExitStack() as held:  # all at once, so that no two are the same
        return {name: _free(host, port, held) for name, port in wanted.items()}


def free(host: str, port: int) -> int:
    """The port, or another one when somebody else has it; raises NotStarted."""
    return choose(host, {"": port})[""]


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, twice if need be, then end it."""
    for number, seconds in (
        (signal.SIGTERM, STOP_SECONDS),
        (signal.SIGTERM, 5),
        (signal.SIGKILL, 5),
    ):
        if process.poll() is None:
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)


def _free(host: str, port: int, held: ExitStack) -> int:
    for number in (port, 0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        probe = held.enter_context(socket.socket(family))
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise NotStarted(
                    f"{_address(host, port)} cannot be served: {error.strerror}"
                ) from None
        else:
            return int(probe.getsockname()[1])
    raise NotStarted(f"all ports of {host} are in use")


def _launch(environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "digital_human_runtime"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,  # Ctrl-C ends it once, by us, in order
        )


def _ready(process: subprocess.Popen[bytes], host: str, port: int, log: Path) -> bool:
    """Wait until it answers; False when it ended before that. Raises NotStarted."""
    url = f"http://{_address(_REACHED.get(host, host), port)}/health/ready"
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        with suppress(urllib.error.URLError, OSError):
            if _listens(process.pid, port):
                urllib.request.urlopen(url, timeout=1).close()
                return True
        time.sleep(0.02)
    raise NotStarted(f"the runtime was not ready after {READY_SECONDS:.0f} s.\n{tail(log)}")


def _listens(pid: int, port: int) -> bool:
    """Whether this process, and so nobody else, has the port."""
    try:
        found = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in found)


def _said(log: Path) -> str:
    return log.read_text(errors="replace")


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
