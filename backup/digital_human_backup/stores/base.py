"""What every store does. tests/backup/stores runs one suite on all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from digital_human_backup.format import Data


@dataclass(frozen=True, slots=True)
class Item:
    """An object as a listing tells of it; ``modified`` is on the store's clock, in UTC."""

    key: str
    size: int
    modified: datetime


class Store(Protocol):
    """
    Objects under names such as ``humans/1/backups/x.json``; any thread may call anything.

    Writes are atomic: an object is there whole or not at all. What was written is seen by every
    later read and listing. Failures are BackupErrors: a RefusedError where another try cannot help.
    """

    where: str
    """For messages: the address, without secrets."""

    def put(self, key: str, data: Data, *, new: bool = False, digest: str = "") -> None:
        """
        Write an object, replacing one of that name.

        ``digest`` is the SHA-256 of the data in hex, from those who have it already.

        With ``new``, ExistsError when there is one. Of several writers at the very same time some
        services let more than one succeed; names that are written so are random.
        """

    def get(self, key: str, limit: int) -> bytes:
        """Read a whole object; MissingError without one, DamagedError above ``limit`` bytes."""

    def list(self, prefix: str) -> Iterator[Item]:
        """Every object whose name begins with ``prefix``, in the order of names."""

    def delete(self, key: str) -> None:
        """Remove an object; none there is fine."""

    def close(self) -> None:
        """Let go of connections."""
