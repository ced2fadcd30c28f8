"""A store in a bucket of an S3-compatible service."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import stamina
import urllib3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.parsers import ResponseParserError

from digital_human_backup.errors import DamagedError, ExistsError, MissingError
from digital_human_backup.format import Data

from .base import Item
from .client import open_client
from .settings import S3Settings
from .trouble import code, explain, no_s3

_BROKEN = (urllib3.exceptions.HTTPError, HTTPClientError, IncompleteReadError)
_TROUBLE = (
    BotoCoreError,
    ResponseParserError,
    urllib3.exceptions.HTTPError,
    ValueError,
    RecursionError,
)
_MISSING = {"NoSuchKey", "404", "NotFound"}
_TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict"}


class S3Store:
    """Each object an object; the service makes writes atomic."""

    def __init__(self, bucket: str, prefix: str, settings: S3Settings) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.where = f"s3://{bucket}/{self._prefix}".rstrip("/")
        self._tries = settings.tries
        self._checked = settings.checksums == "when_supported"
        self._extra = {
            name: value
            for name, value in (
                ("ServerSideEncryption", settings.sse),
                ("SSEKMSKeyId", settings.sse_key_id),
            )
            if value
        }
        self._endpoint = settings.endpoint or "Amazon S3"
        with self._explained():
            self._client = open_client(settings)

    def put(self, key: str, data: Data, *, new: bool = False, digest: str = "") -> None:
        """Write an object."""
        extra = {**self._extra, **({"IfNoneMatch": "*"} if new else {})}
        if self._checked:
            plain = bytes.fromhex(digest) if digest else hashlib.sha256(data).digest()
            extra["ChecksumAlgorithm"] = "SHA256"  # asked for by object lock
            extra["ChecksumSHA256"] = base64.b64encode(plain).decode()
        with self._explained(key):
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=data, **extra)

    def get(self, key: str, limit: int) -> bytes:
        """Read an object, from the start again when the connection breaks."""
        with self._explained(key):
            for attempt in stamina.retry_context(on=_BROKEN, attempts=self._tries, timeout=None):
                with attempt:
                    return self._read(key, limit)
        raise AssertionError  # the last attempt returns or raises

    def list(self, prefix: str) -> Iterator[Item]:
        """Objects, a thousand a request."""
        pages = self._client.get_paginator("list_objects_v2")
        with self._explained():
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix):
                if "IsTruncated" not in page:  # botocore takes any XML for a listing
                    raise no_s3(self._endpoint, "no listing")
                for found in page.get("Contents", ()):
                    name = found["Key"][len(self._prefix) :]
                    yield Item(name, int(found["Size"]), found["LastModified"])

    def delete(self, key: str) -> None:
        """Remove an object."""
        with self._explained(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def close(self) -> None:
        """Close the pool of connections."""
        self._client.close()

    def _read(self, key: str, limit: int) -> bytes:
        answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
        body = answer["Body"]
        try:
            if int(answer["ContentLength"]) > limit:
                raise DamagedError(f"{key} in {self.where} has more than {limit} bytes.")
            return bytes(body.read())
        finally:
            body.close()

    @contextmanager
    def _explained(self, key: str = "") -> Iterator[None]:
        """Turn the service's errors into sentences; without a key nothing can be missing."""
        try:
            yield
        except ClientError as error:
            if key and code(error) in _MISSING:
                raise MissingError(f"{self.where} holds no {key}.") from error
            if code(error) in _TAKEN:
                raise ExistsError(f"{self.where} holds {key} already.") from error
            raise explain(error, self._bucket, self._endpoint) from error
        except _TROUBLE as error:
            raise explain(error, self._bucket, self._endpoint) from error
