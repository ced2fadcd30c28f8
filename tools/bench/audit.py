"""Counting requests in the API server's audit log: what a program really did."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


class AuditLog:
    """The audit log of one cluster, read from where the last look ended."""

    def __init__(self, path: Path, user: str) -> None:
        self._path = path
        self._user = user
        self._offset = 0

    def skip(self) -> None:
        """Leave out everything until now."""
        self._offset = self._path.stat().st_size if self._path.exists() else 0

    def entries(self) -> Iterator[dict[str, Any]]:
        """
        The user's new entries; a line that is still being written waits for the next look.

        Raises RuntimeError when the file was replaced: what is not read cannot be counted.
        """
        with self._path.open("rb") as log:
            if os.fstat(log.fileno()).st_size < self._offset:
                raise RuntimeError(f"{self._path} is shorter than before: it was rotated.")
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                if self._user.encode() not in line:
                    continue
                entry = json.loads(line)
                if entry.get("user", {}).get("username") == self._user:
                    yield entry


def is_write(entry: dict[str, Any]) -> bool:
    """Whether the entry changed, or tried to change, something other than a Lease."""
    resource = entry.get("objectRef", {}).get("resource")
    return entry["verb"] in WRITES and resource != "leases"


def by_verb(entries: list[dict[str, Any]]) -> dict[str, int]:
    """Requests by verb."""
    return dict(sorted(Counter(entry["verb"] for entry in entries).items()))
