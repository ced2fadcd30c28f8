"""Names of objects in a store, and what may be one."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from digital_human_backup.errors import DamagedError, RefusedError

_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{16}")


def human(uid: str) -> str:
    """Where everything of a human lies; RefusedError when the uid cannot be a folder."""
    if not _UID.fullmatch(uid):
        raise RefusedError(
            f"--uid {uid!r} is no uid: use letters, digits, ., _ and -, beginning with a letter"
            " or a digit (kubectl get dh NAME -o jsonpath={.metadata.uid})."
        )
    return f"humans/{uid}"


def new_id(now: datetime, last: str | None) -> tuple[str, datetime]:
    """
    An id that no other backup has, and the time in it.

    It sorts after the ``last`` one also within a second, and after a clock was set back.
    """
    when = now if last is None else max(now, time_of(last) + timedelta(seconds=1))
    return f"{when:%Y%m%dT%H%M%SZ}-{secrets.token_hex(8)}", when


def time_of(backup: str) -> datetime:
    """When a backup began, by its id."""
    return datetime.strptime(backup[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def moment(word: str) -> datetime:
    """A time as documents have it; ValueError for anything else."""
    found = datetime.strptime(word, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - the Z is UTC
    return found.replace(tzinfo=UTC)


def is_id(word: str) -> bool:
    """Whether a word is the id of a backup."""
    return _ID.fullmatch(word) is not None


def backups(uid: str) -> str:
    """Folder of the manifests."""
    return f"{human(uid)}/backups/"


def manifest(uid: str, backup: str) -> str:
    """The manifest of a backup."""
    return f"{backups(uid)}{backup}.json"


def chunks(uid: str) -> str:
    """Folder of all chunks."""
    return f"{human(uid)}/chunks/"


def chunk(uid: str, key_id: str, name: str) -> str:
    """A chunk."""
    return f"{chunks(uid)}{key_id}/{name}"


def verifications(uid: str) -> str:
    """Folder of the notes about verified backups."""
    return f"{human(uid)}/verified/"


def verification(uid: str, backup: str) -> str:
    """The note that a backup was verified."""
    return f"{verifications(uid)}{backup}.json"


def locks(uid: str) -> str:
    """Folder of the locks."""
    return f"{human(uid)}/locks/"


def erasures(uid: str) -> str:
    """Folder of the erasure ledger, apart from everything else of a human."""
    human(uid)
    return f"erasures/{uid}/"


def base(key: str) -> str:
    """The last word of a name, without .json."""
    return PurePosixPath(key).name.removesuffix(".json")


def check_path(path: str) -> None:
    """Refuse a path in a backup that would leave the folder it is restored to."""
    pure = PurePosixPath(path)
    parts = path.split("/")
    odd = pure.is_absolute() or {"", ".", ".."} & set(parts) or "\0" in path
    if odd:
        raise DamagedError(f"The backup names a file {path!r}, which would leave its folder.")
