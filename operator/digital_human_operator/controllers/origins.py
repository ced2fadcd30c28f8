"""Which backup a restore brings back, and where it lies."""

from __future__ import annotations

from typing import Any

from digital_human_operator import plan
from digital_human_operator.api.v1alpha1.backups import (
    DigitalHumanBackupSpec,
    DigitalHumanBackupStatus,
    DigitalHumanRestoreStatus,
    RestoreSource,
)
from digital_human_operator.api.v1alpha1.body import Placement
from digital_human_operator.api.v1alpha1.care import Backup
from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from digital_human_operator.errors import InvalidSpec
from digital_human_operator.human import Human
from digital_human_operator.kinds import BACKUPS, HUMANS
from digital_human_operator.seen import Key
from digital_human_operator.status import runs
from digital_human_operator.status.restores import Origin
from digital_human_operator.status.runs import Obstacle

from .requests import Stopped
from .services import Services


def settled(previous: DigitalHumanRestoreStatus | None) -> Origin | None:
    """What was settled before anything was changed; None where nothing was."""
    if previous is None or not (previous.digital_human and previous.uid and previous.backup):
        return None
    return Origin(previous.digital_human, previous.uid, previous.backup)


def origin(services: Services, key: Key, source: RestoreSource, *parts: str) -> Origin:
    """The backup and the human that it is of; Stopped where it lacks one of ``parts``."""
    if source.latest_of is not None:
        return _latest(services, key, source.latest_of)
    name = source.backup or ""
    asked, told = _backup(services, key, name)
    if told.phase == runs.FAILED:
        text = f"DigitalHumanBackup {name} has failed: name another one"
        raise Stopped(Obstacle("BackupFailed", text, final=True))
    if told.phase != runs.SUCCEEDED:
        raise Stopped(Obstacle("BackupNotReady", f"DigitalHumanBackup {name} is not complete"))
    if told.backup is None or told.uid is None:
        text = f"DigitalHumanBackup {name} does not tell which backup it has made: name another"
        raise Stopped(Obstacle("BackupUnknown", text, final=True))
    lacking = [part for part in parts if asked.include is not None and part not in asked.include]
    if lacking:
        text = f"DigitalHumanBackup {name} holds no {lacking[0]}: name another one"
        raise Stopped(Obstacle("NothingToRestore", text, final=True))
    return Origin(asked.digital_human, told.uid, told.backup.id)


def digest(services: Services, key: Key, found: Origin) -> str | None:
    """What the manifest of the backup must be, as its Pod told once; None where nobody knows."""
    of_human = services.seen.key_of(found.uid)
    told = [_told(services, one) for one in services.seen.named(BACKUPS.kind, key[1], "")]
    made = [one.get("backup") or {} for one in told if one.get("uid") == found.uid]
    if of_human is not None:
        made.append((_told(services, of_human).get("backup") or {}).get("newest") or {})
    return next((one.get("digest") for one in made if one.get("id") == found.backup), None)


def _told(services: Services, key: Key) -> dict[str, Any]:
    """The status of an object that is seen."""
    seen = services.seen.get(key)
    return seen.status_object() if seen is not None else {}


def place(services: Services, key: Key, source: RestoreSource) -> Backup:
    """
    Where the backup lies and what opens it, as in ``spec.backup``.

    The human may be gone: then what the DigitalHumanBackup has kept of it counts. While it is there
    its key does, which may have been rotated since.
    """
    human = source_human(services, key, source)
    own = human.spec.backup if human is not None else None
    if source.backup is None:
        if own is None:
            text = f"{source.latest_of} has no spec.backup any more: name a DigitalHumanBackup"
            raise Stopped(Obstacle("BackupPlaceUnknown", text))
        return own
    asked, told = _backup(services, key, source.backup)
    destination = told.destination or asked.destination or (own.destination if own else None)
    if destination is None:
        text = (
            f"DigitalHumanBackup {source.backup} does not say where it lies, and"
            f" {asked.digital_human} neither: make that DigitalHuman again, with its spec.backup"
        )
        raise Stopped(Obstacle("BackupPlaceUnknown", text))
    encryption = own.encryption if own is not None and own.encryption else told.encryption
    return Backup(schedule="@yearly", destination=destination, encryption=encryption)


def kept_spec(services: Services, key: Key, source: RestoreSource) -> DigitalHumanSpec:
    """What a Pod needs of the spec of a human that is gone, as its DigitalHumanBackup keeps it."""
    if source.backup is None:
        return DigitalHumanSpec()
    told = _backup(services, key, source.backup)[1]
    return DigitalHumanSpec(
        image_pull_secrets=told.image_pull_secrets or [],
        placement=Placement(tolerations=told.tolerations or []),
    )


def source_human(services: Services, key: Key, source: RestoreSource) -> Human | None:
    """The human that the backup was made of, as it is now; None when it is gone or unreadable."""
    name = source.latest_of
    if source.backup is not None:
        name = _backup(services, key, source.backup)[0].digital_human
    of_human = (HUMANS.kind, key[1], name or "")
    seen = services.seen.get(of_human)
    if seen is None:
        return None
    try:
        return plan.parse(seen.raw(of_human))
    except InvalidSpec:
        return None


def _backup(
    services: Services, key: Key, name: str
) -> tuple[DigitalHumanBackupSpec, DigitalHumanBackupStatus]:
    """A DigitalHumanBackup: what was asked for, and what became of it."""
    seen = services.seen.get((BACKUPS.kind, key[1], name))
    if seen is None:
        raise Stopped(Obstacle("BackupNotFound", f"there is no DigitalHumanBackup {name}"))
    told = DigitalHumanBackupStatus.model_validate(seen.status_object())
    try:
        return plan.parse_backup(seen.spec_object()), told
    except InvalidSpec as error:
        text = f"DigitalHumanBackup {name} cannot be understood ({error}): name another one"
        raise Stopped(Obstacle("BackupFailed", text, final=True)) from error


def _latest(services: Services, key: Key, name: str) -> Origin:
    seen = services.seen.get((HUMANS.kind, key[1], name))
    if seen is None:
        text = f"there is no DigitalHuman {name} in this namespace"
        raise Stopped(Obstacle("HumanNotFound", text))
    newest = (seen.status_object().get("backup") or {}).get("newest") or {}
    if not newest.get("id") or not newest.get("verified"):
        text = (
            f"no verified backup of {name} is known of: name a DigitalHumanBackup in source.backup"
        )
        raise Stopped(Obstacle("BackupUnknown", text))
    return Origin(name, seen.uid, newest["id"])
