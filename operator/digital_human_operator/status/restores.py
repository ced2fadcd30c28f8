"""From what is known about one DigitalHumanRestore to what is reported: pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from digital_human_operator.api.v1alpha1.backups import (
    DigitalHumanRestoreStatus,
    RestoredFacts,
)
from digital_human_operator.states import JobState, PodState, Result

from . import clones, proofs
from .clones import CREATING, READING, Clone
from .conditions import Draft, stamp
from .runs import FAILED, PENDING, SUCCEEDED, Obstacle, at_step, going_on
from .text import size

DRAINING, BACKING_UP, RESTORING = "Draining", "BackingUp", "Restoring"
OTHER = "OtherRestore"
HOLDING = frozenset({DRAINING, BACKING_UP, READING, CREATING, RESTORING})
"""Phases in which the human has no Pods."""
PATIENCE = 3600.0
"""Seconds that Pods may take to go, and that the backup before may take."""


@dataclass(frozen=True)
class Origin:
    """What is restored, settled once."""

    human: str
    uid: str
    backup: str


@dataclass(frozen=True)
class Safety:
    """The backup of what was there before."""

    name: str
    phase: str = PENDING
    message: str = ""
    reason: str = PENDING


@dataclass(frozen=True)
class Step:
    """How far one restore is; each part is there from its step on."""

    origin: Origin | None = None
    obstacle: Obstacle | None = None
    drained: bool = False
    safety: Safety | None = None
    job_name: str = ""
    job: JobState | None = None
    pods: Sequence[PodState] = ()
    patience: float = PATIENCE
    clone: Clone | None = None
    """Of a restore that makes a new human."""

    @property
    def word(self) -> Result | None:
        """What the Pod told in the end."""
        return next((o for p in self.pods for o in p.results if o.event == "restored"), None)


def is_over(told: DigitalHumanRestoreStatus | None, generation: int) -> bool:
    """Whether everything was said."""
    return (
        told is not None
        and told.observed_generation == generation
        and told.phase in {SUCCEEDED, FAILED}
    )


def holds(status: Mapping[str, Any], human: str, *, is_its_clone: bool) -> bool:
    """
    Whether a human has no Pods because of a restore with this status.

    A clone gets some only once its sessions are there, and none where they could not be brought
    back: it would talk as if there had been none. It may be seen before the restore's status is.
    Who has taken its name since then is none of that restore's.
    """
    if is_its_clone:
        return status.get("phase") != SUCCEEDED
    return status.get("digitalHuman") == human and status.get("phase") in HOLDING


def waits_for(name: str, status: Mapping[str, Any], human: str) -> Obstacle:
    """What a restore of ``human`` waits for while the one called ``name`` holds that human."""
    if status.get("phase") == FAILED:
        text = (
            f"DigitalHumanRestore {name} has failed and keeps {human} without Pods, as its sessions"
            f" did not come: delete DigitalHumanRestore {name}, then this one goes on"
        )
        return Obstacle(OTHER, text)
    return Obstacle(OTHER, f"DigitalHumanRestore {name} is at work on {human}")


def compute(
    step: Step, generation: int, previous: DigitalHumanRestoreStatus | None, now: str
) -> DigitalHumanRestoreStatus:
    """The status of one look; ``now`` is used where something begins or ends."""
    before = previous or DigitalHumanRestoreStatus()
    phase, reason, message = _verdict(step, before, now)
    origin = step.origin
    started = None if phase == PENDING else before.start_time or (now if phase in HOLDING else None)
    over = phase in {SUCCEEDED, FAILED}
    drafts = [*_summary(phase, reason, message), *_steps(step, phase)]
    return DigitalHumanRestoreStatus(
        observed_generation=generation,
        phase=phase,
        conditions=stamp(drafts, generation, previous, now),
        digital_human=origin.human if origin else before.digital_human,
        uid=origin.uid if origin else before.uid,
        backup=origin.backup if origin else before.backup,
        clone_uid=step.clone.uid if step.clone and step.clone.uid else before.clone_uid,
        parts=[*step.clone.parts] if step.clone and step.clone.parts else before.parts,
        readings=step.clone.reading if step.clone and step.clone.reading > 1 else before.readings,
        safety_backup=step.safety.name if step.safety else before.safety_backup,
        job=step.job_name if step.job is not None else before.job,
        step=at_step(step.pods, before.step) if phase == RESTORING else None,
        start_time=started,
        completion_time=now if over and started else None,
        restored=_facts(step.word) if phase == SUCCEEDED else None,
    )


def _verdict(step: Step, before: DigitalHumanRestoreStatus, now: str) -> tuple[str, str, str]:
    """Phase, reason and message."""
    if step.job is not None:
        return _of_job(step, step.job)
    waited = _seconds(before.start_time, now)
    if step.clone is not None:
        return clones.verdict(step.clone, step.obstacle, waited)
    if step.obstacle is not None:
        return _stopped(step.obstacle, before)
    return _keeping(step, waited) if step.drained else _draining(step, waited)


def _keeping(step: Step, waited: float) -> tuple[str, str, str]:
    """What is there is backed up before it is replaced."""
    safety = step.safety or Safety("")
    stuck = safety.phase == PENDING and safety.reason != PENDING
    if (
        safety.phase == FAILED
        or stuck
        or (safety.phase != SUCCEEDED and waited > step.patience + PATIENCE)
    ):
        text = f"no backup of what is there now, so nothing was changed: {safety.message}"
        return FAILED, "SafetyBackupFailed", text
    if safety.phase != SUCCEEDED:
        text = f"DigitalHumanBackup {safety.name} keeps what is there now: {safety.message}"
        return BACKING_UP, BACKING_UP, text
    return RESTORING, RESTORING, "its Job is being made"


def _draining(step: Step, waited: float) -> tuple[str, str, str]:
    if waited > step.patience:
        text = f"the Pods did not go within {step.patience / 60:.0f} minutes; nothing was changed"
        return FAILED, "DrainTimeout", text
    return DRAINING, DRAINING, "the Pods of the human are going away, and tell their callers"


def _stopped(found: Obstacle, before: DigitalHumanRestoreStatus) -> tuple[str, str, str]:
    """It waits, but not with a human that is held back meanwhile."""
    if before.phase in HOLDING and found.reason == PENDING:
        return before.phase or PENDING, found.reason, found.message
    if found.reason == OTHER and before.phase == DRAINING:  # both began at the same moment
        return PENDING, found.reason, found.message
    if before.phase in HOLDING:
        return FAILED, found.reason, f"given up, and nothing was changed: {found.message}"
    return FAILED if found.final else PENDING, found.reason, found.message


def _of_job(step: Step, job: JobState) -> tuple[str, str, str]:
    if job.failed_reason:
        told = proofs.failure(step.pods) or job.failed_message or job.failed_reason
        kept = f"; DigitalHumanBackup {step.safety.name} has what was there" if step.safety else ""
        before = "the sessions are those of before or those of the backup"
        if step.clone is not None:
            before, kept = "the sessions did not come back", clones.left(step.clone)
        return FAILED, "Failed", f"{before}: {told}{kept}"
    if not job.complete:
        return RESTORING, RESTORING, going_on(step.pods, "the sessions are coming back")
    word, what = step.word, step.origin.backup if step.origin else ""
    if word is None:
        return SUCCEEDED, SUCCEEDED, f"backup {what} is back; its Pod is gone with what it told"
    text = f"{size(word.bytes)} of backup {what} are back after {math.ceil(word.seconds)} s"
    return SUCCEEDED, SUCCEEDED, text


def _summary(phase: str, reason: str, message: str) -> list[Draft]:
    if phase == SUCCEEDED:
        return [Draft("Ready", "True", reason, message)]
    last = "Stalled" if phase == FAILED else "Reconciling"
    return [Draft("Ready", "False", reason, message), Draft(last, "True", reason, message)]


def _steps(step: Step, phase: str) -> Iterator[Draft]:
    """One condition for each step that was reached."""
    if phase == PENDING or step.origin is None:
        return
    if step.clone is not None:
        yield from clones.steps(step.clone, phase)
    else:
        done = step.drained
        text = "no Pod talks" if done else "Pods are going away"
        reason = "Drained" if done else DRAINING
        yield Draft("SessionsDrained", "True" if done else "False", reason, text)
    if step.safety is not None:
        kept = step.safety.phase == SUCCEEDED
        text = step.safety.message or "it is being made"
        yield Draft("SafetyBackupMade", "True" if kept else "False", step.safety.phase, text)
    if step.job is not None:
        back = phase == SUCCEEDED
        text = "the sessions are those of the backup" if back else "not yet, or not surely"
        yield Draft("SessionsRestored", "True" if back else "False", phase, text)
    if phase == SUCCEEDED and step.word is not None:
        count = step.word.erased.sessions if step.word.erased is not None else 0
        text = f"{count} sessions of erased subjects were left out"
        yield Draft("DataErasureApplied", "True", "Replayed", text)


def _facts(word: Result | None) -> RestoredFacts | None:
    if word is None:
        return None
    erased = word.erased.sessions if word.erased is not None else 0
    return RestoredFacts(bytes=word.bytes, seconds=math.ceil(word.seconds), erased_sessions=erased)


def _seconds(since: str | None, now: str) -> float:
    if since is None:
        return 0.0
    return (datetime.fromisoformat(now) - datetime.fromisoformat(since)).total_seconds()
