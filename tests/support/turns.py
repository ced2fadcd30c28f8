"""Turns at what the workers of a run share: most tests have it with others, some to themselves."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.cache import file_lock


@contextmanager
def turn(folder: Path, name: str, *, alone: bool) -> Iterator[None]:
    """Hold what is called ``name``, with others or alone; the kernel ends it with the process.

    Nobody overtakes one who waits to be alone: those who come later wait at the door.
    """
    with (folder / f".{name}-turn.lock").open("a") as held:
        with file_lock(folder / f".{name}-door.lock"):
            fcntl.flock(held, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
