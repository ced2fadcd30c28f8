"""What a backup is made of: files, the chunks they are cut into, and the way back to JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from digital_human_backup.errors import DamagedError

from . import CHUNK_BYTES, canonical
from .layout import check_path

ALONE_BYTES = 2**20
"""Files of this size or more have chunks of their own."""
_ODD = (AttributeError, KeyError, OverflowError, TypeError, ValueError)
"""What reading a document of another form ends with."""


@dataclass(frozen=True, slots=True, order=True)
class FileFacts:
    """A file as its source describes it; times in nanoseconds since 1970."""

    part: str
    path: str
    size: int
    mode: int
    modified: int
    changed: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes of a chunk that belong to a file: ``chunk`` is an index."""

    chunk: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a file that belong to a chunk."""

    file: FileFacts
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class ChunkFacts:
    """A chunk: name, size and SHA-256 in the store, size and SHA-256 of the plain text."""

    name: str
    size: int
    digest: str
    plain_size: int
    plain_digest: str


@dataclass(frozen=True, slots=True)
class Contents:
    """All files of a backup, and all chunks."""

    files: tuple[tuple[FileFacts, tuple[Segment, ...]], ...]
    chunks: tuple[ChunkFacts, ...]

    def of(self, parts: Iterable[str]) -> list[tuple[FileFacts, tuple[Segment, ...]]]:
        """The files of some parts."""
        wanted = set(parts)
        return [(file, segments) for file, segments in self.files if file.part in wanted]


def cut(files: Iterable[FileFacts], size: int = CHUNK_BYTES) -> Iterator[tuple[Piece, ...]]:
    """Cut files into chunks, in order: large ones alone, small ones of a part together."""
    shared: list[Piece] = []
    filled = 0
    for file in sorted(files):
        if file.size >= min(ALONE_BYTES, size):
            for start in range(0, file.size, size):
                yield (Piece(file, start, min(size, file.size - start)),)
            continue
        if shared and (filled + file.size > size or shared[0].file.part != file.part):
            yield tuple(shared)
            shared, filled = [], 0
        if file.size:
            shared.append(Piece(file, 0, file.size))
            filled += file.size
    if shared:
        yield tuple(shared)


def to_json(contents: Contents) -> dict[str, Any]:
    """The confidential half of a manifest."""
    return {"files": [_entry(*one) for one in contents.files], "plain": _plain(contents)}


def dump(contents: Contents) -> bytes:
    """
    The canonical form of ``to_json``, file by file.

    As objects of Python all of it would take several times as much memory.
    """
    files = b",".join(canonical.dump(_entry(*one)) for one in contents.files)
    return b'{"files":[%b],"plain":%b}' % (files, canonical.dump(_plain(contents)))


def _entry(file: FileFacts, segments: tuple[Segment, ...]) -> dict[str, Any]:
    return {
        "part": file.part,
        "path": file.path,
        "size": file.size,
        "mode": file.mode,
        "modified": file.modified,
        "changed": file.changed,
        "segments": [[one.chunk, one.offset, one.length] for one in segments],
    }


def _plain(contents: Contents) -> list[list[Any]]:
    return [[chunk.plain_size, chunk.plain_digest] for chunk in contents.chunks]


def load(data: bytes, objects: list[list[Any]]) -> Contents:
    """What ``dump`` has written, put together with the legible half; DamagedError if it is not."""
    try:
        document = json.loads(data.decode(), object_hook=_file_or_rest)
    except (*_ODD, RecursionError) as error:
        raise _unfit() from error
    return _together(document, objects)


def from_json(document: dict[str, Any], objects: list[list[Any]]) -> Contents:
    """
    Both halves put together; DamagedError when they do not fit.

    Takes the files out of the document on the way: both together are twice as large.
    """
    files = []
    try:
        left = document["files"]
        left.reverse()
        while left:
            files.append(_file(left.pop()))
    except _ODD as error:
        raise _unfit() from error
    return _together({**document, "files": files}, objects)


def _together(document: dict[str, Any], objects: list[list[Any]]) -> Contents:
    try:
        chunks = tuple(
            ChunkFacts(str(name), int(size), str(digest), int(plain_size), str(plain_digest))
            for (name, size, digest), (plain_size, plain_digest) in zip(
                objects, document["plain"], strict=True
            )
        )
        files = tuple(document["files"])
        for file, segments in files:
            check_path(file.path)
            _check_segments(file, segments, chunks)
    except _ODD as error:
        raise _unfit() from error
    return Contents(files, chunks)


def _unfit() -> DamagedError:
    return DamagedError("The manifest does not fit together: use another backup.")


def _file_or_rest(entry: dict[str, Any]) -> Any:
    """Of each object of a document, as soon as it is read: what it becomes."""
    return _file(entry) if "segments" in entry else entry


def _file(entry: dict[str, Any]) -> tuple[FileFacts, tuple[Segment, ...]]:
    names = ("size", "mode", "modified", "changed")
    size, mode, modified, changed = (int(entry[name]) for name in names)
    part = sys.intern(str(entry["part"]))
    facts = FileFacts(part, str(entry["path"]), size, mode & 0o777, modified, changed)
    return facts, tuple(Segment(*map(int, segment)) for segment in entry["segments"])


def _check_segments(
    file: FileFacts, segments: tuple[Segment, ...], chunks: tuple[ChunkFacts, ...]
) -> None:
    fits = all(
        0 <= one.chunk < len(chunks)
        and one.length > 0
        and 0 <= one.offset <= chunks[one.chunk].plain_size - one.length
        for one in segments
    )
    if not fits or sum(one.length for one in segments) != file.size:
        raise DamagedError(f"The manifest does not say where {file.path} lies: use another backup.")
