"""
The reconcile of a DigitalHumanBackup: one backup on request, made by a Job of its own.

What the human says of its backups holds, but for what the request says otherwise. Once the Job is
over and told of, the object is never looked at again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from digital_human_operator import names, plan
from digital_human_operator.api.v1alpha1.backups import (
    DigitalHumanBackupSpec,
    DigitalHumanBackupStatus,
)
from digital_human_operator.errors import InvalidSpec
from digital_human_operator.human import Human, Request
from digital_human_operator.kinds import BACKUPS
from digital_human_operator.kube.errors import ApiError, Forbidden, Invalid
from digital_human_operator.render import backup_run
from digital_human_operator.seen import Key, Seen, is_told
from digital_human_operator.status import runs, to_apply
from digital_human_operator.status.runs import Obstacle, Run

from .answers import write
from .requests import (
    LastWord,
    Stopped,
    apply_all,
    check_references,
    decided,
    human_of,
    job_of,
    pods_of,
    tell_end,
)
from .scheduled import follow, job_followed, tidy, uid_of
from .services import Services

_LOOK = 15.0
"""Seconds until what nobody tells of is looked at again: its human, its Pods."""
_SOON = 1.0


class BackupController:
    """Makes the backup that one DigitalHumanBackup asks for."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._last_word = LastWord()

    async def reconcile(self, key: Key) -> float | None:
        """Go on with the backup of ``key``; seconds after which to look again, or None."""
        seen = self._services.seen.get(key)
        previous = _previous(seen) if seen is not None else None
        if seen is None or seen.deleting or runs.is_over(previous, seen.generation):
            self._forget(key)
            return None
        retry: ApiError | None = None
        try:
            if (run := await self._look(key, seen)) is None:
                return _SOON
        except Stopped as stop:
            run = Run(_job_name(key, seen), obstacle=stop.obstacle)
        except (Invalid, Forbidden) as error:
            retry = error
            run = Run(_job_name(key, seen), obstacle=Obstacle("JobRefused", error.message))
        if self._last_word.may_come(key, run.job, run.pods):
            return 1.0
        told = runs.compute(run, seen.generation, previous, self._services.now())
        if told.uid is None and run.job is not None:
            told = told.model_copy(update=self._whose(key, seen))
        if (uid := told.uid) and job_followed(seen) and runs.is_over(told, seen.generation):
            await tidy(self._services, key, seen, run, uid)
        if told != previous:
            await self._tell(key, seen, told)
        if retry is not None:
            raise retry
        return None if runs.is_over(told, seen.generation) else _LOOK

    async def _look(self, key: Key, seen: Seen) -> Run | None:
        """
        The Job with its Pods; it is made when it is not there, unless a CronJob makes it.

        None while a Job of the CronJob does not say yet that this tells of it.
        """
        name = names.backup_run(key[2])
        request = self._request(seen)
        if (job := job_followed(seen)) is not None:
            return await follow(self._services, key, request.digital_human, job)
        if (state := job_of(self._services, key, seen, name)) is None:
            await self._make(key, seen, request)
            state = job_of(self._services, key, seen, name)
        return Run(name, state, pods_of(self._services, key, request.digital_human, name))

    async def _make(self, key: Key, seen: Seen, request: DigitalHumanBackupSpec) -> None:
        human = self._human(key, request)
        if uid_of(seen) not in {None, human.uid}:
            text = (
                f"the DigitalHuman {human.name} that asked for this backup is gone, and another one"
                " has its name"
            )
            raise Stopped(Obstacle("HumanNotFound", text, final=True))
        await check_references(self._services, key, human)
        usual = request.include is None and request.destination is None
        design = decided(self._services, human).design
        children = backup_run(human, design, Request(key[2], seen.uid, usual=usual))
        if not children:
            raise Stopped(
                Obstacle(
                    "NothingToBackUp",
                    f"nothing of {human.name} is backed up by this version: see include, and"
                    " the human's warnings; then create another DigitalHumanBackup",
                    final=True,
                )
            )
        await apply_all(self._services, children, key, seen)

    def _request(self, seen: Seen) -> DigitalHumanBackupSpec:
        try:
            return plan.parse_backup(seen.spec_object())
        except InvalidSpec as error:
            raise Stopped(Obstacle("InvalidSpec", str(error), final=True)) from error

    def _human(self, key: Key, request: DigitalHumanBackupSpec) -> Human:
        """The human with its backups as the request wants them."""
        human = human_of(self._services, key, request.digital_human)
        other = {"include": request.include, "destination": request.destination}
        wanted = {name: value for name, value in other.items() if value is not None}
        backup = human.spec.backup.model_copy(update=wanted) if human.spec.backup else None
        return replace(human, spec=human.spec.model_copy(update={"backup": backup}))

    def _whose(self, key: Key, seen: Seen) -> dict[str, Any]:
        """
        Uid of the human, where its backup goes, what opens it, and what a Pod needs to do so.

        Nothing when it is gone.

        Where the uid is known it is that one's, whoever has the name by now.
        """
        uid = uid_of(seen)
        try:
            request = self._request(seen)
            human = self._human(key, request)
        except Stopped:
            return {"uid": uid}
        backup = human.spec.backup
        if backup is None or uid not in {None, human.uid}:
            return {"uid": uid or human.uid, "destination": request.destination}
        place = {"destination": backup.destination, "encryption": backup.encryption}
        pods = {
            "image_pull_secrets": human.spec.image_pull_secrets or None,
            "tolerations": human.spec.placement.tolerations or None,
        }
        return {"uid": human.uid, **place, **pods}

    async def _tell(self, key: Key, seen: Seen, told: DigitalHumanBackupStatus) -> None:
        """Write the status; an Event about the end."""
        body = to_apply(key[1], key[2], seen.uid, told, BACKUPS.kind)
        if not await write(self._services, BACKUPS, key, seen, body):
            return
        if runs.is_over(told, seen.generation):
            text = told.conditions[0].message
            if told.phase != runs.SUCCEEDED or job_followed(seen) is None:  # a schedule is no news
                tell_end(self._services, BACKUPS, key, seen, told.phase or "", text)

    def _forget(self, key: Key) -> None:
        self._last_word.forget(key)
        self._services.references.forget(key)


def _job_name(key: Key, seen: Seen) -> str:
    return job_followed(seen) or names.backup_run(key[2])


def _previous(seen: Seen) -> DigitalHumanBackupStatus | None:
    """What was written last; None where nothing was."""
    found = seen.status_object()
    return DigitalHumanBackupStatus.model_validate(found) if is_told(found) else None
