"""The operator's own settings: the only reader of the environment."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from digital_human_operator import __version__
from digital_human_operator.human import Images

PREFIX = "DIGITAL_HUMAN_OPERATOR_"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Settings(BaseSettings):
    """
    Read from environment variables that start with ``DIGITAL_HUMAN_OPERATOR_``.

    The Helm chart sets them; on a laptop the defaults are good.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    namespaces: Annotated[tuple[str, ...], NoDecode] = ()
    """Namespaces to look after, separated by commas; empty: all of the cluster."""
    pod_namespace: str | None = None
    """Where the Lease lives; absent: the namespace of the credentials."""
    pod_name: str = Field(default_factory=socket.gethostname)
    """Who holds the Lease; must differ between replicas."""
    lease_name: str = "digital-human-operator"
    """Name of the Lease."""
    lease_seconds: float = Field(default=15.0, gt=0)
    """How long a Lease is valid without renewal."""
    renew_deadline: float = Field(default=10.0, gt=0)
    """After how many seconds without renewal the holder stops writing."""
    retry_period: float = Field(default=2.0, gt=0)
    """Seconds between two attempts to get or renew the Lease."""
    workers: int = Field(default=32, ge=1, le=512)
    """Objects that are reconciled at once."""
    reconcile_timeout: float = Field(default=120.0, gt=0)
    """Seconds that one reconcile may take."""
    writes_in_flight: int = Field(default=32, ge=1, le=256)
    """Writes that are sent at once; fewer while the API server asks to slow down."""
    metrics_address: str = "0.0.0.0:8080"
    """Address and port of /metrics, /healthz and /readyz; empty: none."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least important lines that are logged."""
    log_format: Literal["json", "text"] = "text"
    """One JSON object per line, or text for people."""
    runtime_image: str = f"digital-human-runtime:{__version__}"
    """Image of a human whose spec names none."""
    face_image: str = "nvcr.io/nim/nvidia/audio2face-3d:2.0"
    """Image of a managed face whose spec names none."""
    redis_image: str = "docker.io/library/redis:7.4-alpine"
    """Image of managed Redis."""
    tools_image: str = f"digital-human-tools:{__version__}"
    """Image of backup, drill and model-fetch Pods."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """How images are pulled."""

    @field_validator("namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("metrics_address")
    @classmethod
    def _has_port(cls, value: str) -> str:
        if value and not value.rpartition(":")[2].isdigit():
            raise ValueError("must be address:port, for example 0.0.0.0:8080, or empty")
        return value

    @property
    def images(self) -> Images:
        """The images that renderers use when the spec names none."""
        return Images(
            runtime=self.runtime_image,
            face=self.face_image,
            redis=self.redis_image,
            tools=self.tools_image,
            pull_policy=self.image_pull_policy,
        )
