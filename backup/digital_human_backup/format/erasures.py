"""Objects of the erasure ledger: who was erased, as keyed hashes, and where that is done."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from digital_human_backup.errors import DamagedError, RefusedError

from . import FORMAT, canonical, layout
from .keys import Key

LIMIT = 4096
"""No object of the ledger is larger."""
Kind = Literal["erased", "done"]
_NAME = re.compile(r"([0-9a-f]{16})/([0-9a-f]{64})/(\d{8}T\d{6}Z-[0-9a-f]{16})-(erased|done)\.json")


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """An erasure of one subject."""

    uid: str
    key_id: str
    subject: str
    """Keyed hash, in hex."""
    id: str

    def name(self, kind: Kind) -> str:
        """Where it, or the note that it is done, lies in a store."""
        return f"{layout.erasures(self.uid)}{self.key_id}/{self.subject}/{self.id}-{kind}.json"

    @classmethod
    def named(cls, uid: str, name: str) -> tuple[Self, Kind]:
        """The entry that an object of the ledger belongs to; RefusedError when it is none."""
        found = _NAME.fullmatch(name.removeprefix(layout.erasures(uid)))
        if found is None:
            raise RefusedError(
                f"{name} is no entry of the erasure ledger: use the program that wrote it, or"
                " remove what does not belong there."
            )
        key_id, subject, entry, kind = found.groups()
        return cls(uid, key_id, subject, entry), "done" if kind == "done" else "erased"


def write(entry: Entry, kind: Kind, at: datetime, key: Key) -> bytes:
    """An object of the ledger as it is stored."""
    document = {**_head(entry, kind), "at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    mac = key.sign_erasure(canonical.dump(document))
    return canonical.dump({**document, "mac": mac})


def read(data: bytes, entry: Entry, kind: Kind, key: Key | None) -> datetime:
    """
    When an object was written, by the clock of who wrote it.

    DamagedError when a byte of it is not what was written, which without the key shows only partly.
    """
    damaged = DamagedError(
        f"The object {entry.name(kind)} of the erasure ledger is damaged: put it back from a copy"
        " or an older version of it; or remove it and erase that subject again."
    )
    try:
        document = canonical.load(data)
        version = document["format"]
    except (ValueError, TypeError, KeyError) as error:
        raise damaged from error
    if isinstance(version, int) and version > FORMAT:
        raise RefusedError(
            f"The erasure ledger has format {version}, and this program reads up to {FORMAT}: use"
            " the program that wrote it, or a newer one."
        )
    mac = document.pop("mac", None)
    if key is not None and not _equal(mac, key.sign_erasure(canonical.dump(document))):
        raise damaged
    try:
        at = layout.moment(document.pop("at"))
    except (ValueError, TypeError, KeyError) as error:
        raise damaged from error
    if document != _head(entry, kind):
        raise damaged
    return at


def _equal(found: object, mac: str) -> bool:
    return isinstance(found, str) and hmac.compare_digest(found.encode(), mac.encode())


def _head(entry: Entry, kind: Kind) -> dict[str, object]:
    return {
        "format": FORMAT,
        "kind": kind,
        "uid": entry.uid,
        "keyId": entry.key_id,
        "subject": entry.subject,
        "id": entry.id,
    }
