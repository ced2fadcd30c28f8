"""How far a long command is: a bar on a terminal, JSON lines elsewhere."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol, TextIO

EVERY_SECONDS = 10.0


class Report(Protocol):
    """Where progress is shown; any thread may add."""

    def begin(self, what: str, total: int) -> None:
        """A step of ``total`` bytes begins."""

    def add(self, count: int) -> None:
        """More bytes are done."""

    def end(self) -> None:
        """The step has ended, or failed."""


class Bar:
    """A bar for a person, one for each step."""

    def __init__(self) -> None:
        from rich import progress  # noqa: PLC0415 - Jobs have no terminal, and need not load it
        from rich.console import Console  # noqa: PLC0415

        self._progress = progress.Progress(
            progress.TextColumn("{task.description:<10}"),
            progress.BarColumn(),
            progress.DownloadColumn(binary_units=True),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True),
        )

    def begin(self, what: str, total: int) -> None:
        """Draw it, below that of the step before."""
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._task = self._progress.add_task(what, total=total)
        self._progress.start()

    def add(self, count: int) -> None:
        """Move it."""
        self._progress.advance(self._task, count)

    def end(self) -> None:
        """Leave it as it is."""
        self._progress.stop()


class Lines:
    """A JSON line at the begin and the end of a step, and every ten seconds."""

    def __init__(
        self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out, self._clock = out or sys.stderr, clock
        self._lock = threading.Lock()
        self._what, self._total, self._done = "", 0, 0
        self._begun = self._next = 0.0

    def begin(self, what: str, total: int) -> None:
        """The first line."""
        self._what, self._total, self._done = what, total, 0
        self._begun = self._clock()
        self._next = self._begun + EVERY_SECONDS
        self._say()

    def add(self, count: int) -> None:
        """Count, and speak when it is time again."""
        with self._lock:
            self._done += count
            due = self._clock() >= self._next
            if due:
                self._next = self._clock() + EVERY_SECONDS
        if due:
            self._say()

    def end(self) -> None:
        """The last line."""
        self._say()

    def _say(self) -> None:
        line = {"event": "progress", "step": self._what, "bytes": self._done, "total": self._total}
        spent = self._clock() - self._begun
        if self._done and spent > 0:
            line["secondsLeft"] = round((self._total - self._done) * spent / self._done)
        print(json.dumps(line), file=self._out, flush=True)


def report() -> Report:
    """What suits standard error."""
    return Bar() if sys.stderr.isatty() else Lines()
