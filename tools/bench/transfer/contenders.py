"""Who moves the data, as commands: boto3 alone, our tool with and without a key, restic."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.store import NAMES, Store

Words = tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where a contender finds everything; ``folder`` is for keys and caches."""

    store: Store
    bucket: str
    source: Path
    folder: Path


@dataclass(frozen=True)
class Contender:
    """One of them: words of a backup and of a restore into a folder, and what comes before."""

    name: str
    backup: Callable[[Place], Words]
    restore: Callable[[Place, Path], Words]
    before: Callable[[Place], Words] | None = None
    again: bool = True
    """Whether an unchanged second backup means anything."""
    environment: Callable[[Place], Mapping[str, str]] = field(default=lambda _place: {})


def _raw(direction: str, place: Place, folder: Path) -> Words:
    where = (place.store.endpoint, str(place.store.credentials), place.bucket, str(folder))
    return (sys.executable, "-m", "tools.bench.transfer.raw", direction, *where)


def tool(verb: str, place: Place, key: Path | None, *words: str) -> Words:
    """Our own command, with its defaults."""
    store: Words = ("--store", f"s3://{place.bucket}/backups", "--endpoint", place.store.endpoint)
    store += ("--s3-credentials", str(place.store.credentials), "--region", "us-east-1")
    keys = ("--key-file", str(key)) if key else ()
    command = (sys.executable, "-m", "digital_human_backup", verb, "-o", "json", "--uid", "bench")
    return (*command, *words, *store, *keys)


def _key(place: Place) -> Path:
    path = place.folder / "key"
    if not path.exists():
        path.write_text(base64.b64encode(os.urandom(32)).decode())
    return path


def _ours(name: str, key: Callable[[Place], Path | None]) -> Contender:
    return Contender(
        name,
        lambda p: tool("create", p, key(p), "--human", "bench", "--models", str(p.source)),
        lambda p, into: tool("restore", p, key(p), "--into", str(into)),
    )


def _restic(place: Place, *words: str) -> Words:
    repository = f"s3:{place.store.endpoint}/{place.bucket}/restic"
    cache = ("--cache-dir", str(place.folder / "cache"))
    return ("restic", "--quiet", "-r", repository, *cache, *words)


def _restic_environment(place: Place) -> dict[str, str]:
    keys = {name: (place.store.credentials / name).read_text() for name in NAMES}
    return {**keys, "RESTIC_PASSWORD": "bench", "AWS_DEFAULT_REGION": "us-east-1"}


RAW = Contender(
    "raw", lambda p: _raw("up", p, p.source), lambda p, into: _raw("down", p, into), again=False
)
PLAIN = _ours("plain", lambda _place: None)
ENCRYPTED = _ours("encrypted", _key)
RESTIC = Contender(
    "restic",
    lambda p: _restic(p, "backup", "--compression", "off", str(p.source)),
    lambda p, into: _restic(p, "restore", "latest", "--target", str(into)),
    before=lambda p: _restic(p, "init"),
    environment=_restic_environment,
)
