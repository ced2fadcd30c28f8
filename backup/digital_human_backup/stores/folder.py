"""A store in a local folder, such as a mounted volume."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from digital_human_backup.errors import (
    BackupError,
    DamagedError,
    ExistsError,
    MissingError,
    RefusedError,
)
from digital_human_backup.format import Data

from .base import Item

_SCRATCH = ".tmp-"
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


class FolderStore:
    """Each object a file; written beside its name, synced, then put in place in one step."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.where = f"file://{self.root}"
        if not self.root.is_dir():
            raise RefusedError(
                f"The folder {self.root} does not exist: create it, or mount the volume there."
            )

    def put(self, key: str, data: Data, *, new: bool = False, digest: str = "") -> None:  # noqa: ARG002 - nobody checks it here
        """Write an object."""
        path = self._path(key)
        scratch = path.with_name(f"{_SCRATCH}{secrets.token_hex(8)}")
        with self._explained(key):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write(scratch, data)
                if new:
                    path.hardlink_to(scratch)
                else:
                    scratch.replace(path)
                _sync_folder(path.parent)
            finally:
                scratch.unlink(missing_ok=True)

    def get(self, key: str, limit: int) -> bytes:
        """Read an object."""
        with self._explained(key), self._path(key).open("rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise DamagedError(f"{key} in {self.where} has more than {limit} bytes.")
        return data

    def list(self, prefix: str) -> Iterator[Item]:
        """Objects below a folder; ``prefix`` may end within a name."""
        folder = self._path(prefix.rpartition("/")[0]) if "/" in prefix else self.root
        found = []
        with self._explained(prefix):
            for path, _, names in os.walk(folder, onerror=_raise):
                relative = Path(path).relative_to(self.root)
                found += [
                    (relative / name).as_posix() for name in names if not name.startswith(_SCRATCH)
                ]
        for key in sorted(key for key in found if key.startswith(prefix)):
            with self._explained(key):
                try:
                    stat = self._path(key).stat()
                except FileNotFoundError:
                    continue
            yield Item(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))

    def delete(self, key: str) -> None:
        """Remove an object."""
        with self._explained(key):
            self._path(key).unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is held open."""

    def _path(self, key: str) -> Path:
        return self.root / key

    @contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        """Turn the system's errors into sentences."""
        try:
            yield
        except FileNotFoundError as error:
            raise MissingError(f"{self.where} holds no {key}.") from error
        except FileExistsError as error:
            raise ExistsError(f"{self.where} holds {key} already.") from error
        except OSError as error:
            raise _explain(error, self.where) from error


def _raise(error: OSError) -> None:
    """A folder that is not there has no objects; one that cannot be read is no empty one."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _explain(error: OSError, where: str) -> BackupError:
    if error.errno in _FULL:
        return BackupError(f"{where} is full: enlarge the volume, or prune older backups.")
    if error.errno in _FORBIDDEN:
        return RefusedError(
            f"{where} may not be used ({error.strerror}): give the user {os.geteuid()} the right to"
            " read and write there."
        )
    return BackupError(f"{where} failed ({error.strerror}): try again.")


def _write(path: Path, data: Data) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
