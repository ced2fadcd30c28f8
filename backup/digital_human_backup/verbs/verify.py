"""`verify`: read a backup back."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from digital_human_backup import options
from digital_human_backup.errors import DamagedError, RefusedError
from digital_human_backup.format import chunks
from digital_human_backup.format.keys import PLAIN
from digital_human_backup.format.manifest import Manifest
from digital_human_backup.options import Output, Place
from digital_human_backup.parallel import each
from digital_human_backup.progress import Report, report
from digital_human_backup.reader import Reader
from digital_human_backup.repository import Repository
from digital_human_backup.sessions import check_version, checked


@options.verb
def verify(  # noqa: PLR0917 - typer makes options of them
    place: Place,
    backup: options.BackupId = "latest",
    key_file: options.KeyFile = None,
    load: options.Load = True,
    scratch: options.ScratchFolder = None,
    workers: options.Workers = 4,
    output: options.OutputOption = Output.TEXT,
) -> None:
    """
    Read every byte of a backup back and compare it.

    Without the key of an encrypted backup only what is stored is compared, and nothing noted.
    """
    keys = options.read_keys(key_file)
    with place.open() as repository:
        found = repository.find(backup)
        opened = found.key_id == PLAIN or key_file is not None
        if opened:
            reader = Reader(repository, found, keys, report())
            damages = reader.damages(workers)
            if not damages and load and found.redis is not None:
                _load(reader, scratch, workers)
            if not damages:
                _note(repository, found)
        else:
            damages = _stored(repository, found, workers, report())
    for sentence in damages:
        print(sentence, file=sys.stderr)
    facts = {"event": "verified", "id": found.id, "ok": not damages, "opened": opened}
    if not damages or output is Output.JSON:
        what = "is what was written" if opened else "is stored as it was; it was not opened"
        options.tell(output, {**facts, "damages": damages}, f"Backup {found.id} {what}.")
    if damages:
        raise DamagedError(f"{len(damages)} parts of the backup {found.id} are damaged.")


def _load(reader: Reader, scratch: Path | None, workers: int) -> None:
    """Have Redis load the sessions; DamagedError when it finds others than were copied."""
    found = reader.manifest
    check_version(f"The backup {found.id}", found.redis_version)
    with options.scratch_folder(scratch) as folder:
        reader.restore(["sessions"], folder, workers)
        found.check_sessions(checked(folder / "sessions" / "dump.rdb").databases)


def _stored(repository: Repository, found: Manifest, workers: int, shown: Report) -> list[str]:
    """Compare what is stored with its digests."""

    def sentence(chunk: tuple[str, int, str]) -> str | None:
        try:
            chunks.check(*chunk, repository.get_chunk(found, chunk[0]))
        except DamagedError as error:
            return str(error)
        finally:
            shown.add(chunk[1])
        return None

    shown.begin("verifying", sum(chunk[1] for chunk in found.chunks))
    try:
        return [told for told in each(sentence, found.chunks, workers) if told]
    finally:
        shown.end()


def _note(repository: Repository, found: Manifest) -> None:
    """Note it, unless the backup was pruned meanwhile."""
    repository.note_verified(found, datetime.now(UTC))
    try:
        repository.check_there(found)
    except RefusedError:
        repository.forget(found.id)
        raise
