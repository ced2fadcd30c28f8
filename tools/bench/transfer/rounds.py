"""Rounds of the contenders against one server, and what they come to."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from tools.bench.transfer import data
from tools.bench.transfer.contenders import Contender, Place
from tools.bench.transfer.timing import Run, run
from tools.store import Store

Result = dict[str, Any]


@dataclass(frozen=True)
class Server:
    """A running store, the folder of its buckets, and its pid."""

    store: Store
    buckets: Path
    pid: int


@dataclass(frozen=True)
class Table:
    """Where everything of a measurement lies."""

    server: Server
    source: Path
    folder: Path
    console: Console

    @contextmanager
    def place(self, name: str) -> Iterator[Place]:
        """An empty bucket and an empty folder for a contender, gone afterwards."""
        folder = self.folder / name
        folder.mkdir()
        self.server.store.make_bucket(name)
        try:
            yield Place(self.server.store, name, self.source, folder)
        finally:
            shutil.rmtree(folder)
            for kept in (self.server.buckets, self.server.buckets.with_name("meta")):
                shutil.rmtree(kept / name, ignore_errors=True)

    def stored(self, place: Place) -> int:
        """Bytes in the bucket of a contender."""
        return data.size_of(self.server.buckets / place.bucket)


def once(table: Table, one: Contender, number: int) -> dict[str, Result]:
    """One backup, one more of the same, one restore, and every byte compared."""
    with table.place(f"{one.name}-{number}") as place:
        environment, into = one.environment(place), place.folder / "restored"

        def timed(words: Sequence[str]) -> Result:
            before = table.stored(place)
            found = run(words, environment, place.folder, table.server.pid)
            return _told(found, table.stored(place) - before)

        if one.before is not None:
            timed(one.before(place))
        steps = {"backup": timed(one.backup(place))}
        if one.again:
            steps["again"] = timed(one.backup(place))
        steps["restore"] = timed(one.restore(place, into))
        data.check(table.source, next(into.rglob("small")).parent)
    took = ", ".join(f"{name} {step['seconds']} s" for name, step in steps.items())
    table.console.print(f"  {one.name}: {took}")
    return steps


def rounds(table: Table, contenders: Sequence[Contender], count: int) -> list[dict[str, Any]]:
    """All of them ``count`` times, each time the other way round."""
    found = []
    for number in range(count):
        order = contenders if number % 2 == 0 else contenders[::-1]
        found.append({one.name: once(table, one, number) for one in order})
    return found


def shares(found: Sequence[dict[str, Any]], name: str, base: str) -> dict[str, float]:
    """The speed of one as a share of another's, each round by itself, the median of them."""
    return {
        step: round(statistics.median(_ratio(one, base, name, step) for one in found), 3)
        for step in ("backup", "restore")
    }


def unchanged(found: Sequence[dict[str, Any]], name: str) -> dict[str, float]:
    """What an unchanged second backup costs, as a share of the first."""
    steps = [one[name] for one in found]
    return {
        what: round(statistics.median(s["again"][what] / s["backup"][what] for s in steps), 5)
        for what in ("seconds", "stored_bytes")
    }


def peak(found: Sequence[dict[str, Any]], name: str) -> float:
    """The most memory of any of its processes, in MB."""
    return max(float(step["peak_mb"]) for one in found for step in one[name].values())


def median(found: Sequence[dict[str, Any]], name: str, step: str, what: str) -> float:
    """The median of a figure over the rounds."""
    return round(statistics.median(float(one[name][step][what]) for one in found), 3)


def _ratio(one: dict[str, Any], base: str, name: str, step: str) -> float:
    return float(one[base][step]["seconds"] / one[name][step]["seconds"])


def _told(found: Run, stored: int) -> Result:
    return {
        "seconds": round(found.seconds, 3),
        "cpu_seconds": round(found.cpu_seconds, 2),
        "server_cpu_seconds": round(found.server_cpu_seconds, 2),
        "peak_mb": round(found.peak_mb, 1),
        "stored_bytes": stored,
    }
