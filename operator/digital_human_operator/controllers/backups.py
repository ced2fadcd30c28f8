"""
The reconcile of a DigitalHumanBackup: one backup on request, made by a Job of its own.

What the human says of its backups holds, but for what the request says otherwise. Once the Job is
over and told of, the object is never looked at again.
"""

from __future__ import annotations

import time
from dataclasses import replace

from digital_human_operator import names, plan
from digital_human_operator.api.v1alpha1.backups import (
    DigitalHumanBackupSpec,
    DigitalHumanBackupStatus,
)
from digital_human_operator.errors import InvalidSpec
from digital_human_operator.human import Child, Human, Ref, Request
from digital_human_operator.kinds import BACKUPS, BY_KIND, HUMANS
from digital_human_operator.kube.apply import Result
from digital_human_operator.kube.errors import ApiError, Forbidden, Invalid
from digital_human_operator.render import backup_run
from digital_human_operator.seen import Key, Seen, is_told
from digital_human_operator.states import JobState
from digital_human_operator.status import runs, to_apply
from digital_human_operator.status.runs import Obstacle, Run

from .answers import write
from .children import desired
from .references import read, want
from .services import Services

_LOOK = 15.0
"""Seconds until what nobody tells of is looked at again: its human, its Pods."""
_LAST_WORD = 10.0
"""Seconds that the last word of a Pod may come after the end of its Job."""


class _Stopped(Exception):  # noqa: N818 - no error, but the way out
    """There will be no Job now."""

    def __init__(self, obstacle: Obstacle) -> None:
        self.obstacle = obstacle


