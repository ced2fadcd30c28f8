"""The project's own folder in the user's cache, where binaries, uv and a Go toolchain live."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""


def cache_root() -> Path:
    """Folder of everything that is worth keeping between checkouts (XDG base directory rules)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if base.startswith("/") else Path.home() / ".cache"
    folder = home / "digital-human"
    try:
        closed = folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK)
    except PermissionError:  # what it lies in is closed already
        closed = True
    if closed:
        _refuse(folder, "Permission denied")
    return folder


def _refuse(folder: Path, reason: str) -> NoReturn:
    """End with one sentence: every program here needs the folder."""
    other = "name another folder with XDG_CACHE_HOME"
    if folder.is_relative_to(ROOT):
        other = "work in a checkout of your own"
    sys.exit(f"{folder} cannot be used ({reason}): make it yours, or {other}.")


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the kernel drops it however the process ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a")
    except OSError as error:
        _refuse(path.parent, error.strerror or "it fails")
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
