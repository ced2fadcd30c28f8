"""The erasure ledger of one human: append-only, in the store of its backups and apart from them."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from .errors import ExistsError, RefusedError
from .format import erasures, layout
from .format.erasures import Entry, Kind
from .format.keys import Key, KeyRing
from .parallel import each
from .stores import Store

MARGIN = timedelta(seconds=60)
"""By which a backup must be later than an erasure to be free of it: clocks of stores differ."""


class Erasures:
    """The entries that count for a backup; ``keys`` holds the key of each of them."""

    def __init__(self, entries: Iterable[Entry] = (), keys: KeyRing | None = None) -> None:
        self.entries = frozenset(entries)
        self.subjects = frozenset((entry.key_id, entry.subject) for entry in self.entries)
        self._subjects: dict[tuple[str, Key], set[str]] = defaultdict(set)
        for entry in self.entries:
            key = (keys or KeyRing()).find(entry.key_id, "An erasure")
            self._subjects[entry.uid, key].add(entry.subject)

    def owns(self, principal: bytes) -> bool:
        """Whether what belongs to this principal has to go."""
        return any(
            key.subject(uid, principal) in subjects
            for (uid, key), subjects in self._subjects.items()
        )


class Ledger:
    """Reads and writes the ledger as docs/backup-format.md describes it."""

    def __init__(self, store: Store, uid: str, keys: KeyRing) -> None:
        self._store, self._uid, self._keys = store, uid, keys
        self._read: dict[tuple[Entry, Kind], datetime] = {}

    def note(self, subjects: Collection[bytes], workers: int) -> Key:
        """Write an entry for each subject; RefusedError without a key. Return the key."""
        key = self._keys.sealing
        if key is None:
            raise RefusedError(
                "The erasure ledger needs a key: name one with --key-file (openssl rand -base64 32)"
                " and keep it as long as the backups."
            )
        self.repeat(((key.id, key.subject(self._uid, one)) for one in subjects), workers)
        return key

    def repeat(self, subjects: Iterable[tuple[str, str]], workers: int) -> list[Entry]:
        """Write a new entry for each key id and hash of a subject; return the entries."""
        now = datetime.now(UTC)
        entries = [Entry(self._uid, *one, layout.new_id(now, None)[0]) for one in subjects]
        self._write(entries, "erased", now, workers)
        return entries

    def unfinished(self, subjects: Iterable[bytes]) -> list[Entry]:
        """Entries of these subjects without a note that they are done, under any of the keys."""
        wanted = {
            (key.id, key.subject(self._uid, one)) for one in subjects for key in self._keys.keys
        }
        entries, done = self._listed()
        return sorted(
            entry for entry in entries - done.keys() if (entry.key_id, entry.subject) in wanted
        )

    def finish(self, entries: Iterable[Entry], workers: int) -> None:
        """Note that Redis holds nothing any more of what there was at these entries."""
        self._write(entries, "done", datetime.now(UTC), workers)

    def counting(self, began: datetime | None, workers: int) -> Erasures:
        """
        The entries that count for a backup whose copy of Redis was begun then (None: nobody knows).

        RefusedError for a missing key, DamagedError for an entry that is not what was written.
        """
        entries, done = self._listed()

        def counts(entry: Entry) -> bool:
            if entry in done and began is not None:
                ended = max(done[entry], self._at(entry, "done", self._keys.get(entry.key_id)))
                if began > ended + MARGIN:
                    return False
            self._at(entry, "erased", self._keys.find(entry.key_id, "The erasure ledger"))
            return True

        ordered = sorted(entries)
        counted = zip(ordered, each(counts, ordered, workers), strict=True)
        return Erasures((entry for entry, one in counted if one), self._keys)

    def _listed(self) -> tuple[set[Entry], dict[Entry, datetime]]:
        """All entries, and those that are done with the store's time of that note."""
        entries: set[Entry] = set()
        done: dict[Entry, datetime] = {}
        for item in self._store.list(layout.erasures(self._uid)):
            entry, kind = Entry.named(self._uid, item.key)
            if kind == "done":
                done[entry] = item.modified
            else:
                entries.add(entry)
        return entries, done

    def _at(self, entry: Entry, kind: Kind, key: Key | None) -> datetime:
        """When an object was written; what never changes is read once."""
        found = self._read.get((entry, kind))
        if found is None:
            data = self._store.get(entry.name(kind), erasures.LIMIT)
            found = self._read[entry, kind] = erasures.read(data, entry, kind, key)
        return found

    def _write(self, entries: Iterable[Entry], kind: Kind, at: datetime, workers: int) -> None:
        """Write objects; one may be there: its answer was lost, or another program was first."""

        def put(entry: Entry) -> None:
            key = self._keys.find(entry.key_id, "An erasure")
            with contextlib.suppress(ExistsError):
                self._store.put(entry.name(kind), erasures.write(entry, kind, at, key), new=True)

        each(put, entries, workers)
