"""Writes the chunks of a backup: read, sealed and sent in parallel, sent only when they are new."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .format import Data
from .format import chunks as sealing
from .format.contents import ChunkFacts, Contents, FileFacts, Piece, Segment, cut
from .format.keys import PLAIN, Key
from .locks import Lock
from .parallel import each
from .progress import Report
from .repository import Repository
from .sources import Source

Files = list[tuple[FileFacts, tuple[Segment, ...]]]


@dataclass
class Sent:
    """What went over the wire."""

    chunks: int = 0
    bytes: int = 0


class Writer:
    """
    One backup's chunks.

    ``earlier`` is the contents of the last backup, whose unchanged large files are not read again.
    ``present`` is name and size of the chunks that the store has.
    """

    def __init__(  # noqa: PLR0917 - one caller
        self,
        repository: Repository,
        key: Key | None,
        lock: Lock,
        report: Report,
        earlier: Contents | None,
        present: dict[str, int],
    ) -> None:
        self._repository, self._key, self._lock, self._report = repository, key, lock, report
        self._key_id = key.id if key else PLAIN
        self._present = present
        self._known = {chunk.name: chunk for chunk in earlier.chunks} if earlier else {}
        self._unchanged = dict(self._reusable(earlier)) if earlier else {}
        self._sources: dict[str, Source] = {}
        self.sent = Sent()

    def write(self, sources: Sequence[Source], workers: int) -> Contents:
        """Store all files of all sources."""
        self._sources = {source.part: source for source in sources}
        files = [file for source in sources for file in source.files()]
        again = [file for file in files if file not in self._unchanged]
        self._report.begin("sending", sum(file.size for file in again))
        try:
            pieces = list(cut(again))
            written = each(self._chunk, pieces, workers)
        finally:
            self._report.end()
        table = _Table()
        segments: dict[FileFacts, list[Segment]] = {file: [] for file in files}
        for cut_pieces, chunk in zip(pieces, written, strict=True):
            offset = 0
            for piece in cut_pieces:
                segments[piece.file].append(Segment(table.index(chunk), offset, piece.length))
                offset += piece.length
        for file in files:
            for chunk in self._unchanged.get(file, ()):
                segments[file].append(Segment(table.index(chunk), 0, chunk.plain_size))
        listed = tuple((file, tuple(segments[file])) for file in sorted(files))
        return Contents(listed, tuple(table.chunks))

    def _reusable(self, earlier: Contents) -> Iterable[tuple[FileFacts, list[ChunkFacts]]]:
        """Files with chunks of their own that the store still has."""
        for file, segments in earlier.files:
            chunks = [earlier.chunks[one.chunk] for one in segments]
            alone = all(
                one.offset == 0 and one.length == chunk.plain_size
                for one, chunk in zip(segments, chunks, strict=True)
            )
            if file.changed and alone and all(map(self._has, chunks)):
                yield file, chunks

    def _has(self, chunk: ChunkFacts) -> bool:
        return self._present.get(chunk.name) == chunk.size

    def _chunk(self, pieces: tuple[Piece, ...]) -> ChunkFacts:
        """Store the bytes of some pieces as one chunk."""
        self._lock.go_on()
        plain = self._read(pieces)
        digest = hashlib.sha256(plain).digest()
        name = sealing.name(digest, self._key)
        known = self._known.get(name)
        if known is None or not self._has(known):
            known = self._send(name, digest, plain)
        self._report.add(len(plain))
        return known

    def _read(self, pieces: tuple[Piece, ...]) -> bytearray:
        """The bytes of the pieces, one after the other, copied by nobody."""
        plain = bytearray(sum(piece.length for piece in pieces))
        offset = 0
        with memoryview(plain) as room:
            for piece in pieces:
                end = offset + piece.length
                self._sources[piece.file.part].read_into(room[offset:end], piece)
                offset = end
        return plain

    def _send(self, name: str, digest: bytes, plain: Data) -> ChunkFacts:
        facts, stored = sealing.seal(name, digest, plain, self._key)
        if not self._has(facts):
            self._repository.put_chunk(self._key_id, facts, stored)
            self._present[name] = facts.size
            self.sent.chunks += 1
            self.sent.bytes += len(stored)
        return facts


class _Table:
    """The chunks of a backup, each once."""

    def __init__(self) -> None:
        self.chunks: list[ChunkFacts] = []
        self._index: dict[str, int] = {}

    def index(self, chunk: ChunkFacts) -> int:
        """Where a chunk is in the list; it is added when it is new."""
        if chunk.name not in self._index:
            self._index[chunk.name] = len(self.chunks)
            self.chunks.append(chunk)
        return self._index[chunk.name]
