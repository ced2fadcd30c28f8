"""Botocore's client, without what it does at every start for services that nobody asks for."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.utils import parse_timestamp

from digital_human_backup.authority import check_authority
from digital_human_backup.errors import RefusedError

from .settings import S3Settings

_AMAZON = "amazonaws.com"
_IDENTITY = ("sts", "sso", "sso-oidc")
"""Where a workload, or somebody who has signed in, gets its keys from."""
_NO_ENDPOINTS = {"version": 3, "partitions": []}
"""A list of Amazon's own endpoints, with nothing in it."""


def _is_elsewhere(settings: S3Settings) -> bool:
    """Whether nothing that botocore knows of Amazon's endpoints is asked for."""
    is_named = settings.region not in {None, "aws-global"}  # which stand for one of Amazon's
    return is_named and _AMAZON not in (settings.endpoint or _AMAZON)


class _Files(botocore.loaders.JSONFileLoader):  # type: ignore[misc]
    """Reads descriptions into dicts, which keep an order too, and are read twice as fast."""

    def load_file(self, file_path: str) -> Any:
        """What is in the file, packed or not; None when there is none."""
        for suffix, opened in ((".json", open), (".json.gz", gzip.open)):
            with suppress(FileNotFoundError), opened(file_path + suffix, "rb") as file:
                return json.loads(file.read())
        return None


class _Loader(botocore.loaders.Loader):  # type: ignore[misc]
    """Loads the description of S3, and of what says who we are."""

    def __init__(self, settings: S3Settings) -> None:
        super().__init__(file_loader=_Files())
        self._is_elsewhere = _is_elsewhere(settings)

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002
        """What is here: so the folders of 400 services are not looked through, twice."""
        return ["s3", *_IDENTITY]

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        """A description; none of Amazon's endpoints, over 1 MB, for a service that is not there."""
        if name == "endpoints" and self._is_elsewhere:
            return _NO_ENDPOINTS, self.BUILTIN_DATA_PATH
        found: tuple[Any, str] = super().load_data_with_path(name)
        return found


def open_client(settings: S3Settings) -> Any:
    """
    Botocore's client, which hashes nothing that we have hashed already.

    boto3's session makes the same one, but loads its resources and transfers first.

    The signature covers the header with the SHA-256 by which the service checks the body, so that
    the body needs no hash of its own to be signed. What is read carries a digest or a tag of ours,
    so the service's checksum of it is not asked for.
    """
    signed = settings.checksums == "when_required"
    if settings.ca_file is not None:
        check_authority(settings.ca_file, "--s3-ca-file")
    session = botocore.session.Session()
    session.register_component("data_loader", _Loader(settings))
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_moment)
    if settings.credentials is not None:
        session.set_credentials(*_credentials(settings.credentials))
    return session.create_client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        verify=str(settings.ca_file) if settings.ca_file else None,
        config=Config(
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=settings.connections,
            retries={"mode": "standard", "total_max_attempts": settings.tries},
            request_checksum_calculation=settings.checksums,
            response_checksum_validation="when_required",
            s3={
                "addressing_style": settings.style,
                "payload_signing_enabled": signed,
                # Else us-east-1 stands for an endpoint of Amazon's list.
                **({"us_east_1_regional_endpoint": "regional"} if _is_elsewhere(settings) else {}),
            },
        ),
    )


def _moment(value: Any) -> datetime:
    """A time of an answer: that of each object of a listing, which botocore reads slowly."""
    if isinstance(value, str) and value[10:11] == "T" and value.endswith("Z"):
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    return parse_timestamp(value)  # type: ignore[no-any-return]


def _credentials(folder: Path) -> Iterator[str]:
    """Access key, secret and maybe a token from files, as a mounted Secret has them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        path = folder / name
        try:
            yield path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise RefusedError(
                f"{path} cannot be read: --s3-credentials names a folder with the files"
                " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            ) from error
    token = folder / "AWS_SESSION_TOKEN"
    if token.exists():
        yield token.read_text(encoding="utf-8").strip()
