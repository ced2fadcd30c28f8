"""Where weights come from; every source lists files and reads ranges of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from digital_human_runtime.models.errors import WrongError
from digital_human_runtime.models.plan import RemoteFile


class Source(Protocol):
    """One place that holds one model; used from several threads at once."""

    @property
    def name(self) -> str:
        """The address as it is shown and kept in the manifest: never a secret in it."""

    def files(self) -> Sequence[RemoteFile]:
        """All files below the address."""

    def read(self, file: RemoteFile, start: int, end: int) -> Iterator[bytes]:
        """Yield bytes ``start`` to ``end`` (exclusive); fewer only when the connection broke."""

    def close(self) -> None:
        """Give back connections."""


def open_source(
    address: str, *, revision: str | None, endpoint: str | None, region: str | None
) -> Source:
    """
    Return the source that an address names.

    ``s3://bucket/prefix``, ``hf://owner/name``, ``https://host/folder`` (or http), or a folder.
    Raises WrongError where that can be none.
    """
    parts = _split(address)
    if endpoint is not None and not is_web(endpoint):
        raise WrongError(
            f"The endpoint {endpoint} is no address: give one such as https://minio.example.com."
        )
    if parts.scheme == "s3":
        from .s3 import S3Source  # noqa: PLC0415 - boto3 is slow to import

        if not parts.netloc:
            raise WrongError(f"The address {address} names no bucket: s3://bucket/prefix.")
        return S3Source(parts.netloc, parts.path.strip("/"), endpoint=endpoint, region=region)
    if parts.scheme == "hf":
        from .hub import HubSource  # noqa: PLC0415 - as above

        repository = f"{parts.netloc}{parts.path}".strip("/")
        return HubSource(repository, revision=revision or "main", endpoint=endpoint)
    if parts.scheme in {"http", "https"}:
        from .web import WebSource  # noqa: PLC0415 - as above

        if not parts.hostname:
            raise WrongError(f"The address {address} names no host: https://host/folder.")
        return WebSource(address)
    if parts.scheme not in {"", "file"}:
        raise WrongError(
            f"There is no source {parts.scheme}://: use s3://, hf://, https:// or a folder."
        )
    from .directory import DirectorySource  # noqa: PLC0415 - beside the others

    return DirectorySource(Path(parts.path if parts.scheme else address))


def is_web(address: str) -> bool:
    """Whether this is an address of a web server."""
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _split(address: str) -> SplitResult:
    """Take an address apart; its secrets are in no message."""
    try:
        parts = urlsplit(address)
        if parts.username or parts.password:
            raise WrongError(
                "The address must hold no user and no password: give a credential file."
            )
        _ = parts.port  # looked at only now
    except ValueError as error:
        raise WrongError(f"The address {address} cannot be read: {error}.") from None
    return parts
