"""
`make bench-backup`: the backup tool against boto3 alone and restic, one server, the same bytes.

`python -m tools.bench.backup [MIB] [ROUNDS]`. Source, store and target lie in memory where there is
room, so that no disk takes part; only the drill restores onto a disk, and waits until all is on
it. Every figure is a process from its start to its end, Python's imports included. The contenders
take turns, and a share is the median of those of each round: the host is not ours alone.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from tools import debian, store
from tools.bench.operator import machine
from tools.bench.transfer import cores, data
from tools.bench.transfer.contenders import ENCRYPTED, PLAIN, RAW, RESTIC
from tools.bench.transfer.link import RATE, NoLinkError, link
from tools.bench.transfer.rounds import (
    Server,
    Table,
    median,
    once,
    peak,
    rounds,
    shares,
    unchanged,
)
from tools.bench.transfer.timing import run
from tools.cache import ROOT

RESULT = ROOT / "build" / "bench" / "backup.json"
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
MIB, ROUNDS = 1024, 3
WARM = 20 * 2**20
"""Bytes that go first, so that all programs are compiled and read."""
_COPIES = 5


def measure(size: int, count: int, console: Console) -> dict[str, Any]:
    """Everything; returns the whole report."""
    debian.ensure(["restic"])
    where = machine() | {"note": "client and server share these cores"}
    report: dict[str, Any] = {"benchmark": "backup", "machine": where}
    with _folder(size) as folder:
        report["memory_only"] = folder.is_relative_to(MEMORY)
        data.make(folder / "warm", WARM)
        report["data"] = data.make(folder / "source", size)
        report["one_core_mb_per_second"] = cores.speeds()
        console.print("loopback")
        with _table(folder, console) as table:
            report["loopback"] = _loopback(table, count)
            report["drill"] = _drill(table)
        console.print(RATE)
        report[f"link_{RATE}"] = _linked(folder, count, console)
    return report


def _loopback(table: Table, count: int) -> dict[str, Any]:
    once(replace(table, source=table.source.with_name("warm")), ENCRYPTED, count)
    once(replace(table, source=table.source.with_name("warm")), RAW, count)
    found = rounds(table, (RAW, PLAIN, ENCRYPTED, RESTIC), count)
    ours = (PLAIN.name, ENCRYPTED.name)
    return {
        "share_of_raw": {name: shares(found, name, RAW.name) for name in ours},
        "times_restic": {name: shares(found, name, RESTIC.name) for name in ours},
        "unchanged_backup": {name: unchanged(found, name) for name in ours},
        "peak_mb": {name: peak(found, name) for name in found[0]},
        "median_seconds": {
            name: {step: median(found, name, step, "seconds") for step in steps}
            for name, steps in found[0].items()
        },
        "restic": _version(),
        "rounds": found,
    }


def _version() -> str:
    command = (shutil.which("restic") or "restic", "version")
    return subprocess.check_output(command, text=True).strip()


def _drill(table: Table) -> dict[str, Any]:
    """Restore an encrypted backup onto a disk, synced, as a drill does into its scratch volume."""
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    with (
        table.place("drill") as place,
        tempfile.TemporaryDirectory(dir=RESULT.parent, prefix="drill-") as disk,
    ):
        into = Path(disk) / "restored"
        for words in (ENCRYPTED.backup(place), ENCRYPTED.restore(place, into)):
            found = run(words, {}, place.folder, table.server.pid)
        data.check(table.source, into / "models")
    told = json.loads(found.output.splitlines()[-1])
    return {"seconds": round(found.seconds, 2), "told_seconds": told["seconds"]}


def _linked(folder: Path, count: int, console: Console) -> dict[str, Any]:
    """The same over a link of 1 Gbit/s; says why not, where that is not allowed."""
    try:
        with link() as there, _table(folder, console, there.host, there.wrapped) as table:
            found = rounds(table, (RAW, PLAIN, ENCRYPTED), count)
    except NoLinkError as error:
        return {"not_measured": str(error)}
    ours = (PLAIN.name, ENCRYPTED.name)
    return {
        "share_of_raw": {name: shares(found, name, RAW.name) for name in ours},
        "unchanged_backup": {name: unchanged(found, name) for name in ours},
        "rounds": found,
    }


@contextmanager
def _table(
    folder: Path, console: Console, host: str = store.HOST, wrapped: Sequence[str] = ()
) -> Iterator[Table]:
    """A server with an empty store."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        kept, work = Path(name) / "server", Path(name) / "work"
        kept.mkdir()
        work.mkdir()
        with store.serving(kept, host, wrapped) as (served, pid):
            server = Server(served, kept / "buckets", pid)
            yield Table(server, folder / "source", work, console)


@contextmanager
def _folder(size: int) -> Iterator[Path]:
    """In memory where there is room, else below build."""
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    fits = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > _COPIES * size
    parent = MEMORY if fits else RESULT.parent
    with tempfile.TemporaryDirectory(dir=parent, prefix="digital-human-bench-") as name:
        yield Path(name)


def main(arguments: list[str]) -> int:
    """Run, write the report, print it."""
    console = Console(stderr=True)
    mib, count = (*map(int, arguments), *(MIB, ROUNDS)[len(arguments) :])
    began = time.monotonic()
    report = measure(mib * 2**20, count, console)
    RESULT.write_text(json.dumps(report, indent=2) + "\n")
    console.print_json(json.dumps({**report, "loopback": {**report["loopback"], "rounds": "..."}}))
    console.print(f"{RESULT.relative_to(ROOT)} written after {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
