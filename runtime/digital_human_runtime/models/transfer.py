"""Fetches the files of a model: parts in parallel, each tried again, all of it resumable."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import stamina

from .errors import ModelsError
from .manifest import Entry, Manifest
from .plan import Part, RemoteFile, choose, parts
from .progress import Report
from .sources import Source
from .store import ModelStore, Partial, claim

TRIES = 8
WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fetch did."""

    manifest: Manifest
    fetched_bytes: int
    reused_bytes: int


class Transfer:
    """One fetch from a source into a root."""

    def __init__(self, source: Source, store: ModelStore, report: Report, workers: int = 8) -> None:
        self._source, self._store, self._report = source, store, report
        self._workers = workers
        self._stop = threading.Event()

    def run(self, folder: Path, revision: str | None) -> Outcome:
        """Fetch what is missing and publish the model; nothing of it can be loaded before."""
        claim(folder)
        files = choose(_listed(self._source), self._source.name)
        known = self._known()
        here = {file.path: entry for file in files if (entry := self._entry(file, known))}
        missing = [file for file in files if file.path not in here]
        partials = {file.path: self._store.partial(self._source.name, file) for file in missing}
        reused = sum(entry.size for entry in here.values())
        left = sum(file.size for file in missing) - _done(partials.values())
        self._store.room_for(left)
        total = sum(file.size for file in files)
        self._report.begin(total, total - left)
        try:
            here |= self._fetch(missing, partials)
        finally:
            self._report.end()
        entries = tuple(here[file.path] for file in files)
        made = Manifest(self._source.name, revision, entries)
        self._store.publish(folder, made)
        return Outcome(made, left, reused)

    def _known(self) -> dict[tuple[str, str, int], Entry]:
        """Files that the whole models of this root have, by source, path and size."""
        return {
            (made.source, entry.path, entry.size): entry
            for _, made in self._store.models(damaged=[])
            for entry in made.files
        }

    def _entry(self, file: RemoteFile, known: dict[tuple[str, str, int], Entry]) -> Entry | None:
        """The file as a blob that is here already; its source's promise decides what it is."""
        digest = file.sha256
        if digest is None:
            same = known.get((self._source.name, file.path, file.size))
            digest = same.sha256 if same is not None and same.version == file.version else None
        if digest is None or not self._store.has(digest, file.size):
            return None
        return Entry(file.path, file.size, digest, file.version)

    def _fetch(self, files: Sequence[RemoteFile], partials: dict[str, Partial]) -> dict[str, Entry]:
        with ThreadPoolExecutor(self._workers, thread_name_prefix="fetch") as pool:
            waiting: dict[str, list[Future[None]]] = {
                file.path: [
                    pool.submit(self._part, file, partials[file.path], part)
                    for part in parts(file.size)
                    if part not in partials[file.path].done
                ]
                for file in files
            }
            try:
                wait([f for many in waiting.values() for f in many], return_when=FIRST_EXCEPTION)
                for many in waiting.values():
                    for one in many:
                        if one.done():
                            one.result()
                return {file.path: self._store.accept(partials[file.path], file) for file in files}
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _part(self, file: RemoteFile, partial: Partial, part: Part) -> None:
        """Fetch one part; what a broken connection had brought is fetched again."""
        for attempt in stamina.retry_context(
            on=OSError, attempts=TRIES, timeout=None, wait_max=WAIT_SECONDS
        ):
            with attempt:
                self._try(file, partial, part)
        partial.finish(part)

    def _try(self, file: RemoteFile, partial: Partial, part: Part) -> None:
        at = 0
        whole = False
        try:
            for block in self._source.read(file, part.start, part.end):
                self._go_on()
                partial.write(part, at, block)
                at += len(block)
                self._report.add(len(block))
            whole = at == part.end - part.start
        finally:
            if not whole:
                self._report.add(-at)
        if not whole:
            raise ShortError(f"{file.path} ended early at byte {part.start + at}")

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise ModelsError("The fetch was stopped.")


class ShortError(OSError):
    """A source sent fewer bytes than were asked for."""


def _listed(source: Source) -> Sequence[RemoteFile]:
    """All files of a source, asked for several times when it does not answer."""
    for attempt in stamina.retry_context(
        on=OSError, attempts=TRIES, timeout=None, wait_max=WAIT_SECONDS
    ):
        with attempt:
            return source.files()
    raise AssertionError  # the last attempt returns or raises


def _done(partials: Iterable[Partial]) -> int:
    """Bytes that earlier tries left."""
    return sum(part.end - part.start for partial in partials for part in partial.done)
