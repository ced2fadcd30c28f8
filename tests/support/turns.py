"""Turns at what the workers of a run share: most tests have it with others, some to themselves."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(folder: Path, name: str, *, alone: bool) -> Iterator[None]:
    """Hold what is called ``name``, with others or alone; the kernel ends it with the process.

    Whoever comes goes first, as long as others are there: who waits to be alone waits for all. A
    run has an end, and so has this; tests that want to be alone do well to come last.
    """
    with (folder / f".{name}-turn.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
