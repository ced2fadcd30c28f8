"""A folder on this machine, for example a mounted share or a stick in an air-gapped site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from digital_human_runtime.models.errors import ModelsError, WrongError
from digital_human_runtime.models.plan import RemoteFile

BLOCK = 1 << 20


class DirectorySource:
    """Reads a folder; symbolic links are followed only within it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.name = str(folder)

    def files(self) -> Sequence[RemoteFile]:
        """All regular files below the folder."""
        if not self._folder.is_dir():
            raise WrongError(f"{self.name} is no folder: name the folder that holds the model.")
        return [
            RemoteFile(
                path=path.relative_to(self._folder).as_posix(),
                size=path.stat().st_size,
                version=str(path.stat().st_mtime_ns),
            )
            for path in sorted(self._folder.rglob("*"))
            if path.is_file() and path.resolve().is_relative_to(self._folder)
        ]

    def read(self, file: RemoteFile, start: int, end: int) -> Iterator[bytes]:
        """Bytes of one file; that it is gone or locked is no reason to try again."""
        path = self._folder / file.path
        try:
            handle = path.open("rb")
        except (FileNotFoundError, PermissionError) as error:
            raise ModelsError(f"{path} cannot be read: {error.strerror}.") from error
        with handle:
            handle.seek(start)
            left = end - start
            while left and (block := handle.read(min(BLOCK, left))):
                left -= len(block)
                yield block

    def close(self) -> None:
        """Nothing is held open."""
