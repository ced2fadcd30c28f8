"""Where backups lie: a folder, or a bucket of an S3-compatible service."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from digital_human_backup.errors import RefusedError

from .base import Item, Store
from .folder import FolderStore
from .settings import S3Settings

__all__ = ["FolderStore", "Item", "S3Settings", "Store", "open_store"]


def open_store(address: str, s3: S3Settings) -> Store:
    """Open file:///folder or s3://bucket/prefix; RefusedError for any other address."""
    parts = urlsplit(address)
    if parts.scheme == "file" and not parts.netloc and parts.path:
        return FolderStore(Path(address.partition("://")[2]))
    if "@" in parts.netloc:
        raise RefusedError(
            "--store holds more than bucket and prefix: give the credentials with --s3-credentials."
        )
    if parts.scheme == "s3" and parts.netloc and not (parts.query or parts.fragment):
        from .s3 import S3Store  # noqa: PLC0415 - loading botocore takes a third of a second

        return S3Store(parts.netloc, parts.path, s3)
    raise RefusedError(
        f"--store {address!r} is no store: write file:///folder or s3://bucket/prefix."
    )
