"""`prune`: remove old backups, and what no backup needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from digital_human_backup import options
from digital_human_backup.errors import RefusedError
from digital_human_backup.format import layout
from digital_human_backup.format.manifest import NewerFormatError
from digital_human_backup.locks import Lock, dead, locked
from digital_human_backup.options import Output, Place
from digital_human_backup.parallel import each
from digital_human_backup.repository import Found, Repository
from digital_human_backup.retention import Kept, decide

GARBAGE_AGE = timedelta(hours=24)


@options.verb
def prune(  # noqa: PLR0917 - typer makes options of them
    place: Place,
    keep_days: Annotated[int, typer.Option(min=1, help="Days a backup is kept.")] = 30,
    keep_minimum: Annotated[int, typer.Option(min=1, help="Backups kept however old.")] = 3,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    workers: options.Workers = 4,
    output: options.OutputOption = Output.TEXT,
) -> None:
    """Remove backups by age; never the newest verified one. Needs no key."""
    with place.open() as repository, locked(repository.store, place.uid, "sweep") as lock:
        if not dry_run:  # before manifests are looked for, see create
            each(repository.store.delete, dead(repository.store, place.uid, lock.now), workers)
        found = _readable(repository)
        verified = repository.verified()
        decision = decide(
            [_kept(one, verified) for one in found], lock.now, keep_days, keep_minimum
        )
        freed, why_not, oldest = 0, None, None
        if not dry_run:
            for backup in decision.remove:
                lock.go_on()
                repository.forget(backup)
            left = [one for one in found if one.id not in decision.remove]
            why_not = _unsafe(repository, left, set(verified) - set(decision.remove))
            if why_not is None:
                oldest = min(one.id for one in left)
                freed = _sweep(repository, left, lock, workers)
    facts = {
        "event": "pruned",
        "dryRun": dry_run,
        "removed": list(decision.remove),
        "kept": len(found) - len(decision.remove),
        "oldest": oldest,
        "freedBytes": freed,
        "whyNoBackup": decision.why_not,
        "whyNoGarbage": why_not,
    }
    options.tell(output, facts, _sentence(facts))


def _readable(repository: Repository) -> list[Found]:
    """All backups; refuses where a newer program has been, for its needs are not known here."""
    found = list(repository.backups())
    for one in found:
        if isinstance(one.error, NewerFormatError):
            raise RefusedError(f"{one.error} Nothing was pruned.")
    return found


def _kept(found: Found, verified: dict[str, str]) -> Kept:
    made = found.manifest
    if made is None:  # damaged: its id tells the time
        return Kept(found.id, layout.time_of(found.id), verified=False)
    return Kept(made.id, made.created, verified.get(made.id) == made.digest)


def _unsafe(repository: Repository, left: list[Found], verified: set[str]) -> str | None:
    """Why it cannot be told what is garbage; None when it can."""
    if not left:
        return "the listing shows no backup"
    damaged = [one.id for one in left if one.manifest is None]
    if damaged:
        return f"the manifest of {damaged[0]} is damaged"
    ids = {one.id for one in left}
    if verified - ids:
        return f"{min(verified - ids)} was verified and is not in the listing"
    if set(repository.ids()) != ids:
        return "two listings differ"
    return None


def _sweep(repository: Repository, left: list[Found], lock: Lock, workers: int) -> int:
    """Remove garbage; return its bytes."""
    needed = {
        layout.chunk(repository.uid, one.manifest.key_id, name)
        for one in left
        if one.manifest is not None
        for name, _, _ in one.manifest.chunks
    }
    garbage = [
        item
        for item in repository.all_chunks()
        if item.key not in needed and lock.now - item.modified >= GARBAGE_AGE
    ]

    def remove(key: str) -> None:
        lock.go_on()
        repository.store.delete(key)

    each(remove, [item.key for item in garbage], workers)
    return sum(item.size for item in garbage)


def _sentence(facts: dict[str, object]) -> str:
    removed, freed = facts["removed"], int(str(facts["freedBytes"]))
    would = "would be" if facts["dryRun"] else "were"
    text = f"{len(removed)} backups {would} removed, {facts['kept']} stay"  # type: ignore[arg-type]
    text += f"; {options.size(freed)} were freed."
    for name, what in (("whyNoBackup", "backup"), ("whyNoGarbage", "garbage")):
        if facts[name]:
            text += f" No {what} was removed: {facts[name]}."
    return text
