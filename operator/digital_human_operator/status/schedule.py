"""How soon a computed status has to be written: people and tools wait for some of it only."""

from __future__ import annotations

from typing import Literal

from digital_human_operator.api.v1alpha1.status import DigitalHumanStatus

from . import reasons
from .conditions import find, is_true

_WATCHED = ("BackupHealthy", "RestoreProven", "BackupRequested", "BudgetOK")


def urgency(
    previous: DigitalHumanStatus | None, computed: DigitalHumanStatus
) -> Literal["now", "soon"] | None:
    """
    ``now`` for what somebody waits for or has to know, ``soon`` for mere progress.

    None when nothing is different.
    """
    if previous is not None and previous == computed:
        return None
    if previous is None or not previous.conditions:
        return "now" if computed.restore or _is_news(computed) else "soon"
    if _answers(previous) != _answers(computed):
        return "now"
    if _flips(previous, computed) or _says_something_else(previous, computed):
        return "now"
    return "soon"


def _answers(told: DigitalHumanStatus) -> tuple[object, ...]:
    """What somebody waits for: about which spec it is, a restore, a token."""
    return told.observed_generation, told.restore, told.asked_backup


def is_under_way(computed: DigitalHumanStatus) -> bool:
    """Whether more is about to happen by itself; what waits for somebody may do so for days."""
    ready = find(computed, "Ready")
    waits = ready is not None and ready.reason in reasons.PROBLEMS
    return is_true(computed, "Reconciling") and not waits


def _is_news(first: DigitalHumanStatus) -> bool:
    """Whether the first word about a human is more than that it is under way."""
    ready = find(first, "Ready")
    if ready is None or ready.status == "True" or is_true(first, "Stalled"):
        return True
    return ready.reason in reasons.PROBLEMS | reasons.AT_REST


def _flips(previous: DigitalHumanStatus, computed: DigitalHumanStatus) -> bool:
    """Whether Ready or Stalled change, talking ends, or the care for the data gets worse."""
    if any(is_true(previous, n) != is_true(computed, n) for n in ("Ready", "Stalled")):
        return True
    if is_true(previous, "Serving") and not is_true(computed, "Serving"):
        return True
    return any(_fails(computed, name) and not _fails(previous, name) for name in _WATCHED)


def _says_something_else(previous: DigitalHumanStatus, computed: DigitalHumanStatus) -> bool:
    """Whether trouble or rest begins, ends or is another one."""
    before, after = find(previous, "Ready"), find(computed, "Ready")
    if before is None or after is None:
        return before is not after
    if before.reason == after.reason:
        return before.reason in reasons.ANSWERS and before.message != after.message
    told = reasons.PROBLEMS | reasons.AT_REST
    return before.reason in told or after.reason in told


def _fails(status: DigitalHumanStatus, name: str) -> bool:
    found = find(status, name)
    return found is not None and found.status == "False"
