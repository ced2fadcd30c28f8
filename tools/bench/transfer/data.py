"""What is backed up: bytes that nothing compresses, in a few large files and many small ones."""

from __future__ import annotations

import filecmp
import os
import random
from pathlib import Path
from typing import Any

LARGE, SMALL = 4, 300
SMALL_BYTES = (1_000, 64_000)
_BLOCK = 8 * 2**20


def make(root: Path, size: int) -> dict[str, Any]:
    """Write ``size`` bytes of files below ``root``; says what was written."""
    (root / "small").mkdir(parents=True)
    draw = random.Random(1)
    left = size
    for number in range(SMALL):
        count = draw.randint(*SMALL_BYTES)
        _write(root / "small" / f"{number:03}.json", count)
        left -= count
    for number in range(LARGE):
        count = left // (LARGE - number)
        _write(root / f"model-{number}.safetensors", count)
        left -= count
    return {"bytes": size, "large_files": LARGE, "small_files": SMALL}


def check(source: Path, restored: Path) -> None:
    """Compare every byte; raises RuntimeError when one is not as it was."""
    names = [str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()]
    _, wrong, missing = filecmp.cmpfiles(source, restored, names, shallow=False)
    if wrong or missing:
        raise RuntimeError(f"not restored as they were: {[*wrong, *missing][:5]}")


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _write(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for start in range(0, size, _BLOCK):
            file.write(os.urandom(min(_BLOCK, size - start)))
