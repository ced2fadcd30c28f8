"""The backups of one human in a store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from .errors import BackupError, DamagedError, ExistsError, MissingError, RefusedError
from .format import CHUNK_BYTES, TAG_BYTES, Data, canonical, layout, manifest
from .format.contents import ChunkFacts
from .format.manifest import Manifest
from .stores import Item, Store

_NOTE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Found:
    """A backup of a listing: its manifest, or why that cannot be read."""

    id: str
    manifest: Manifest | None
    error: BackupError | None = None


class Repository:
    """Reads and writes what docs/backup-format.md describes; any thread may call anything."""

    def __init__(self, store: Store, uid: str) -> None:
        self.store, self.uid = store, uid
        layout.human(uid)

    def ids(self) -> list[str]:
        """Ids of all backups, oldest first."""
        names = (layout.base(item.key) for item in self.store.list(layout.backups(self.uid)))
        return sorted(name for name in names if layout.is_id(name))

    def backups(self) -> Iterator[Found]:
        """All backups, oldest first, readable or not."""
        for backup in self.ids():
            try:
                yield Found(backup, self.read(backup))
            except MissingError:
                continue  # pruned since it was listed
            except (DamagedError, manifest.NewerFormatError) as error:
                yield Found(backup, None, error)

    def read(self, backup: str) -> Manifest:
        """The manifest of a backup; MissingError, DamagedError or NewerFormatError."""
        name = layout.manifest(self.uid, backup)
        return manifest.read(self.store.get(name, manifest.LIMIT), self.uid, backup)

    def find(self, word: str) -> Manifest:
        """A backup by id, or ``latest``; RefusedError when there is none."""
        backup = word
        if word == "latest":
            ids = self.ids()
            if not ids:
                raise RefusedError(
                    f"{self.store.where} holds no backup of {self.uid}: check --store and --uid, or"
                    " make one (create)."
                )
            backup = ids[-1]
        elif not layout.is_id(word):
            raise RefusedError(f"{word!r} is no backup: write latest, or an id that list shows.")
        try:
            return self.read(backup)
        except MissingError as error:
            raise RefusedError(
                f"{self.store.where} holds no backup {backup} of {self.uid}: list shows those that"
                " there are."
            ) from error

    def commit(self, backup: str, data: bytes) -> None:
        """Write a manifest: from now on the backup exists."""
        key = layout.manifest(self.uid, backup)
        try:
            self.store.put(key, data, new=True)
        except ExistsError:
            # An answer that was lost on the way: the request was sent again, and found ourselves.
            if self.store.get(key, manifest.LIMIT) != data:
                raise

    def chunk_sizes(self, key_id: str) -> dict[str, int]:
        """Name and size of the chunks that were written under a key."""
        prefix = layout.chunk(self.uid, key_id, "")
        return {layout.base(item.key): item.size for item in self.store.list(prefix)}

    def all_chunks(self) -> Iterator[Item]:
        """Every chunk of the human."""
        return self.store.list(layout.chunks(self.uid))

    def put_chunk(self, key_id: str, facts: ChunkFacts, data: Data) -> None:
        """Write a chunk; whoever writes it again writes the same."""
        self.store.put(layout.chunk(self.uid, key_id, facts.name), data, digest=facts.digest)

    def get_chunk(self, found: Manifest, name: str) -> bytes:
        """Read a chunk of a backup; DamagedError when it is not there, unlike its backup."""
        try:
            key = layout.chunk(self.uid, found.key_id, name)
            return self.store.get(key, CHUNK_BYTES + TAG_BYTES)
        except MissingError as error:
            self.check_there(found)
            raise DamagedError(
                f"The chunk {name[:12]}... is missing: use another backup."
            ) from error

    def check_there(self, found: Manifest) -> None:
        """RefusedError when a backup that was read before is not there any more."""
        key = layout.manifest(self.uid, found.id)
        if not any(item.key == key for item in self.store.list(key)):
            raise RefusedError(
                f"The backup {found.id} was removed while it was read: use another backup."
            )

    def note_verified(self, found: Manifest, at: datetime) -> None:
        """Note that a backup was read back whole."""
        note = {"format": 1, "manifest": found.digest, "at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
        self.store.put(layout.verification(self.uid, found.id), canonical.dump(note))

    def verified(self) -> dict[str, str]:
        """Id of each backup with a note -> digest of the manifest that was verified."""
        found = {}
        for item in self.store.list(layout.verifications(self.uid)):
            with contextlib.suppress(ValueError, TypeError, KeyError, MissingError):
                note = canonical.load(self.store.get(item.key, _NOTE_BYTES))
                found[layout.base(item.key)] = str(note["manifest"])
        return found

    def forget(self, backup: str) -> None:
        """Remove a backup; its chunks are garbage if no other one names them."""
        self.store.delete(layout.verification(self.uid, backup))
        self.store.delete(layout.manifest(self.uid, backup))
