"""The manifest: its legible half, its contents, and its form in the store."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from digital_human_backup.errors import DamagedError, RefusedError

from . import FORMAT, canonical, layout
from . import contents as listing
from .contents import Contents, from_json, to_json
from .keys import PLAIN, Key, KeyRing

LIMIT = 256 * 2**20
"""No manifest is larger; a reader does not take in more."""


class NewerFormatError(RefusedError):
    """The backup was written by a newer program."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What can be read of a manifest without a key; ``document`` is all of it."""

    id: str
    created: datetime
    human: str
    uid: str
    key_id: str
    """``plain`` when nothing is encrypted."""
    parts: dict[str, dict[str, int]]
    redis: dict[str, Any] | None
    chunks: tuple[tuple[str, int, str], ...]
    """Name, size and SHA-256 of each chunk in the store."""
    document: dict[str, Any]
    """All of it; without the contents once they are open."""

    def dump(self) -> bytes:
        """The manifest as it is stored."""
        return canonical.dump(self.document)

    @property
    def digest(self) -> str:
        """SHA-256 that stands for the whole manifest."""
        return str(self.document["digest"])

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part["bytes"] for part in self.parts.values())

    @property
    def stored(self) -> int:
        """Bytes of all chunks in the store."""
        return sum({name: size for name, size, _ in self.chunks}.values())

    @property
    def redis_version(self) -> str:
        """Version of the server that wrote the sessions; empty without sessions."""
        return str(self.redis["version"]) if self.redis else ""

    @property
    def sessions_began(self) -> datetime | None:
        """When the copy of Redis was not begun yet, by the store's clock; None: nobody knows."""
        word = str((self.redis or {}).get("began"))
        try:
            return layout.moment(word)
        except ValueError:
            return None

    def check_sessions(self, databases: dict[str, dict[str, int]]) -> None:
        """DamagedError when Redis loads other keys than the backup was made with."""
        expected = self.redis["databases"] if self.redis else {}
        if databases != expected:
            raise DamagedError(
                f"The backup {self.id} was made with the keys {expected} and Redis loads"
                f" {databases}: use another backup."
            )

    def open(self, keys: KeyRing) -> Contents:
        """
        The contents; RefusedError without the key, DamagedError when they were changed.

        They are large, and taken out: a manifest is opened once, and not stored afterwards.
        """
        if self.key_id == PLAIN:
            return from_json(self.document.pop("contents"), self.document["chunks"])
        key = keys.find(self.key_id, f"The backup {self.id}")
        bound = canonical.dump(_head(self.document))
        try:
            sealed = base64.b64decode(self.document.pop("sealed"))
        except ValueError as error:
            raise _damaged(self.id) from error
        opened = key.open_manifest(self.id, bound, sealed)
        del sealed  # of many files it is large
        return listing.load(opened, self.document["chunks"])


def make(head: dict[str, Any], contents: Contents, key: Key | None) -> Manifest:
    """
    A new manifest, sealed with the key; without one nothing in it is confidential.

    ``head`` holds id, created, human, tool, parts and redis as docs/backup-format.md has them.
    """
    objects = [[chunk.name, chunk.size, chunk.digest] for chunk in contents.chunks]
    document = {**head, "format": FORMAT, "keyId": key.id if key else None, "chunks": objects}
    if key is None:
        document["contents"] = to_json(contents)
    else:
        bound = canonical.dump(document)
        sealed = key.seal_manifest(str(head["id"]), bound, listing.dump(contents))
        document["sealed"] = base64.b64encode(sealed).decode()
        del sealed  # of many files it is large, and so is what follows
    document["digest"] = canonical.digest(document)
    return _parse(document)


def read(data: bytes, uid: str, backup: str) -> Manifest:
    """
    Parse the manifest that lies under this uid and id.

    Raises NewerFormatError, or DamagedError when a byte of it is not what was written.
    """
    damaged = _damaged(backup)
    try:
        document = canonical.load(data)
        del data  # of many files it is large
        version = document["format"]
    except (ValueError, TypeError, KeyError) as error:
        raise damaged from error
    if isinstance(version, int) and version > FORMAT:
        raise NewerFormatError(
            f"The backup {backup} has format {version}, and this program reads up to {FORMAT}:"
            " use the program that wrote it, or a newer one."
        )
    rest = {name: value for name, value in document.items() if name != "digest"}
    if canonical.digest(rest) != document.get("digest"):
        raise damaged
    try:
        found = _parse(document)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise damaged from error
    if (found.uid, found.id) != (uid, backup):
        raise DamagedError(
            f"The manifest of {backup} belongs to {found.id} of {found.uid}: it was moved."
            " Use another backup."
        )
    return found


def _damaged(backup: str) -> DamagedError:
    return DamagedError(f"The manifest of {backup} is damaged: use another backup.")


def _parse(document: dict[str, Any]) -> Manifest:
    if document["format"] != FORMAT or not layout.is_id(document["id"]):
        raise ValueError("neither this format nor a newer one")
    name, kind = ("contents", dict) if document["keyId"] is None else ("sealed", str)
    if not isinstance(document[name], kind):
        raise TypeError(f"{name} is not as docs/backup-format.md has it")
    return Manifest(
        id=document["id"],
        created=layout.moment(document["created"]),
        human=str(document["human"]["name"]),
        uid=str(document["human"]["uid"]),
        key_id=PLAIN if document["keyId"] is None else str(document["keyId"]),
        parts={
            str(name): {word: int(part[word]) for word in ("files", "bytes")}
            for name, part in document["parts"].items()
        },
        redis=_checked(document["redis"]),
        chunks=tuple((str(n), int(size), str(digest)) for n, size, digest in document["chunks"]),
        document=document,
    )


def _checked(redis: Any) -> dict[str, Any] | None:
    """What a manifest tells of Redis; TypeError, KeyError or AttributeError when it is odd."""
    if redis is None:
        return None
    if not isinstance(redis["version"], str):
        raise TypeError("the version is no word")
    if not all(isinstance(one["keys"], int) for one in redis["databases"].values()):
        raise TypeError("keys are no number")
    found: dict[str, Any] = redis
    return found


def _head(document: dict[str, Any]) -> dict[str, Any]:
    """What the sealed contents are bound to."""
    return {name: value for name, value in document.items() if name not in {"sealed", "digest"}}
