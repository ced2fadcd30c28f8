"""A prefix in an S3-compatible store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from digital_human_runtime.models.errors import ModelsError, WrongError
from digital_human_runtime.models.plan import RemoteFile

BLOCK = 1 << 20
HINTS = {
    "NoSuchBucket": "the bucket does not exist",
    "AccessDenied": "access is denied: check the credentials and the bucket's policy",
    "InvalidAccessKeyId": "the access key is unknown: check AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the secret key is wrong: check AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": "the credentials have expired: renew them",
    "RequestTimeTooSkewed": "this machine's clock is wrong: set it",
    "404": "the object is gone: fetch again",
}


class S3Source:
    """Lists and reads objects; retries of single requests are boto3's."""

    def __init__(
        self, bucket: str, prefix: str, *, endpoint: str | None, region: str | None
    ) -> None:
        self._bucket, self._prefix = bucket, f"{prefix}/" if prefix else ""
        self.name = f"s3://{bucket}/{prefix}".rstrip("/")
        config = Config(
            connect_timeout=10,
            read_timeout=60,
            retries={"mode": "adaptive", "max_attempts": 8},
            max_pool_connections=32,
            s3={"addressing_style": "path"} if endpoint else {},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        try:
            self._client: Any = boto3.client(
                "s3", endpoint_url=endpoint, region_name=region or "us-east-1", config=config
            )
        except (BotoCoreError, ValueError) as error:
            raise WrongError(f"{self.name} cannot be asked: {error}") from None

    def files(self) -> Sequence[RemoteFile]:
        """All objects below the prefix, however many pages they fill."""
        pages = self._client.get_paginator("list_objects_v2")
        try:
            found = [
                RemoteFile(
                    path=entry["Key"][len(self._prefix) :],
                    size=entry["Size"],
                    version=entry["ETag"].strip('"'),
                )
                for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix)
                for entry in page.get("Contents", [])
                if not entry["Key"].endswith("/")
            ]
        except (ClientError, BotoCoreError) as error:
            raise self._explained(error) from error
        if not found:
            raise ModelsError(f"{self.name} holds nothing: check the prefix.")
        return found

    def read(self, file: RemoteFile, start: int, end: int) -> Iterator[bytes]:
        """A range of one object, refused when the object was replaced since it was listed."""
        try:
            answer = self._client.get_object(
                Bucket=self._bucket,
                Key=self._prefix + file.path,
                Range=f"bytes={start}-{end - 1}",
                IfMatch=file.version,
            )
            yield from answer["Body"].iter_chunks(BLOCK)
        except (ClientError, BotoCoreError) as error:
            raise self._explained(error) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _explained(self, error: ClientError | BotoCoreError) -> Exception:
        if isinstance(error, ParamValidationError):
            return WrongError(
                f"s3://{self._bucket} is no name of a bucket: letters, digits, dots and dashes."
            )
        if isinstance(error, NoCredentialsError | PartialCredentialsError):
            return ModelsError(
                f"{self.name} needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )
        if not isinstance(error, ClientError):
            return OSError(f"{self.name}: {error}")
        code = error.response.get("Error", {}).get("Code", "")
        if code in {"PreconditionFailed", "412"}:
            return ModelsError(f"{self.name} changed while it was fetched: fetch it again.")
        if code in HINTS:
            return ModelsError(f"{self.name}: {HINTS[code]}.")
        return OSError(f"{self.name}: {code or error}")
