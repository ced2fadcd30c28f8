"""`restore`: bring a backup back, whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from digital_human_backup import options
from digital_human_backup.errors import BackupError, RefusedError
from digital_human_backup.format.contents import FileFacts
from digital_human_backup.format.manifest import Manifest
from digital_human_backup.ledger import Ledger
from digital_human_backup.options import Output, Part, Place
from digital_human_backup.progress import report
from digital_human_backup.reader import Reader
from digital_human_backup.replay import Replay
from digital_human_backup.sessions import Server, check_version, checked, rename, replace


@options.verb
def restore(  # noqa: PLR0917 - typer makes options of them
    place: Place,
    backup: options.BackupId = "latest",
    into: Annotated[
        Path | None, typer.Option(help="Folder to make; it must be new, or empty.")
    ] = None,
    redis: options.RedisAddress = None,
    redis_user: options.RedisUser = None,
    redis_password_file: options.RedisPasswordFile = None,
    redis_ca_file: options.RedisCaFile = None,
    listen: Annotated[
        str | None, typer.Option(help="Address of this machine as Redis reaches it.")
    ] = None,
    human: Annotated[
        str | None,
        typer.Option(help="Name of the DigitalHuman that gets the sessions. [default: as it was]"),
    ] = None,
    part: Annotated[list[Part] | None, typer.Option(help="Only this part; repeat it.")] = None,
    key_file: options.KeyFile = None,
    load: options.Load = True,
    scratch: options.ScratchFolder = None,
    workers: options.Workers = 4,
    output: options.OutputOption = Output.TEXT,
) -> None:
    """
    Bring a backup back: into a folder (--into), into a running Redis (--redis), or both.

    All data of that Redis are replaced. Interrupted anywhere, run it again.
    """
    began = time.monotonic()
    server = options.redis_server(redis, redis_user, redis_password_file, redis_ca_file)
    keys = options.read_keys(key_file)
    if into is None and server is None:
        raise RefusedError("Say where to restore to: --into, --redis or both.")
    with place.open() as repository:
        found = repository.find(backup)
        parts = _parts(found, part, only_redis=into is None, redis=server is not None)
        if server is not None:
            server.greet()
        replay = None
        if "sessions" in parts:
            replay = Replay(Ledger(repository.store, place.uid, keys), found, workers)
            if load or server is not None or replay.needed:
                check_version(f"The backup {found.id}", found.redis_version)
        reader = Reader(repository, found, keys, report())
        with _folder(into, scratch) as folder:
            files = reader.restore(parts, folder, workers)
            if replay is not None:
                dump = folder / "sessions" / "dump.rdb"
                if load:
                    found.check_sessions(checked(dump).databases)
                if human is not None and human != found.human:
                    rename(dump, found.human, human)
                _put_sessions(dump, server, listen, replay)
            if into is not None:
                _publish(folder, into.absolute())
    _tell(output, found, parts, files, replay, time.monotonic() - began)


def _put_sessions(dump: Path, server: Server | None, listen: str | None, replay: Replay) -> None:
    """Sessions without those of erased subjects, into the file and into a server."""
    replay.clean(dump)
    if server is not None:
        replay.loaded()
        replace(dump, server, listen)
        replay.follow(server)
        replay.clean(dump)


def _tell(  # noqa: PLR0917 - one caller
    output: Output,
    found: Manifest,
    parts: list[str],
    files: list[FileFacts],
    replay: Replay | None,
    seconds: float,
) -> None:
    erased = replay.told() if replay is not None else None
    size = sum(file.size for file in files)
    facts = {
        "event": "restored",
        "id": found.id,
        "parts": parts,
        "files": len(files),
        "bytes": size,
        "seconds": round(seconds, 3),
        "ageSeconds": round((datetime.now(UTC) - found.created).total_seconds()),
        "erased": erased,
    }
    what = f"{len(files)} files of {options.size(size)} in {seconds:.1f} s"
    if erased and erased["subjects"]:
        what += f"; {erased['sessions']} sessions of erased subjects were left out"
    options.tell(output, facts, f"Backup {found.id} is restored: {what}.")


def _parts(
    found: Manifest, wanted: list[Part] | None, *, only_redis: bool, redis: bool
) -> list[str]:
    """Which parts to restore; RefusedError for one that the backup does not hold."""
    parts = [one.value for one in wanted] if wanted else sorted(found.parts)
    if only_redis and not wanted:
        parts = ["sessions"]
    if redis and "sessions" not in parts:
        parts.append("sessions")
    for one in parts:
        if one not in found.parts:
            raise RefusedError(
                f"The backup {found.id} holds no {one}, only {', '.join(sorted(found.parts))}."
            )
    return sorted(set(parts))


@contextlib.contextmanager
def _folder(into: Path | None, scratch: Path | None) -> Iterator[Path]:
    """Where the files go first."""
    with options.scratch_folder(scratch) if into is None else _staging(into.absolute()) as folder:
        yield folder


@contextlib.contextmanager
def _staging(into: Path) -> Iterator[Path]:
    """A folder beside ``into``, on the same volume, gone in the end unless it became that."""
    _check_free(into)
    prefix = f".{into.name}.restoring-"
    folder = into.parent / f"{prefix}{secrets.token_hex(4)}"
    try:
        for left in into.parent.glob(f"{prefix}*"):
            _remove_abandoned(left)
        folder.mkdir(mode=0o700)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise RefusedError(
            f"{into.parent} cannot be written ({error.strerror}): name a folder that can, with"
            " --into."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _check_free(into: Path) -> None:
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise RefusedError(
            f"{into} is not empty: nothing is overwritten, so name a new folder with --into."
        )


def _remove_abandoned(folder: Path) -> None:
    """What a killed restore left; one that still runs holds a lock."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(folder)
    finally:
        os.close(handle)


def _publish(folder: Path, into: Path) -> None:
    """The folder gets its name, in one step."""
    try:
        folder.chmod(0o755)
        folder.rename(into)
        handle = os.open(into.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise BackupError(
            f"{into} cannot be made ({error.strerror}): name a folder that is not there yet; below"
            " a mounted volume, not the volume itself."
        ) from error
