"""`create`: make a backup."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Any

import typer

from digital_human_backup import __version__, options
from digital_human_backup.errors import BackupError, DamagedError, MissingError, RefusedError
from digital_human_backup.format import layout, manifest
from digital_human_backup.format.contents import Contents
from digital_human_backup.format.keys import PLAIN, Key, KeyRing
from digital_human_backup.locks import Lock, locked
from digital_human_backup.options import Output, Place
from digital_human_backup.progress import report
from digital_human_backup.repository import Repository
from digital_human_backup.sessions import Server, checked, copy
from digital_human_backup.sources import FolderSource
from digital_human_backup.stores import FolderStore
from digital_human_backup.writer import Sent, Writer

WAIT_SECONDS = 600.0
"""How long a backup waits for somebody who removes garbage."""


@options.verb
def create(  # noqa: PLR0917 - typer makes options of them
    place: Place,
    human: options.Human,
    models: Annotated[Path | None, typer.Option(help="Folder of models.")] = None,
    config: Annotated[Path | None, typer.Option(help="Folder of configuration.")] = None,
    objects: Annotated[
        Path | None,
        typer.Option(help="Folder with the human's own object, see docs/backup-format.md."),
    ] = None,
    redis: options.RedisAddress = None,
    redis_user: options.RedisUser = None,
    redis_password_file: options.RedisPasswordFile = None,
    redis_ca_file: options.RedisCaFile = None,
    key_file: options.KeyFile = None,
    scratch: options.ScratchFolder = None,
    workers: options.Workers = 4,
    send_all: Annotated[
        bool, typer.Option("--send-all", help="Read and send also what the store has.")
    ] = False,
    output: options.OutputOption = Output.TEXT,
) -> None:
    """Make a backup; it exists when this ends with 0, and else not at all."""
    server = options.redis_server(redis, redis_user, redis_password_file, redis_ca_file)
    keys = options.read_keys(key_file)
    folders = {"models": models, "config": config, "objects": objects}
    sources = [FolderSource(part, root) for part, root in folders.items() if root is not None]
    if not sources and server is None:
        raise RefusedError(
            "There is nothing to back up: give --models, --config, --objects or --redis."
        )
    with options.scratch_folder(scratch) as folder, place.open() as repository:
        if isinstance(repository.store, FolderStore):
            for source in sources:
                source.check_apart(repository.store.root)
        facts: dict[str, Any] | None = None
        with locked(repository.store, place.uid, "write", WAIT_SECONDS) as lock:
            if server is not None:
                facts = _copy_sessions(server, folder, lock)
                sources.append(FolderSource("sessions", folder))
            job = _Job(repository, keys, human, lock, send_all)
            made, sent = job.run(sources, facts, workers)
    told = {
        "event": "created",
        "id": made.id,
        "parts": made.parts,
        "bytes": made.size,
        "storedBytes": made.stored,
        "sentChunks": sent.chunks,
        "sentBytes": sent.bytes,
        "keyId": None if made.key_id == PLAIN else made.key_id,
        "digest": made.digest,
    }
    options.tell(
        output,
        told,
        f"Backup {made.id} holds {options.size(made.size)}; {options.size(sent.bytes)} were sent.",
    )


def _copy_sessions(server: Server, folder: Path, lock: Lock) -> dict[str, Any]:
    """
    The file in the scratch folder, and what the manifest says of it.

    The lock was taken before: its time tells which erasures the copy may not have seen.
    """
    file = folder / "dump.rdb"
    origin = copy(server, file)
    found = checked(file)
    return {
        "version": origin.version,
        "runId": origin.run_id,
        "rdbVersion": found.rdb_version,
        "offset": found.offset,
        "databases": found.databases,
        "began": f"{lock.now:%Y-%m-%dT%H:%M:%SZ}",
    }


class _Job:
    """One backup, under a lock."""

    def __init__(
        self, repository: Repository, keys: KeyRing, human: str, lock: Lock, send_all: bool
    ) -> None:
        self._repository, self._keys, self._human = repository, keys, human
        self._lock, self._send_all = lock, send_all
        self._key: Key | None = keys.sealing

    def run(
        self, sources: list[FolderSource], redis: dict[str, Any] | None, workers: int
    ) -> tuple[manifest.Manifest, Sent]:
        """Chunks first, the manifest last."""
        writer = Writer(
            self._repository,
            self._key,
            self._lock,
            report(),
            None if self._send_all else self._earlier(),
            {} if self._send_all else self._present(),
        )
        contents, sent = writer.write(sources, workers), writer.sent
        del writer  # of many files it is large, and so is the manifest
        last = max(self._repository.ids(), default=None)
        backup, created = layout.new_id(self._lock.now, last)
        head = {
            "id": backup,
            "created": f"{created:%Y-%m-%dT%H:%M:%SZ}",
            "human": {"name": self._human, "uid": self._repository.uid},
            "tool": __version__,
            "parts": _parts(contents, [source.part for source in sources]),
            "redis": redis,
        }
        made = manifest.make(head, contents, self._key)
        del contents
        self._commit(made)
        return made, sent

    def _commit(self, made: manifest.Manifest) -> None:
        """
        Write the manifest; it does not stay when chunks may have been removed as garbage.

        Who does that removes the lock first and looks for manifests afterwards: so either it has
        seen this one, or the lock is not there any more. It does not stay either when the store
        does not tell: a backup exists only where this ends well.
        """
        data = made.dump()
        if len(data) > manifest.LIMIT:
            raise RefusedError(
                f"The list of all files has {len(data)} bytes, and nothing reads more than"
                f" {manifest.LIMIT}: pack many small files together, or back up fewer."
            )
        self._lock.go_on()
        self._lock.confirm()
        self._repository.commit(made.id, data)
        try:
            self._lock.confirm()
        except BackupError:
            with contextlib.suppress(BackupError):
                self._repository.forget(made.id)
            raise

    def _present(self) -> dict[str, int]:
        return self._repository.chunk_sizes(self._key.id if self._key else PLAIN)

    def _earlier(self) -> Contents | None:
        """The newest backup under the same key; without one everything is read."""
        wanted = self._key.id if self._key else PLAIN
        for backup in reversed(self._repository.ids()):
            with contextlib.suppress(DamagedError, MissingError, manifest.NewerFormatError):
                found = self._repository.read(backup)
                if found.key_id == wanted:
                    return found.open(self._keys)
        return None


def _parts(contents: Contents, parts: list[str]) -> dict[str, dict[str, int]]:
    return {
        part: {
            "files": len(files := contents.of([part])),
            "bytes": sum(file.size for file, _ in files),
        }
        for part in sorted(parts)
    }
