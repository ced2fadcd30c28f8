"""What is worth a Kubernetes Event: trouble, and its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from digital_human_operator.api.v1alpha1.status import DigitalHumanStatus

from . import reasons
from .conditions import find, is_true

_FAILURES = {
    "BackupHealthy": "BackupFailed",
    "RestoreProven": "RestoreProvenFailed",
    "BackupRequested": "BackupNotMade",
}
"""Conditions whose turning False is an event, and its reason."""


@dataclass(frozen=True)
class Note:
    """One event."""

    reason: str
    message: str
    type: Literal["Normal", "Warning"]


def notable(
    before: DigitalHumanStatus | None, after: DigitalHumanStatus, *, troubled: bool = False
) -> tuple[Note, ...]:
    """Events of the step from ``before`` to ``after``; ``troubled`` since it last was Ready."""
    found: list[Note] = []
    ready, old = find(after, "Ready"), find(before, "Ready")
    if ready is not None and (old is None or old.reason != ready.reason):
        if ready.status == "True" or ready.reason in reasons.AT_REST:
            if troubled or not _first_start(before, after):
                found.append(Note(ready.reason, ready.message, "Normal"))
        elif ready.reason in reasons.PROBLEMS:
            found.append(Note(ready.reason, ready.message, "Warning"))
        elif old is not None and old.status == "True":
            lost = not is_true(after, "Serving")
            found.append(Note(ready.reason, ready.message, "Warning" if lost else "Normal"))
    warned, known = find(after, "Warning"), find(before, "Warning")
    if warned is not None and warned.reason == reasons.CONTESTED != (known and known.reason):
        found.append(Note(warned.reason, warned.message, "Warning"))
    for name, reason in _FAILURES.items():
        now, then = find(after, name), find(before, name)
        if now is not None and now.status == "False" and (then is None or then.status != "False"):
            found.append(Note(reason, now.message, "Warning"))
    return tuple(found)


def _first_start(before: DigitalHumanStatus | None, after: DigitalHumanStatus) -> bool:
    """
    Whether a new human becomes Ready without any trouble: its status says so, and that is enough.

    A fleet that is created at once would otherwise write one Event each.
    """
    old = find(before, "Ready")
    if not is_true(after, "Ready") or after.observed_generation != 1:
        return False
    return old is None or old.reason not in reasons.PROBLEMS | reasons.AT_REST
