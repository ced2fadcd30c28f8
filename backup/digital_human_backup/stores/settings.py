"""How to talk to an S3-compatible service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Settings of the client."""

    endpoint: str | None = None
    """Address when it is not Amazon S3."""
    region: str | None = None
    style: Literal["auto", "path", "virtual"] = "auto"
    """Where the bucket's name goes: into the path or into the host."""
    checksums: Literal["when_supported", "when_required"] = "when_supported"
    """``when_required`` for services that refuse the newer checksum headers."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    credentials: Path | None = None
    """Folder with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and maybe AWS_SESSION_TOKEN as files."""
    sse: Literal["AES256", "aws:kms"] | None = None
    """Encryption by the service, on top of ours."""
    sse_key_id: str | None = None
    """Key of the service's key management, with aws:kms."""
    tries: int = 6
    """How often a request is sent before it has failed."""
    connections: int = 16
