"""The files below a folder, such as models or configuration."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from digital_human_backup.errors import BackupError, RefusedError
from digital_human_backup.format.contents import FileFacts, Piece


class FolderSource:
    """
    Regular files, without what is hidden (names that begin with a dot belong to tools).

    A symbolic link inside the folder is followed, as models on network shares have them; one that
    leads out of it is refused. Mounted ConfigMaps are such links too.
    """

    def __init__(self, part: str, root: Path) -> None:
        self.part = part
        self._root = root
        if not root.is_dir():
            raise RefusedError(f"The folder {root} of {part} does not exist: check --{part}.")
        self._inside = _within(os.fspath(root.resolve()))
        self._prefix = len(_within(os.fspath(root)))

    def check_apart(self, store: Path) -> None:
        """RefusedError when a store in this folder would hold itself."""
        if self._is_inside(os.fspath(store.resolve())):
            raise RefusedError(
                f"The store {store} lies in the folder of {self.part}, and each backup would hold"
                " those before: name another folder with --store."
            )

    def files(self) -> list[FileFacts]:
        """Every file, sorted by path."""
        found = (self._facts(entry) for entry in self._walk(os.fspath(self._root)))
        return sorted(facts for facts in found if facts is not None)

    def read_into(self, room: memoryview, piece: Piece) -> None:
        """Bytes of a file, which must not change meanwhile."""
        path = f"{self._root}/{piece.file.path}"
        try:
            with open(path, "rb", opener=_at_once) as file:
                file.seek(piece.start)
                read = file.readinto(room)
                now = os.fstat(file.fileno())
                real = _opened(path, file.fileno())
        except OSError as error:
            why = error.strerror or error  # a pipe, which cannot be read from within, has no word
            raise BackupError(f"{path} cannot be read ({why}): try again.") from error
        self._check_inside(path, real)  # a folder may have become a link since
        was = (piece.file.size, piece.file.modified, piece.file.changed)
        if read != piece.length or (now.st_size, now.st_mtime_ns, now.st_ctime_ns) != was:
            raise BackupError(f"{path} changed while it was read: try again when nobody writes it.")

    def _walk(self, folder: str) -> Iterator[os.DirEntry[str]]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise RefusedError(
                f"{folder} cannot be read ({error.strerror}): give the user {os.geteuid()} the"
                " right to."
            ) from error
        self._check_inside(folder, os.path.realpath(folder))
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(entry.path)
            else:
                yield entry

    def _facts(self, entry: os.DirEntry[str]) -> FileFacts | None:
        """Size, mode and times; None for what is no file, such as a socket."""
        if entry.is_symlink():
            self._check_inside(entry.path, os.path.realpath(entry.path))
        try:
            found = entry.stat()
        except OSError as error:
            if entry.is_symlink() and error.errno in {errno.ENOENT, errno.ELOOP}:
                raise RefusedError(
                    f"{entry.path} is a link to nothing: put the file there in its place, or remove"
                    " it."
                ) from error
            raise BackupError(
                f"{entry.path} cannot be read ({error.strerror}): try again."
            ) from error
        if stat.S_ISDIR(found.st_mode):
            raise RefusedError(
                f"{entry.path} is a link to a folder: put the files there in its place."
            )
        if stat.S_ISLNK(found.st_mode):
            raise BackupError(f"{entry.path} became a link while it was listed: try again.")
        if not stat.S_ISREG(found.st_mode):
            return None
        name = entry.path[self._prefix :]
        if not name.isprintable():  # also what is no UTF-8
            raise RefusedError(f"{name!r} in {self._root} is no name for a file: rename it.")
        return FileFacts(
            part=self.part,
            path=name,
            size=found.st_size,
            mode=stat.S_IMODE(found.st_mode) & 0o777,
            modified=found.st_mtime_ns,
            changed=found.st_ctime_ns,
        )

    def _check_inside(self, path: str, real: str) -> None:
        if not self._is_inside(real):
            raise RefusedError(
                f"{path} leads out of the folder, to {real}: copy the file into the folder, or"
                " remove the link."
            )

    def _is_inside(self, real: str) -> bool:
        """Of a path without links; of many small files pathlib costs as much as reading them."""
        return _within(real).startswith(self._inside)


def _at_once(path: str, flags: int) -> int:
    """Open what has become a pipe since without waiting for its writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _within(folder: str) -> str:
    """How the path of what is in a folder begins."""
    return f"{folder.rstrip('/')}/"


def _opened(path: str, handle: int) -> str:
    """Where a file that is open really lies."""
    try:
        return os.readlink(f"/proc/self/fd/{handle}")  # noqa: PTH115 - as _is_inside
    except OSError:  # not on Linux
        return os.path.realpath(path)
