"""The project's own folder in the user's cache, where binaries, uv and a Go toolchain live."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""


def cache_root() -> Path:
    """Folder of everything that is worth keeping between checkouts (XDG base directory rules)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return home / "digital-human"


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the kernel drops it however the process ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a")
    except OSError as error:
        sys.exit(
            f"{path.parent} cannot be written ({error.strerror}): make it yours, or name another"
            " folder with XDG_CACHE_HOME."
        )
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
