"""The steps of the demo: each is told with its time, and all of them once more at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console


class Steps:
    """What was done so far, on a console."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._times: list[tuple[str, float]] = []
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it took up to now."""
        return time.monotonic() - self._began

    def say(self, line: str) -> None:
        """Print a line as it is."""
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def note(self, line: str) -> None:
        """Print what belongs to the step under way."""
        self.say(f"       {line}")

    def run(self, what: str, act: Callable[[], object]) -> None:
        """Do one step, and tell how long it took."""
        began = time.monotonic()
        with self._under_way(what):
            act()
        seconds = time.monotonic() - began
        self._times.append((what, seconds))
        self.say(f"  ok   {what:<28} {seconds:6.1f} s")

    def sum(self, built: Collection[str]) -> str:
        """Every step with its time, and what had to be built for a cold start."""
        parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self._times)
        kind = f"cold, built {', '.join(sorted(built))}" if built else "warm"
        return f"{self.seconds:.0f} s in all ({kind}): {parts}"

    def keep(self, path: Path, line: str) -> None:
        """Add a line to the file of all starts."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M')} {line}\n")

    @contextmanager
    def _under_way(self, what: str) -> Iterator[None]:
        if self.console.is_terminal:
            with self.console.status(f"{what} ..."):
                yield
            return
        self.say(f"  ...  {what}")
        yield
