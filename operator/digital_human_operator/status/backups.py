"""
Whether backups and drills succeed, and as often as they are due.

A run that fails is told by its CronJob. Runs that never happen are told by nobody: the cluster was
down, its CronJobs were suspended, or a run hangs. So what has not succeeded while two runs came due
is overdue, computed from the schedule and the times in the CronJob.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from digital_human_operator import names
from digital_human_operator.human import Human
from digital_human_operator.observed import Observed
from digital_human_operator.states import CronJobState, PodState

from . import proofs, reasons
from .conditions import Draft, Value
from .view import View

OVERDUE = "Overdue"
PENDING = "Pending"
_SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def backup(view: View) -> Iterator[Draft]:
    """Whether scheduled backups succeed."""
    wanted = view.human.spec.backup
    if wanted is not None:
        found = view.cron_job(names.backup(view.human.name))
        late = _is_past(_deadline(found, wanted.schedule, wanted.time_zone), view.now)
        told = proofs.failure(_pods(view, names.BACKUP))
        yield _scheduled("BackupHealthy", "backup", found, told, late=late)


def drill(view: View) -> Iterator[Draft]:
    """Whether drills prove that a backup can be restored."""
    wanted = view.human.spec.backup
    if wanted is not None and wanted.drill is not None:
        found = view.cron_job(names.drill(view.human.name))
        late = _is_past(_deadline(found, wanted.drill.schedule, wanted.time_zone), view.now)
        told = proofs.failure(_pods(view, names.DRILL))
        draft = _scheduled("RestoreProven", "drill", found, told, late=late)
        yield (
            replace(draft, message=draft.message + _measured(view)) if _is_proven(draft) else draft
        )


def asked(view: View) -> Iterator[Draft]:
    """What came of the annotation that asks for a backup."""
    found = view.observed.asked
    if found is not None:
        waits: Value = "Unknown" if found.reason == PENDING else "False"
        status: Value = "True" if found.backup else waits
        yield Draft("BackupRequested", status, found.reason, found.message)


def _pods(view: View, component: str) -> list[PodState]:
    """Those of its CronJob; a DigitalHumanBackup speaks for itself."""
    job = (
        names.backup(view.human.name) if component == names.BACKUP else names.drill(view.human.name)
    )
    found = (pod for pod in view.observed.pods if pod.component == component)
    return [pod for pod in found if re.fullmatch(rf"{job}-[0-9]+", pod.job)]


def _is_proven(draft: Draft) -> bool:
    return draft.status == "True"


def _measured(view: View) -> str:
    """What the last drill took, and what would be lost."""
    before = view.previous.backup if view.previous is not None else None
    known = before.proven if before is not None else None
    found = proofs.proven(view.observed.pods, known, view.human.uid)
    if found is None:
        return ""
    return (
        f": backup {found.backup} came back in {found.restore_seconds} s (RTO), its data were"
        f" {found.data_age_seconds} s old (RPO)"
    )


def look_again(human: Human, observed: Observed, now: str) -> float | None:
    """Seconds until a backup or a drill becomes overdue; None when that is not to come."""
    wanted = human.spec.backup
    if wanted is None:
        return None
    schedules = {names.backup(human.name): wanted.schedule}
    if wanted.drill is not None:
        schedules[names.drill(human.name)] = wanted.drill.schedule
    left = [
        (deadline - datetime.fromisoformat(now)).total_seconds()
        for name, schedule in schedules.items()
        if (deadline := _deadline(_job(observed, name), schedule, wanted.time_zone)) is not None
    ]
    return min((seconds + 1.0 for seconds in left if seconds >= 0), default=None)


def _scheduled(name: str, what: str, found: CronJobState | None, told: str, *, late: bool) -> Draft:
    if found is None or (found.last_schedule is None and not found.suspended and not late):
        return Draft(name, "Unknown", "NotRunYet", f"no {what} has been due yet")
    if found.suspended:
        return Draft(name, "Unknown", reasons.SUSPENDED, f"no {what} while suspended")
    last, success = found.last_schedule, found.last_success
    # Both are RFC 3339 in UTC with seconds, so they compare as text.
    is_done = last is not None and success is not None and success >= last
    if last is not None and not is_done and not found.active:
        text = f"the {what} that was due at {last} did not succeed"
        return Draft(name, "False", "Failed", f"{text}: {told}" if told else text)
    if late:
        since = f"since {success}" if success is not None else "so far"
        text = f"no {what} has succeeded {since}, although two were due"
        return Draft(name, "False", OVERDUE, text)
    return _going_well(name, what, success, is_done=is_done)


def _going_well(name: str, what: str, success: str | None, *, is_done: bool) -> Draft:
    if is_done:
        return Draft(name, "True", "Succeeded", f"the last {what} succeeded")
    if success is None:
        return Draft(name, "Unknown", "Running", f"the first {what} is running")
    return Draft(name, "True", "Running", f"a {what} is running; the last one succeeded")


def _deadline(found: CronJobState | None, schedule: str, zone: str) -> datetime | None:
    """
    When the second run after the last success comes due: twice the period after it.

    Counted from the making of the CronJob where nothing has succeeded yet. None where that is
    unknown, or where the schedule never comes or is one that only Kubernetes understands.
    """
    since = (found.last_success or found.created) if found and not found.suspended else ""
    if not since:
        return None
    with suppress(CronSimError, StopIteration, ZoneInfoNotFoundError, ValueError):
        begin = datetime.fromisoformat(since).astimezone(ZoneInfo(zone))
        runs = CronSim(_SHORTHANDS.get(schedule, schedule).replace("?", "*"), begin)
        next(runs)
        return next(runs)
    return None


def _is_past(deadline: datetime | None, now: str) -> bool:
    return deadline is not None and bool(now) and datetime.fromisoformat(now) > deadline


def _job(observed: Observed, name: str) -> CronJobState | None:
    found = observed.get("CronJob", name)
    return found if isinstance(found, CronJobState) else None
