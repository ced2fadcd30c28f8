"""From what is known about a restore as a clone to what is reported: pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from digital_human_operator.api.v1alpha1.backups import DigitalHumanRestoreStatus
from digital_human_operator.api.v1alpha1.care import BackupPart
from digital_human_operator.states import JobState, PodState

from . import proofs
from .conditions import Draft
from .runs import FAILED, PENDING, SUCCEEDED, Obstacle, going_on

READING, CREATING = "Reading", "Creating"
CREATED = "CloneCreated"
"""The condition with which the clone is there."""
PATIENCE = 3600.0
"""Seconds until the clone must have its Redis."""
READINGS = 3
"""How often the object is read, where the Pod goes each time before it was heard."""
_AGAIN = "the backup is read again, as the Pod that did was gone before it was heard"
_PARTS: tuple[BackupPart, ...] = get_args(BackupPart)


@dataclass(frozen=True)
class Clone:
    """How far a new human is, before its sessions come back."""

    name: str
    began: bool = False
    """Whether its name is held."""
    job: JobState | None = None
    """The one that reads the object."""
    pods: Sequence[PodState] = ()
    reading: int = 1
    """Which reading that is."""
    parts: Sequence[BackupPart] | None = None
    """What the backup holds; None until a Pod has told."""
    uid: str | None = None
    """Of the DigitalHuman, once it is made."""
    waits_for: str = ""
    """What keeps its Redis from being there."""
    complete: bool = False
    """Nothing else comes back: there are no sessions in the backup, or no Redis for them."""

    @property
    def created(self) -> bool:
        """Whether the DigitalHuman is there."""
        return self.uid is not None


def is_clone_of(restore: str, told: str | None, human: str, mark: str | None) -> bool:
    """
    Whether the human with this uid is the clone of the restore with that one.

    What the restore's status has ``told`` counts: the ``mark`` on the human, which whoever writes
    the human may take away or copy, only until then.
    """
    return human == told if told else mark == restore


def known(name: str, before: DigitalHumanRestoreStatus | None, *, began: bool) -> Clone:
    """What was known at the last look."""
    if before is None:
        return Clone(name, began=began)
    return Clone(name, began=began, reading=before.readings or 1, parts=before.parts)


def is_known(clone: Clone) -> bool:
    """Whether there is nothing left to read: the clone is there, and what the backup holds."""
    return clone.created and clone.parts is not None


def was_created(before: DigitalHumanRestoreStatus | None) -> bool:
    """Whether the clone was there: who has deleted it does not want it back."""
    told = before.conditions if before is not None else []
    return any(one.type == CREATED and one.status == "True" for one in told)


def packed(pods: Sequence[PodState], digest: str | None) -> str | None:
    """
    What the Pod told of the object, all pieces together.

    None when a part is missing, or when it is of another backup than the one with ``digest``: who
    may write to the store must not make humans of their own.
    """
    for pod in pods:
        pieces = [one for one in pod.results if one.event == "objects"]
        text = "".join(one.text for one in pieces)
        whole = bool(pieces) and len(text) == pieces[0].size
        if pod.phase == "Succeeded" and whole and {one.digest for one in pieces} == {digest}:
            return text
    return None


def heard(clone: Clone, pods: Sequence[PodState]) -> Clone:
    """The clone with what the Pods of its reading told; what was heard before stays known."""
    told = [one for pod in pods for one in pod.results if one.event == "objects"]
    parts = [part for part in _PARTS if part in told[0].held] if told else None
    return replace(clone, pods=pods, parts=parts or clone.parts)


def read_again(clone: Clone) -> Clone | None:
    """
    The clone with its next reading, where the last one went well and nobody has heard of it.

    None where it was heard, or was lost too often.
    """
    lost = clone.job is not None and clone.job.complete and not _tells(clone.pods)
    if not lost or clone.reading >= READINGS:
        return None
    return replace(clone, reading=clone.reading + 1, job=None, pods=())


def _tells(pods: Sequence[PodState]) -> bool:
    """Whether a Pod tells of the object."""
    return any(one.event == "objects" for pod in pods for one in pod.results)


def unread(clone: Clone) -> str:
    """Why nothing can be made of what was read."""
    if not _tells(clone.pods):
        return (
            f"the object in the backup was read {READINGS} times, and each time the Pod was gone"
            " before it was heard: ask for another restore"
        )
    return (
        "the object in the backup is too large for what a Pod can tell, or another one than was"
        " backed up: look at it with `digital-human-backup objects`"
    )


def holds_sessions(clone: Clone) -> bool:
    """Whether the backup has sessions; also when nobody can tell any more."""
    return clone.parts is None or "sessions" in clone.parts


def verdict(clone: Clone, obstacle: Obstacle | None, waited: float) -> tuple[str, str, str]:
    """Phase, reason and message before the sessions come back."""
    if obstacle is not None:
        return _stopped(clone, obstacle)
    return _created(clone, waited) if clone.created else _reading(clone)


def _created(clone: Clone, waited: float) -> tuple[str, str, str]:
    if clone.complete:
        text = f"DigitalHuman {clone.name} is made; the backup holds no sessions for it"
        return SUCCEEDED, SUCCEEDED, text
    if clone.waits_for and waited > PATIENCE:
        text = f"DigitalHuman {clone.name} was not ready within an hour: {clone.waits_for}"
        return FAILED, "CloneNotReady", text + left(clone)
    what = clone.waits_for or ("its sessions are next" if is_known(clone) else _AGAIN)
    return CREATING, CREATING, f"DigitalHuman {clone.name} is made: {what}"


def _reading(clone: Clone) -> tuple[str, str, str]:
    job = clone.job
    if job is not None and job.failed_reason:
        told = proofs.failure(clone.pods) or job.failed_message or job.failed_reason
        return FAILED, "Failed", f"nothing was made: {told}"
    what = "the object is being read from the backup"
    return READING, READING, going_on(clone.pods, f"{what} again" if clone.reading > 1 else what)


def _stopped(clone: Clone, obstacle: Obstacle) -> tuple[str, str, str]:
    """It waits, or it is given up."""
    if not obstacle.final and not clone.began:
        return PENDING, obstacle.reason, obstacle.message
    if not obstacle.final and obstacle.reason == PENDING:
        return CREATING if clone.created else READING, obstacle.reason, obstacle.message
    return FAILED, obstacle.reason, obstacle.message + left(clone)


def left(clone: Clone) -> str:
    """What to do with a clone that was not filled."""
    if not clone.created:
        return ""
    return (
        f"; DigitalHuman {clone.name} is there without its sessions, and stays without Pods: delete"
        " it, then ask for another restore"
    )


def steps(clone: Clone, phase: str) -> Iterator[Draft]:
    """One condition for each step that was reached."""
    if phase == PENDING:
        return
    read = clone.created or clone.complete
    if read:
        yield Draft("ObjectsRead", "True", "Read", "the object was read from the backup")
    elif phase == FAILED:
        yield Draft("ObjectsRead", "False", FAILED, "no human is made of it")
    else:
        yield Draft("ObjectsRead", "False", READING, "it is being read")
    if read:
        text = f"DigitalHuman {clone.name} is made as it was, but not exposed"
        yield Draft(CREATED, "True", "Created", text)
