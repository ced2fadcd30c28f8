"""How far a long command is: a bar on a terminal, JSON lines elsewhere, an annotation on a Job."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

Tell = Callable[[int, int, float | None], None]
"""Called with bytes done, bytes in all and the seconds left (None: not known yet)."""


class Report(Protocol):
    """Where progress is shown."""

    def begin(self, total: int, done: int) -> None:
        """``done`` bytes of ``total`` are here already."""

    def add(self, count: int) -> None:
        """More bytes arrived (negative: they have to be fetched again); any thread."""

    def again(self, reason: str, seconds: float) -> None:
        """Something failed and is tried again after so many seconds; any thread."""

    def end(self) -> None:
        """The last bytes have arrived, or the command failed."""


class Rate:
    """Bytes for each second over the last half minute."""

    def __init__(self, clock: Callable[[], float], window: float = 30.0) -> None:
        self._clock, self._window = clock, window
        self._seen: deque[tuple[float, int]] = deque()

    def at(self, done: int) -> float | None:
        """Note how much is done and return the rate; None until it can be told."""
        now = self._clock()
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > self._window:
            self._seen.popleft()
        first, count = self._seen[0]
        return (done - count) / (now - first) if now > first and done > count else None


class Bar:
    """A bar for a person."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task("fetching", total=None)

    def begin(self, total: int, done: int) -> None:
        """Draw the bar."""
        self._progress.update(self._task, total=total, completed=done)
        self._progress.start()

    def add(self, count: int) -> None:
        """Move it."""
        self._progress.advance(self._task, count)

    def again(self, reason: str, seconds: float) -> None:
        """A line above the bar."""
        self._progress.console.print(f"{reason}: trying again in {seconds:.1f} s", markup=False)

    def end(self) -> None:
        """Leave it as it is."""
        self._progress.stop()


class Lines:
    """A JSON line now and then, and whoever else wants to know."""

    def __init__(
        self,
        *,
        every: float = 5.0,
        out: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        tell: Tell | None = None,
    ) -> None:
        self._every, self._clock, self._tell = every, clock, tell
        self._out = out or sys.stderr
        self._total = self._done = 0
        self._next = clock()
        self._rate = Rate(clock)
        self._lock = threading.Lock()

    def begin(self, total: int, done: int) -> None:
        """The first line."""
        self._total, self._done = total, done
        self._say()

    def add(self, count: int) -> None:
        """Count, and speak when it is time again."""
        with self._lock:
            self._done += count
            due = self._clock() >= self._next
            if due:
                self._next = self._clock() + self._every
        if due:
            self._say()

    def again(self, reason: str, seconds: float) -> None:
        """A line of its own."""
        line = {"event": "again", "reason": reason, "seconds": round(seconds, 1)}
        print(json.dumps(line), file=self._out, flush=True)

    def end(self) -> None:
        """The last line."""
        self._say()

    def _say(self) -> None:
        rate = self._rate.at(self._done)
        left = (self._total - self._done) / rate if rate else None
        line = {"event": "progress", "bytes": self._done, "total": self._total}
        if left is not None:
            line["secondsLeft"] = round(left)
        print(json.dumps(line), file=self._out, flush=True)
        if self._tell is not None:
            self._tell(self._done, self._total, left)
