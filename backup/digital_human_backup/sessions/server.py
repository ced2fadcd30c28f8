"""A Redis server: its address, and what is asked of it."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from digital_human_backup.authority import check_authority
from digital_human_backup.errors import BackupError, RefusedError

from .library import redis

CONNECT_SECONDS = 10.0
Databases = dict[str, dict[str, int]]
"""Number of each database that holds keys -> ``keys`` and ``expires``."""


def program(name: str) -> str:
    """Path of one of Redis' programs."""
    found = shutil.which(name)
    if found is None:
        raise RefusedError(f"{name} is not on PATH: install Redis 7 (redis-server of Debian).")
    return found


def version() -> tuple[int, int]:
    """Major and minor version of Redis' programs on this machine."""
    command = [program("redis-server"), "--version"]
    done = subprocess.run(  # noqa: S603 - no shell
        command, capture_output=True, text=True, timeout=30, check=False
    )
    return version_of(done.stdout.partition(" v=")[2])


def version_of(word: str) -> tuple[int, int]:
    """Major and minor of a version such as 7.0.15."""
    found = re.match(r"(\d+)\.(\d+)", word)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def check_version(what: str, theirs: str) -> None:
    """Refuse data of a newer Redis than the programs here, for they could not read them."""
    ours = version()
    if version_of(theirs) > ours:
        raise RefusedError(
            f"{what} is of Redis {theirs}, and redis-server here is {ours[0]}.{ours[1]}, which"
            " cannot read its data: install the same version or a newer one."
        )


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server listens and who we are there."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None

    @classmethod
    def parse(
        cls, address: str, user: str | None, password_file: Path | None, ca_file: Path | None
    ) -> Self:
        """From redis://host:port or rediss://host:port; passwords come from a file only."""
        parts = urlsplit(address)
        try:
            port = parts.port or 6379
        except ValueError:
            port = 0
        if parts.scheme not in {"redis", "rediss"} or not parts.hostname or not port:
            raise RefusedError(
                "--redis is no address: write redis://host:6379 (rediss:// for TLS)."
            )
        if parts.username or parts.password or parts.path.strip("/") or parts.query:
            raise RefusedError(
                "--redis holds more than host and port: give the user with --redis-user and the"
                " password with --redis-password-file; all databases are backed up."
            )
        if ca_file is not None:
            check_authority(ca_file, "--redis-ca-file")
        return cls(
            parts.hostname, port, parts.scheme == "rediss", user, _password(password_file), ca_file
        )

    @property
    def name(self) -> str:
        """For messages."""
        return f"Redis at {self.host}:{self.port}"

    def client(self, **changes: Any) -> redis.Redis:
        """A client; each command is one that the caller may send again."""
        tls: dict[str, Any] = {"ssl": True} if self.tls else {}
        if self.tls and self.ca_file:
            tls["ssl_ca_certs"] = str(self.ca_file)
        settings = {
            "host": self.host,
            "port": self.port,
            "username": self.user,
            "password": self.password,
            "socket_timeout": 30.0,
            "socket_connect_timeout": CONNECT_SECONDS,
            "decode_responses": True,
            **tls,
            **changes,
        }
        return redis.Redis(**settings)

    def greet(self) -> None:
        """
        Raise a sentence soon where nobody speaks TLS.

        A server without it waits for the end of what it takes for a command, and so would we for
        it, with every retry of the client. One that is away for a moment is waited for, as ever.
        """
        if not self.tls:
            return
        waits = redis.backoff.ExponentialWithJitterBackoff(base=0.01, cap=1.0)
        retry = redis.retry.Retry(waits, 10, (redis.ConnectionError,))
        with self.client(socket_timeout=CONNECT_SECONDS, retry=retry) as client:
            self.info(client)

    def info(self, client: redis.Redis) -> dict[str, Any]:
        """Everything that INFO says; a sentence when the server does not answer or refuses."""
        try:
            found: Any = client.info("everything")
        except redis.RedisError as error:
            raise self.explain(error) from error
        return dict(found)

    def explain(self, error: redis.RedisError) -> BackupError:
        """The error to raise for one of the client's."""
        if isinstance(error, redis.exceptions.AuthenticationError):
            return RefusedError(f"{self.name} refuses the password: check the user and its file.")
        if isinstance(error, redis.exceptions.NoPermissionError):
            return RefusedError(
                f"{self.name} refuses a command ({error}): give the user the rights that"
                " docs/backup.md names."
            )
        if isinstance(error, redis.exceptions.ResponseError):
            return RefusedError(f"{self.name} refuses a command: {error}.")
        how = "with TLS (else write redis://)" if self.tls else "without TLS (else write rediss://)"
        return BackupError(
            f"{self.name} does not answer ({error}): check that it runs, {how}, and try again."
        )


def databases(info: dict[str, Any]) -> Databases:
    """Keys of each database, out of INFO."""
    return {
        name.removeprefix("db"): {"keys": int(found["keys"]), "expires": int(found["expires"])}
        for name, found in info.items()
        if name.startswith("db") and name[2:].isdigit()
    }


def _password(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"{file} cannot be read: check --redis-password-file.") from error