class BackupController:
    """Makes the backup that one DigitalHumanBackup asks for."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._over_since: dict[Key, float] = {}
        self._wanted: dict[Key, list[Ref]] = {}

    async def reconcile(self, key: Key) -> float | None:
        """Go on with the backup of ``key``; seconds after which to look again, or None."""
        seen = self._services.seen.get(key)
        previous = _previous(seen) if seen is not None else None
        if seen is None or seen.deleting or runs.is_over(previous, seen.generation):
            self._forget(key)
            return None
        retry: ApiError | None = None
        try:
            run = await self._look(key, seen)
        except _Stopped as stop:
            run = Run(names.backup_run(key[2]), obstacle=stop.obstacle)
        except (Invalid, Forbidden) as error:
            retry = error
            run = Run(names.backup_run(key[2]), obstacle=Obstacle("JobRefused", error.message))
        if self._may_say_more(key, run):
            return 1.0
        told = runs.compute(run, seen.generation, previous, self._services.now())
        if told != previous:
            await self._tell(key, seen, told)
        if retry is not None:
            raise retry
        return None if runs.is_over(told, seen.generation) else _LOOK

    async def _look(self, key: Key, seen: Seen) -> Run:
        """The Job with its Pods; it is made when it is not there."""
        name = names.backup_run(key[2])
        request = self._request(seen)
        store = self._services.stores[BY_KIND["Job"]]
        live = store.get(key[1], name)
        if live is None or live.owner_uid != seen.uid or live.deleting:
            await self._make(key, seen, request)
            live = store.get(key[1], name)
        state = live.status if live is not None else None
        pods = [
            pod.status
            for pod in self._services.pods.labelled(request.digital_human)
            if pod.namespace == key[1] and pod.status.job == name
        ]
        return Run(name, state if isinstance(state, JobState) else None, pods)

    async def _make(self, key: Key, seen: Seen, request: DigitalHumanBackupSpec) -> None:
        human = self._human(key, request)
        decision = plan.decide(
            human,
            images=self._services.images,
            operator_namespace=self._services.namespace,
            references={},
            served=frozenset(),
        )
        await self._check_references(key, human)
        children = backup_run(human, decision.design, Request(key[2], seen.uid))
        if not children:
            raise _Stopped(
                Obstacle(
                    "NothingToBackUp",
                    f"nothing of {human.name} is backed up by this version: see include, and"
                    " the human's warnings; then create another DigitalHumanBackup",
                    final=True,
                )
            )
        for child in children:
            await self._apply(child, key, seen)

    async def _apply(self, child: Child, key: Key, seen: Seen) -> None:
        outcome = await self._services.applier.apply(desired(child, key[1]), seen.uid)
        if outcome.result is Result.FOREIGN:
            text = (
                f"{child.kind} {child.name} belongs to somebody else ({outcome.detail}): delete it,"
                " then create another DigitalHumanBackup"
            )
            raise _Stopped(Obstacle("ForeignObject", text, final=True))
        if outcome.result is Result.DELETING:
            raise _Stopped(Obstacle("Pending", f"the {child.kind} before is going away"))

    def _request(self, seen: Seen) -> DigitalHumanBackupSpec:
        try:
            return plan.parse_backup(seen.spec_object())
        except InvalidSpec as error:
            raise _Stopped(Obstacle("InvalidSpec", str(error), final=True)) from error

    def _human(self, key: Key, request: DigitalHumanBackupSpec) -> Human:
        """The human with its backups as the request wants them, also while it goes away."""
        name = request.digital_human
        of_human = (HUMANS.kind, key[1], name)
        seen = self._services.seen.get(of_human)
        if seen is None:
            text = f"there is no DigitalHuman {name} in this namespace"
            raise _Stopped(Obstacle("HumanNotFound", text))
        try:
            human = plan.parse(seen.raw(of_human))
        except InvalidSpec as error:
            text = f"the spec of {name} cannot be understood: {error}"
            raise _Stopped(Obstacle("HumanInvalid", text)) from error
        backup = human.spec.backup
        if backup is None:
            text = (
                f"{name} has no spec.backup, which says how its backups are encrypted: set it,"
                " then create another DigitalHumanBackup"
            )
            raise _Stopped(Obstacle("NotConfigured", text, final=True))
        other = {"include": request.include, "destination": request.destination}
        backup = backup.model_copy(update={k: v for k, v in other.items() if v is not None})
        return replace(human, spec=human.spec.model_copy(update={"backup": backup}))

    async def _check_references(self, key: Key, human: Human) -> None:
        """Wait for the Secrets that its Pod mounts: without them it would never start."""
        needs = tuple(one for one in plan.needs(human) if one.component == names.BACKUP)
        wanted = sorted({one.ref for one in needs})
        if self._wanted.get(key) != wanted:
            want(self._services, key, wanted)
            self._wanted[key] = wanted
        sentences, _ = plan.missing(needs, await read(self._services, key[1], wanted))
        if sentences:
            raise _Stopped(Obstacle("SecretMissing", "; ".join(sentences)))

    def _may_say_more(self, key: Key, run: Run) -> bool:
        """Whether the Job is over and its Pod has not told yet: two watches, in any order."""
        if run.job is None or not (run.job.complete or run.job.failed_reason):
            return False
        since = self._over_since.setdefault(key, time.monotonic())
        told = any(pod.results for pod in run.pods)
        return not told and time.monotonic() - since < _LAST_WORD

    async def _tell(self, key: Key, seen: Seen, told: DigitalHumanBackupStatus) -> None:
        """Write the status; an Event about the end."""
        body = to_apply(key[1], key[2], seen.uid, told, BACKUPS.kind)
        if not await write(self._services, BACKUPS, key, seen, body):
            return
        if runs.is_over(told, seen.generation):
            about = {"apiVersion": BACKUPS.api_version, "kind": BACKUPS.kind}
            about |= {"namespace": key[1], "name": key[2], "uid": seen.uid}
            word, text = told.phase or "", told.conditions[0].message
            went_well = word == runs.SUCCEEDED
            self._services.recorder.record(
                about, f"Backup{word}", text, type="Normal" if went_well else "Warning"
            )

    def _forget(self, key: Key) -> None:
        self._over_since.pop(key, None)
        if self._wanted.pop(key, None) is not None:
            self._services.references.forget(key)


def _previous(seen: Seen) -> DigitalHumanBackupStatus | None:
    """What was written last; None where nothing was."""
    found = seen.status_object()
    return DigitalHumanBackupStatus.model_validate(found) if is_told(found) else None
