"""The folder of compiled code, which torch makes when it is imported; it fails where it cannot."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

VARIABLE = "TORCHINDUCTOR_CACHE_DIR"


def settle() -> str | None:
    """
    Return the folder of ``TORCHINDUCTOR_CACHE_DIR`` when it cannot be written, before the import.

    torch then takes its own, below the folder for temporary files.
    """
    wanted = os.environ.get(VARIABLE)
    if not wanted or writable(Path(wanted)):
        return None
    del os.environ[VARIABLE]
    return wanted


def writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made too."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
