"""`make talk`: the runtime alone on this machine, and the address where its face talks.

It stays in the foreground until Ctrl-C, which ends everything. `--detach` leaves it running and
`--stop` ends that one. Ports that somebody else uses are replaced by free ones.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from tools import page, runtime_process, uv
from tools.cache import ROOT
from tools.cluster import processes
from tools.cluster.errors import tail

FOLDER = ROOT / "build" / "talk"
STOP_SECONDS = 20.0
SHOWN = {"DIGITAL_HUMAN_LOG_FORMAT": "text", "DIGITAL_HUMAN_DRAIN_SECONDS": "2"}
"""Logs for people and a quick end, unless the shell says otherwise."""


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
    signal.signal(signal.SIGTERM, _interrupt)
    found: runtime_process.Started | None = None
    left = False
    try:
        found = _begin(folder, host, {**SHOWN, **os.environ})
        _tell(found, detach=detach)
        left = detach
        if not left:
            found.process.wait()
            raise TalkError(f"the runtime ended by itself.\n{tail(_log(folder))}")
    except KeyboardInterrupt:
        print("Ending.", flush=True)
    finally:
        if found is not None and not left:
            runtime_process.end(found.process)
    return 0


def serve(folder: Path, config: Path) -> str:
    """Start a runtime that a file configures, and leave it running; returns its address."""
    stop(folder)
    shell = {**SHOWN, **_without_settings(os.environ), "DIGITAL_HUMAN_CONFIG": str(config)}
    return _shown(_begin(folder, "127.0.0.1", shell))


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


def _without_settings(shell: Mapping[str, str]) -> dict[str, str]:
    """A shell that changes nothing: the file is what a Pod would read, and nothing overrides it."""
    guide = {"MODEL_NAME", "BATCH_SIZE", "AUDIO2FACE_ENABLED", "AUDIO2FACE_SERVER"}
    return {
        name: value
        for name, value in shell.items()
        if name not in guide and not name.startswith("DIGITAL_HUMAN_")
    }


def _begin(folder: Path, host: str, shell: Mapping[str, str]) -> runtime_process.Started:
    """Start one with settings of the shell and addresses of our choice, and record its pid."""

    def record(pid: int) -> None:
        recorded = processes.started(pid)
        if recorded:
            processes.save(_record(folder), [recorded])

    try:
        return runtime_process.start(
            lambda addresses: {**shell, **addresses},
            _log(folder),
            host=host,
            wanted=runtime_process.PORTS,
            launched=record,
        )
    except runtime_process.NotStarted as error:
        raise TalkError(str(error)) from error


def _tell(found: runtime_process.Started, *, detach: bool) -> None:
    how = "`python -m tools.talk --stop`" if detach else "Ctrl-C"
    print(f"A digital human talks here; {how} ends it:\n{_shown(found)}", flush=True)


def _shown(found: runtime_process.Started) -> str:
    """The address for people and browsers, which trust this machine by its name."""
    where = found.address("HTTP")
    for own in ("127.0.0.1:", "[::1]:"):
        where = where.replace(own, "localhost:")
    return f"http://{where}/"


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
