"""Room on the disk where a cluster would lie."""

import shutil
from pathlib import Path


def lacks(directory: Path, gib: float) -> str:
    """Say that less than this is free there, and what to do; empty when it is enough."""
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    free = shutil.disk_usage(existing).free / 2**30
    if free < gib:
        return (
            f"needs {gib:g} GiB of free disk below {existing} and {free:.1f} are left:"
            " make room, for example with `make clean` or `go clean -cache`."
        )
    return ""
