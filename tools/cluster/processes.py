"""Which processes belong to a cluster, and stopping exactly those.

A process is known by its pid, the moment it started and the cluster's folder in its command
line. All three must agree before it gets a signal: after a reboot the same pid is somebody else.
"""

import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

_STATE, _START = 0, 19
"""Fields 3 and 22 of /proc/PID/stat, counted after the command name (see proc(5))."""
POLL_SECONDS = 0.05
KILL_SECONDS = 10.0


@dataclass(frozen=True)
class Process:
    """One process as it was when it was recorded."""

    pid: int
    start: int
    """Clock ticks between boot and the start of the process."""
    command: tuple[str, ...]

    @property
    def name(self) -> str:
        """The file name of the program."""
        return Path(self.command[0]).name if self.command else ""


def inspect(pid: int, proc: Path = Path("/proc")) -> Process | None:
    """Return the process that has this pid now; None when there is none or it is a zombie."""
    try:
        stat = (proc / str(pid) / "stat").read_text(errors="replace")
        command = (proc / str(pid) / "cmdline").read_bytes()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[_STATE] in {"Z", "X"}:
        return None
    words = command.decode(errors="replace").rstrip("\0").split("\0")
    return Process(pid=pid, start=int(fields[_START]), command=tuple(words))


def started(pid: int, seconds: float = 5.0, proc: Path = Path("/proc")) -> Process | None:
    """Return a process that was started just now, once it shows its command line.

    Between the end of the fork and the end of the exec it shows none: a record of that moment would
    never be recognised again. None when it has ended already.
    """
    deadline = time.monotonic() + seconds
    while (process := inspect(pid, proc)) and not process.name and time.monotonic() < deadline:
        time.sleep(0.001)
    return process


def is_running(recorded: Process, proc: Path = Path("/proc")) -> bool:
    """Say whether this very process, not a later one with its pid, still runs."""
    now = inspect(recorded.pid, proc)
    return now is not None and now.start == recorded.start and now.command == recorded.command


def belongs_to(process: Process, folder: Path) -> bool:
    """Say whether the program lies in the cluster's folder, or is a kwokctl that works on it.

    A kwokctl whose caller was killed would go on and start what was just removed.
    """
    words = process.command if process.name == "kwokctl" else process.command[:1]
    return any(Path(word).is_relative_to(folder) for word in words)


def find(folder: Path, proc: Path = Path("/proc")) -> list[Process]:
    """Return all running processes that belong to the cluster."""
    if not proc.is_dir():
        return []
    pids = (int(entry.name) for entry in proc.iterdir() if entry.name.isdigit())
    processes = (inspect(pid, proc) for pid in pids)
    return [process for process in processes if process and belongs_to(process, folder)]


def save(path: Path, processes: list[Process]) -> None:
    """Write the records, whole or not at all."""
    scratch = path.with_suffix(".tmp")
    scratch.write_text(json.dumps([asdict(process) for process in processes], indent=2) + "\n")
    scratch.rename(path)


def load(path: Path) -> list[Process]:
    """Read the records; an absent or broken file is an empty one."""
    try:
        entries = json.loads(path.read_text())
        return [Process(e["pid"], e["start"], tuple(e["command"])) for e in entries]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def owned(folder: Path, records: Path) -> list[Process]:
    """Return the cluster's running processes: the recorded ones and those never recorded."""
    recorded = [
        process for process in load(records) if belongs_to(process, folder) and is_running(process)
    ]
    return list(dict.fromkeys([*recorded, *find(folder)]))


def stop(processes: list[Process], grace_seconds: float = 1.0) -> list[Process]:
    """Ask all to end, kill those that did not; return those that are still there.

    The grace is short: an API server with open watches waits a minute, and its data goes away.
    """
    left = _signal_and_wait(processes, signal.SIGTERM, grace_seconds)
    return _signal_and_wait(left, signal.SIGKILL, KILL_SECONDS)


def _signal_and_wait(processes: list[Process], number: int, seconds: float) -> list[Process]:
    """Signal each process that is still the recorded one and wait for all of them."""
    left = [process for process in processes if is_running(process)]
    for process in left:
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            continue
    deadline = time.monotonic() + seconds
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        left = [process for process in left if is_running(process)]
    return left
