"""Reads the chunks of a backup into files: in parallel, each chunk once, checked."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path

from .errors import BackupError, DamagedError, RefusedError
from .format import chunks as sealing
from .format.contents import Contents, FileFacts, Segment
from .format.keys import PLAIN, Key, KeyRing
from .format.manifest import Manifest
from .parallel import each
from .progress import Report
from .repository import Repository

_BATCH = 64
"""Files that are synced before anybody looks whether the restore was stopped."""


def key_of(found: Manifest, keys: KeyRing) -> Key | None:
    """The key of a backup; None when it is not encrypted."""
    return None if found.key_id == PLAIN else keys.find(found.key_id, f"The backup {found.id}")


class Reader:
    """One backup's chunks; opens the ``manifest``."""

    def __init__(
        self, repository: Repository, found: Manifest, keys: KeyRing, report: Report
    ) -> None:
        self._repository, self._report = repository, report
        self.contents: Contents = found.open(keys)
        self.manifest = found
        self._key = key_of(found, keys)

    def restore(self, parts: Collection[str], into: Path, workers: int) -> list[FileFacts]:
        """
        Write the files of some parts to ``into/<part>/<path>``; synced when this returns.

        ``into`` must be a folder that nobody else writes: half of the files may be there on errors.
        """
        for part in parts:
            _make_folder(into / part)
        files = self.contents.of(parts)
        places: dict[int, list[tuple[FileFacts, int, Segment]]] = defaultdict(list)
        for file, segments in files:
            _create(into / file.part / file.path, file.size)
            start = 0
            for one in segments:
                places[one.chunk].append((file, start, one))
                start += one.length

        def fill(index: int) -> None:
            plain = memoryview(self.plain(index))
            for file, start, one in places[index]:
                block = plain[one.offset : one.offset + one.length]
                _write(into / file.part / file.path, start, block)
            self._report.add(len(plain))

        def finish(some: Sequence[FileFacts]) -> None:
            for file in some:
                _finish(into / file.part / file.path, file)

        self._report.begin("restoring", sum(self.contents.chunks[i].plain_size for i in places))
        try:
            each(fill, sorted(places), workers)
        finally:
            self._report.end()
        restored = [file for file, _ in files]
        batches = range(0, len(restored), _BATCH)
        each(finish, [restored[first : first + _BATCH] for first in batches], workers)
        return restored

    def plain(self, index: int) -> bytes:
        """The plain text of a chunk; DamagedError when it is not what was written."""
        return sealing.unseal(self.contents.chunks[index], self._stored(index), self._key)

    def damages(self, workers: int) -> list[str]:
        """Read everything back; a sentence for each file that is not what it was."""
        self._report.begin("verifying", sum(chunk.size for chunk in self.contents.chunks))

        def sentence(index: int) -> str | None:
            try:
                self._compare(index)
            except DamagedError as error:
                return str(error)
            finally:
                self._report.add(self.contents.chunks[index].size)
            return None

        try:
            found = each(sentence, range(len(self.contents.chunks)), workers)
        finally:
            self._report.end()
        return [
            f"{file.part}/{file.path}: {why}"
            for file, segments in self.contents.files
            if (why := next((found[one.chunk] for one in segments if found[one.chunk]), None))
        ]

    def _compare(self, index: int) -> None:
        """DamagedError when a chunk does not open, or its object is not the manifest's."""
        facts, stored = self.contents.chunks[index], self._stored(index)
        if self._key is not None:
            sealing.check(facts.name, facts.size, facts.digest, stored)
        sealing.unseal(facts, stored, self._key)

    def _stored(self, index: int) -> bytes:
        name = self.contents.chunks[index].name
        return self._repository.get_chunk(self.manifest, name)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _explained(path, error) from error


def _create(path: Path, size: int) -> None:
    _make_folder(path.parent)
    try:
        with path.open("xb") as file:
            os.truncate(file.fileno(), size)
    except FileExistsError as error:
        raise DamagedError(f"The backup names {path.name} twice: use another backup.") from error
    except OSError as error:
        raise _explained(path, error) from error


def _write(path: Path, start: int, block: memoryview) -> None:
    try:
        with path.open("r+b") as file:
            file.seek(start)
            file.write(block)
    except OSError as error:
        raise _explained(path, error) from error


def _finish(path: Path, file: FileFacts) -> None:
    """Mode and time as they were, and on disk."""
    try:
        with path.open("r+b") as opened:
            os.fsync(opened.fileno())
        path.chmod(file.mode)
        os.utime(path, ns=(file.modified, file.modified))
    except OSError as error:
        raise _explained(path, error) from error


def _explained(path: Path, error: OSError) -> BackupError:
    if isinstance(error, PermissionError):
        return RefusedError(
            f"{path} may not be written: give the user {os.geteuid()} the right to, or name another"
            " folder."
        )
    return BackupError(
        f"{path} could not be written ({error.strerror}): make room, then try again; nothing was"
        " changed."
    )
