"""The operator's own settings: the only reader of the environment."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from digital_human_operator import __version__
from digital_human_operator.human import Images

PREFIX = "DIGITAL_HUMAN_OPERATOR_"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SAID = {
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "string_too_short": "must not be empty",
}


class Settings(BaseSettings):
    """
    Read from environment variables that start with ``DIGITAL_HUMAN_OPERATOR_``.

    The Helm chart sets them; on a laptop the defaults are good.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, allow_inf_nan=False)

    namespaces: Annotated[tuple[str, ...], NoDecode] = ()
    """Namespaces to look after, separated by commas; empty: all of the cluster."""
    pod_namespace: str | None = None
    """Where the Lease lives; absent: the namespace of the credentials."""
    pod_name: str = Field(default_factory=socket.gethostname, min_length=1)
    """Who holds the Lease; must differ between replicas."""
    lease_name: str = Field(default="digital-human-operator", min_length=1)
    """Name of the Lease."""
    lease_seconds: float = Field(default=15.0, ge=1)
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
    runtime_gpu_image: str = f"digital-human-runtime:{__version__}-gpu"
    """The same with torch, for a human with a model of llm.transformers."""
    face_image: str = "nvcr.io/nim/nvidia/audio2face-3d:2.0"
    """Image of a managed face whose spec names none."""
    redis_image: str = "docker.io/library/redis:7.4-alpine"
    """Image of managed Redis."""
    tools_image: str = f"digital-human-tools:{__version__}"
    """Image of backup and drill Pods; weights are fetched by the runtime's."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """How images are pulled."""

    @field_validator("namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(dict.fromkeys(p.strip() for p in value.split(",") if p.strip()))
        return value

    @field_validator("namespaces")
    @classmethod
    def _are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [name for name in value if not _NAMESPACE.fullmatch(name)]
        if wrong:
            raise ValueError(f"must be names of namespaces, which {wrong[0]!r} cannot be")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("metrics_address")
    @classmethod
    def _has_port(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        number = int(port) if port.isascii() and port.isdigit() else -1
        bare = ":" in host and not (host.startswith("[") and host.endswith("]"))
        if value and (not colon or bare or not 0 <= number < 2**16):
            raise ValueError("must be address:port, for example 0.0.0.0:8080, or empty")
        return value

    @model_validator(mode="after")
    def _times_fit(self) -> Settings:
        if not self.retry_period < self.renew_deadline < self.lease_seconds:
            raise ValueError(
                f"{PREFIX}RETRY_PERIOD ({self.retry_period:g}) must be less than"
                f" {PREFIX}RENEW_DEADLINE ({self.renew_deadline:g}), and that less than"
                f" {PREFIX}LEASE_SECONDS ({self.lease_seconds:g})"
            )
        return self

    @property
    def images(self) -> Images:
        """The images that renderers use when the spec names none."""
        return Images(
            runtime=self.runtime_image,
            runtime_gpu=self.runtime_gpu_image,
            face=self.face_image,
            redis=self.redis_image,
            tools=self.tools_image,
            pull_policy=self.image_pull_policy,
        )


def problems(error: ValidationError) -> list[str]:
    """One sentence per wrong variable: its name, what it must be, and what it is."""
    return [_sentence(problem) for problem in error.errors()]


def _sentence(problem: ErrorDetails) -> str:
    text = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if not problem["loc"]:
        return text
    name = str(problem["loc"][0]).upper()
    said = _SAID.get(problem["type"], text.replace("should", "must", 1))
    return f"{PREFIX}{name} {said}; it is {problem['input']!r}"
