"""A secret in a file that is read again when it changes: rotation needs no restart."""

from __future__ import annotations

import logging
from pathlib import Path

_log = logging.getLogger(__name__)


class SecretFile:
    """
    The lines of a secret file, without empty ones; ``shortest`` is what each must have in bytes.

    Kubernetes swaps a mounted Secret by a link, so the file is looked at before each use. While it
    cannot be read the last content stays valid: a half-done rotation locks nobody out.
    """

    def __init__(self, path: Path, shortest: int = 1) -> None:
        self.path = path
        self._shortest = shortest
        self._seen: tuple[int, int, int] | None = None
        self._lines: tuple[bytes, ...] = ()

    def load(self) -> None:
        """Read it now; raises OSError when it cannot be read, ValueError for one that is no use."""
        status = self.path.stat()
        lines = tuple(line for raw in self.path.read_bytes().split(b"\n") if (line := raw.strip()))
        if not lines:
            raise ValueError(f"{self.path} is empty")
        if min(map(len, lines)) < self._shortest:
            raise ValueError(
                f"{self.path} holds a secret of fewer than {self._shortest} bytes: anybody could"
                " guess it and sign tokens"
            )
        self._seen, self._lines = _identity(status), lines

    def lines(self) -> tuple[bytes, ...]:
        """The secrets that are valid now; none when the file was never read."""
        try:
            if _identity(self.path.stat()) != self._seen:
                self.load()
        except (OSError, ValueError) as error:
            _log.warning("the secret file %s cannot be read: %s", self.path, type(error).__name__)
        return self._lines


def _identity(status: object) -> tuple[int, int, int]:
    return (
        getattr(status, "st_mtime_ns", 0),
        getattr(status, "st_ino", 0),
        getattr(status, "st_size", 0),
    )
