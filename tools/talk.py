"""`make talk`: the runtime alone on this machine, and the address where its face talks.

It stays in the foreground until Ctrl-C, which ends everything. `--detach` leaves it running and
`--stop` ends that one. Ports that somebody else uses are replaced by free ones.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tools import page, uv
from tools.cache import ROOT
from tools.cluster import processes
from tools.cluster.errors import tail
from tools.operator_process import free_port

FOLDER = ROOT / "build" / "talk"
PORTS = {"HTTP": 8000, "WEBSOCKET": 8080, "GRPC": 50051, "HEALTH": 9090}
READY_SECONDS = 60.0
STOP_SECONDS = 20.0


class TalkError(RuntimeError):
    """The face could not be shown; the message says why and what to do."""


def main(argv: list[str] | None = None) -> int:
    """Start, or stop; returns the exit status."""
    options = _parser().parse_args(argv)
    try:
        if options.stop:
            return stop(options.folder)
        return start(options.folder, options.host, detach=options.detach)
    except (TalkError, page.PageError, uv.UvError) as error:
        print(f"talk: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def start(folder: Path, host: str, *, detach: bool) -> int:
    """Build the page, start the runtime, print its address; stay unless ``detach``."""
    if running(folder):
        raise TalkError("it runs already: end it with `python -m tools.talk --stop`")
    page.build()
    ports = {name: free(host, port) for name, port in PORTS.items()}
    signal.signal(signal.SIGTERM, _interrupt)
    process = _launch(folder, _environment(host, ports))
    left = False
    try:
        _until_ready(process, folder, ports["HEALTH"])
        _tell(host, ports, detach=detach)
        left = detach
        if not left:
            process.wait()
            raise TalkError(f"the runtime ended by itself.\n{tail(_log(folder))}")
    except KeyboardInterrupt:
        print("Ending.", flush=True)
    finally:
        if not left:
            _end(process)
    return 0


def serve(folder: Path, config: Path) -> str:
    """Start a runtime that a file configures, and leave it running; returns its address."""
    stop(folder)
    host = "127.0.0.1"
    ports = {name: free(host, port) for name, port in PORTS.items()}
    environment = _environment(host, ports, _without_settings(os.environ))
    environment["DIGITAL_HUMAN_CONFIG"] = str(config)
    process = _launch(folder, environment)
    try:
        _until_ready(process, folder, ports["HEALTH"])
    except BaseException:
        _end(process)
        raise
    return f"http://localhost:{ports['HTTP']}/"


def stop(folder: Path) -> int:
    """End the one that was left running; nothing to end is fine."""
    left = processes.stop(processes.load(_record(folder)), STOP_SECONDS)
    if left:
        raise TalkError(f"the runtime (pid {left[0].pid}) does not end")
    _record(folder).unlink(missing_ok=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.talk", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to serve at (%(default)s)")
    parser.add_argument("--detach", action="store_true", help="leave it running and return")
    parser.add_argument("--stop", action="store_true", help="end the one that was left running")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for its log and its pid")
    return parser


def _record(folder: Path) -> Path:
    return folder / "runtime.pid.json"


def _log(folder: Path) -> Path:
    return folder / "runtime.log"


def running(folder: Path) -> bool:
    """Whether the one that was left running still does."""
    return any(processes.is_running(one) for one in processes.load(_record(folder)))


def free(host: str, port: int) -> int:
    """The port, or another one when somebody else has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return free_port()
    return port


def _without_settings(shell: Mapping[str, str]) -> dict[str, str]:
    """A shell that changes nothing: the file is what a Pod would read, and nothing overrides it."""
    guide = {"MODEL_NAME", "BATCH_SIZE", "AUDIO2FACE_ENABLED", "AUDIO2FACE_SERVER"}
    return {
        name: value
        for name, value in shell.items()
        if name not in guide and not name.startswith("DIGITAL_HUMAN_")
    }


def _environment(
    host: str, ports: Mapping[str, int], shell: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Addresses and readable logs; settings of the shell stay."""
    addresses = {f"DIGITAL_HUMAN_{name}_ADDRESS": f"{host}:{port}" for name, port in ports.items()}
    shown = {"DIGITAL_HUMAN_LOG_FORMAT": "text", "DIGITAL_HUMAN_DRAIN_SECONDS": "2"}
    return {**shown, **shell, **addresses}


def _launch(folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    with _log(folder).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "digital_human_runtime"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C ends it once, by us, in order
        )
    recorded = processes.started(process.pid)
    if recorded:
        processes.save(_record(folder), [recorded])
    return process


def _until_ready(process: subprocess.Popen[bytes], folder: Path, port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    url = f"http://127.0.0.1:{port}/health/ready"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise TalkError(f"the runtime ended while it started.\n{tail(_log(folder))}")
        with suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(url, timeout=1).close()
            return
        time.sleep(0.02)
    raise TalkError(f"the runtime was not ready after {READY_SECONDS:.0f} s.\n{tail(_log(folder))}")


def _tell(host: str, ports: Mapping[str, int], *, detach: bool) -> None:
    shown = "localhost" if host in {"127.0.0.1", "0.0.0.0", "::"} else host  # noqa: S104 - shown
    how = "`python -m tools.talk --stop`" if detach else "Ctrl-C"
    print(f"A digital human talks here; {how} ends it:", flush=True)
    print(f"http://{shown}:{ports['HTTP']}/", flush=True)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, twice if need be, then end it."""
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
        if process.poll() is None:
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)


if __name__ == "__main__":
    sys.exit(main())
