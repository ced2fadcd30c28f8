"""Whether a copy of a server's data is whole: by Redis' checker, and by loading it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from digital_human_backup.errors import BackupError, DamagedError

from .scratch import counting
from .server import Databases, program

CHECK_SECONDS = 3600
_HEADER = re.compile(rb"REDIS(\d{4})")
_OFFSET = re.compile(r"AUX FIELD repl-offset = '(\d+)'")
_KEYS = re.compile(r"\[info\] (\d+) keys read")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a whole copy holds."""

    rdb_version: int
    offset: int
    """Of replication: the state is exactly that one."""
    databases: Databases

    @property
    def keys(self) -> int:
        """Keys of all databases."""
        return sum(one["keys"] for one in self.databases.values())


def checked(rdb: Path) -> Checked:
    """
    Read a file by redis-check-rdb, load it into a scratch server, and compare.

    Raises DamagedError when either does not like it, or when they count differently.
    """
    with rdb.open("rb") as file:
        header = _HEADER.fullmatch(file.read(9))
    if header is None:
        raise DamagedError("The copy of Redis' data is no RDB file: use another backup.")
    keys, offset = _read(rdb)
    with counting(rdb) as scratch:
        found = Checked(int(header[1]), offset, scratch.databases())
    if found.keys != keys:
        raise DamagedError(
            f"The copy of Redis' data has {keys} keys and {found.keys} of them could be loaded."
        )
    return found


def _read(rdb: Path) -> tuple[int, int]:
    """Number of keys, and the offset of replication that the file notes."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            [program("redis-check-rdb"), str(rdb)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=CHECK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BackupError(f"redis-check-rdb took over {CHECK_SECONDS} s.") from error
    text = done.stdout.decode(errors="replace")
    keys = _KEYS.search(text)
    if done.returncode or keys is None:
        lines = text.strip().splitlines() or ["it said nothing"]
        raise DamagedError(f"redis-check-rdb finds the copy of Redis' data damaged: {lines[-1]}")
    offset = _OFFSET.search(text)
    return int(keys[1]), int(offset[1]) if offset else 0
