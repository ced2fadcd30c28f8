"""Options that several verbs share, and how verbs are made of functions."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, get_type_hints

import typer

from .errors import BackupError, RefusedError
from .format import keys
from .format.keys import KeyRing
from .repository import Repository
from .sessions import Server
from .stores import S3Settings, open_store


class Style(StrEnum):
    """Where the bucket's name goes."""

    AUTO = "auto"
    PATH = "path"
    VIRTUAL = "virtual"


class Checksums(StrEnum):
    """When S3's own checksums are used."""

    WHEN_SUPPORTED = "when_supported"
    WHEN_REQUIRED = "when_required"


class Output(StrEnum):
    """What the last line on standard output is."""

    TEXT = "text"
    JSON = "json"


class Sse(StrEnum):
    """Encryption by the service."""

    AES256 = "AES256"
    KMS = "aws:kms"


class Part(StrEnum):
    """What a backup is made of."""

    MODELS = "models"
    CONFIG = "config"
    SESSIONS = "sessions"
    OBJECTS = "objects"


def _legible(name: str) -> str:
    """A name that can be written down."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise RefusedError(f"--human {name!r} is no text in UTF-8: use another name.") from error
    return name


Human = Annotated[
    str, typer.Option(help="Name of the DigitalHuman, for people.", callback=_legible)
]
BackupId = Annotated[str, typer.Argument(help="Id of a backup, or latest.", show_default=True)]
KeyFile = Annotated[
    Path | None, typer.Option(help="Encryption keys, one a line; the first one seals.")
]
Workers = Annotated[int, typer.Option(min=1, max=32, help="Chunks at the same time.")]
ScratchFolder = Annotated[
    Path | None, typer.Option(help="Folder with room for the data of Redis. [default: /tmp]")
]
Load = Annotated[
    bool, typer.Option("--load/--no-load", help="Load the data of Redis into a scratch server.")
]
RedisAddress = Annotated[
    str | None, typer.Option("--redis", help="redis://host:6379, or rediss:// for TLS.")
]
RedisUser = Annotated[str | None, typer.Option(help="User of Redis' ACL.")]
RedisPasswordFile = Annotated[Path | None, typer.Option(help="File with the password of Redis.")]
RedisCaFile = Annotated[Path | None, typer.Option(help="Certificates to trust for rediss://.")]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Form of the result.")]


_RESULT: ContextVar[Path | None] = ContextVar("result", default=None)
"""Where the result goes too."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the backups of a human lie."""

    address: str
    uid: str
    s3: S3Settings

    @contextlib.contextmanager
    def open(self) -> Iterator[Repository]:
        """The repository; its connections are closed in the end."""
        store = open_store(self.address, self.s3)
        try:
            yield Repository(store, self.uid)
        finally:
            store.close()


def _place(  # noqa: PLR0917 - typer makes options of them
    store: Annotated[str, typer.Option(help="file:///folder or s3://bucket/prefix.")],
    uid: Annotated[str, typer.Option(help="uid of the DigitalHuman.")],
    endpoint: Annotated[
        str | None, typer.Option(help="Address of an S3-compatible service; none: Amazon S3.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="Region of the bucket.")] = None,
    s3_style: Annotated[Style, typer.Option(help="Bucket in the path or in the host.")] = (
        Style.AUTO
    ),
    s3_checksums: Annotated[
        Checksums, typer.Option(help="S3's own checksums; some services refuse the newer ones.")
    ] = Checksums.WHEN_SUPPORTED,
    s3_ca_file: Annotated[Path | None, typer.Option(help="Certificates to trust.")] = None,
    s3_credentials: Annotated[
        Path | None,
        typer.Option(help="Folder with the files AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."),
    ] = None,
    s3_sse: Annotated[Sse | None, typer.Option(help="Encryption by the service.")] = None,
    s3_sse_key_id: Annotated[str | None, typer.Option(help="Its key, with aws:kms.")] = None,
    s3_tries: Annotated[int, typer.Option(min=1, max=20, help="Tries of each request.")] = 6,
) -> Place:
    settings = S3Settings(
        endpoint=endpoint,
        region=region,
        style=s3_style.value,
        checksums=s3_checksums.value,
        ca_file=s3_ca_file,
        credentials=s3_credentials,
        sse=s3_sse.value if s3_sse else None,
        sse_key_id=s3_sse_key_id,
        tries=s3_tries,
    )
    return Place(store, uid, settings)


def _result(
    result: Annotated[
        Path | None,
        typer.Option(help="File for the result as JSON, such as a container's termination log."),
    ] = None,
) -> None:
    """Options of what is told."""


@contextlib.contextmanager
def _recorded(result: Path | None) -> Iterator[None]:
    """Let ``tell`` write into the file too, and a failure."""
    before = _RESULT.set(result)
    try:
        yield
    except (BackupError, OSError) as error:
        code = error.exit_code if isinstance(error, BackupError) else 1
        _record({"event": "failed", "message": str(error), "exitCode": code})
        raise
    finally:
        _RESULT.reset(before)


def _record(facts: dict[str, Any]) -> None:
    """
    Write a line over the file, in place: a container runtime reads what it has mounted.

    What cannot be written does not undo what was done.
    """
    result = _RESULT.get()
    if result is None:
        return
    try:
        result.write_text(json.dumps(facts) + "\n", encoding="utf-8")
    except OSError as error:
        print(f"The result cannot be written to {result}: {error.strerror}.", file=sys.stderr)


def verb(function: Callable[..., None]) -> Callable[..., None]:
    """
    Give a function with a parameter ``place`` the options of the store in its place.

    And ``--result``: what the verb tells, or how it failed, is written there as well.
    """
    shared = [*_parameters(_place), *_parameters(_result)]
    own = [one for one in _parameters(function) if one.name != "place"]

    @functools.wraps(function)
    def command(**given: Any) -> None:
        of_store = {one.name: given.pop(one.name) for one in shared}
        with _recorded(of_store.pop("result")):
            function(place=_place(**of_store), **given)

    command.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in [*own, *shared]}
    return command


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(function, include_extras=True)
    return [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name])
        for one in inspect.signature(function).parameters.values()
    ]


def read_keys(file: Path | None) -> KeyRing:
    """Keys of a file; no file, no keys."""
    if file is None:
        return KeyRing()
    try:
        return keys.parse(file.read_text(encoding="utf-8").splitlines(), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"{file} cannot be read: check --key-file.") from error


def redis_server(
    address: str | None, user: str | None, password_file: Path | None, ca_file: Path | None
) -> Server | None:
    """The server that the options name."""
    return None if address is None else Server.parse(address, user, password_file, ca_file)


@contextlib.contextmanager
def scratch_folder(within: Path | None) -> Iterator[Path]:
    """An empty folder of our own, gone in the end; its files are for nobody else."""
    try:
        with TemporaryDirectory(prefix="digital-human-backup-", dir=within) as name:
            yield Path(name)
    except FileNotFoundError as error:
        if within is not None and not within.is_dir():
            raise RefusedError(f"The folder {within} does not exist: check --scratch.") from error
        raise
    except PermissionError as error:
        raise BackupError(f"{error.filename} may not be written: check --scratch.") from error


def tell(output: Output, facts: dict[str, Any], sentence: str) -> None:
    """The result, as the last line of standard output."""
    _record(facts)
    print(json.dumps(facts) if output is Output.JSON else sentence)


def size(count: int) -> str:
    """Bytes for a person."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024  # type: ignore[assignment]
    return f"{count:.2f} GiB"
