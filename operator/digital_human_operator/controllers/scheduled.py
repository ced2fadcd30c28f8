"""
Each run of a human's backup CronJob as a DigitalHumanBackup.

The CronJob goes on making the Jobs. The object is made once, when its Job is there, and follows
it; that it was made is noted on the Job, so it does not come back when somebody deletes it. It has
no owner: it outlives the Job and the human, as the backup in the store does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import msgspec

from digital_human_operator import names
from digital_human_operator.human import Human
from digital_human_operator.kinds import BACKUPS, BY_KIND, HUMANS
from digital_human_operator.kube.errors import Conflict, Forbidden, Invalid, NotFound
from digital_human_operator.kube.live import Live
from digital_human_operator.names import FIELD_MANAGER
from digital_human_operator.seen import Key, Seen
from digital_human_operator.states import JobState
from digital_human_operator.status.records import Record, outlived
from digital_human_operator.status.runs import FAILED, SUCCEEDED, Obstacle, Run

from .requests import Stopped, is_as_made, pods_of
from .services import Services

_SOON = 1.0
_JOBS, _CRON_JOBS = BY_KIND["Job"], BY_KIND["CronJob"]
_decode_said = msgspec.json.Decoder(dict[str, Any]).decode
_log = logging.getLogger(__name__)


class ScheduledRuns:
    """Makes the DigitalHumanBackups of one human's scheduled runs."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._noted: dict[Key, set[str]] = {}

    async def keep(self, key: Key, seen: Seen, human: Human) -> float | None:
        """Make those that are missing; seconds until the next look, or None."""
        jobs = self._jobs(human)
        noted = self._noted.setdefault(key, set())
        noted &= {live.uid for live in jobs}  # what the watch has yet to show
        again: float | None = None
        for live in jobs:
            if live.uid in noted or live.status.recorded:
                continue
            if (made := await self._make(key, seen, human, live)) is None:
                again = _SOON
                continue
            await self._note(live, made)
            noted.add(live.uid)
        return again

    def forget(self, key: Key) -> None:
        """The human is gone."""
        self._noted.pop(key, None)

    def _jobs(self, human: Human) -> list[Live]:
        """The Jobs that the CronJob has made, and people from it."""
        name = names.backup(human.name)
        cron = self._services.stores[_CRON_JOBS].get(human.namespace, name)
        if human.spec.backup is None or cron is None or cron.owner_uid != human.uid:
            return []
        found = self._services.stores[_JOBS].owned_by(cron.uid)
        return [one for one in found if not one.deleting and isinstance(one.status, JobState)]

    async def _make(self, key: Key, seen: Seen, human: Human, job: Live) -> str | None:
        """Its name, where it was made now or before; None when that is not known yet."""
        name = names.scheduled_backup(human.name, job.name)
        of_job = {names.ANNOTATION_JOB: job.name, names.ANNOTATION_UID: human.uid}
        said = await self._said(job) or seen.spec_object().get("backup") or {}
        spec = {"digitalHuman": human.name} | {
            part: said[part] for part in names.SAID if part in said
        }
        known = self._services.seen.get((BACKUPS.kind, key[1], name))
        if known is not None:
            if is_as_made(known, spec, of_job):
                return name
            return self._say_why_not(key, seen, job.name, f"{name} is somebody else's")
        body = _record(name, of_job, human.name, spec)
        try:
            await self._services.client.create(BACKUPS, key[1], body, manager=FIELD_MANAGER)
        except Conflict:
            return None  # made before; it is not known here yet
        except Invalid as error:  # the next time it would be the same
            why = f"the API server does not take {name}: {error.message}"
            return self._say_why_not(key, seen, job.name, why)
        return name

    async def _said(self, job: Live) -> dict[str, Any] | None:
        """What the Job backs up and where to; None of one that an earlier version has made."""
        try:
            raw = await self._services.client.get(
                _JOBS, job.namespace, job.name, metadata_only=True
            )
            marks = msgspec.json.decode(raw)["metadata"].get("annotations") or {}
            return _decode_said(marks.get(names.ANNOTATION_SAID, ""))
        except (NotFound, msgspec.DecodeError):
            return None

    async def _note(self, job: Live, name: str) -> None:
        """Note on the Job that it was told of: with that it is never done again."""
        metadata = {"uid": job.uid, "annotations": {names.ANNOTATION_RECORDED: name}}
        body = msgspec.json.encode({"metadata": metadata})
        try:
            await self._services.client.merge_patch(
                _JOBS, job.namespace, job.name, body, manager=FIELD_MANAGER
            )
        except NotFound:
            return  # gone: nobody will ask again

    def _say_why_not(self, key: Key, seen: Seen, job: str, why: str) -> str:
        """Tell it as an Event; what to note on the Job instead of a name."""
        text = f"Job {job} has no DigitalHumanBackup: {why}"
        about = {"apiVersion": HUMANS.api_version, "kind": HUMANS.kind}
        about |= {"namespace": key[1], "name": key[2], "uid": seen.uid}
        self._services.recorder.record(about, "BackupNotRecorded", text, type="Warning")
        return names.NOT_RECORDED


def _record(name: str, of_job: dict[str, str], human: str, spec: dict[str, Any]) -> bytes:
    """What the run backs up and where to, said in full: the human's spec may change later."""
    labels = {names.LABEL_HUMAN: human, names.LABEL_CRON_JOB: names.backup(human)}
    metadata = {"name": name, "labels": labels, "annotations": of_job}
    body = {"apiVersion": BACKUPS.api_version, "kind": BACKUPS.kind, "metadata": metadata}
    return msgspec.json.encode(body | {"spec": spec})


def job_followed(seen: Seen) -> str | None:
    """
    The Job that a DigitalHumanBackup says it follows; None for one that has a Job of its own.

    Anybody may have written that, and ``uid_of`` too: it is so where the Job says it as well.
    """
    return seen.annotations_object().get(names.ANNOTATION_JOB)


def uid_of(seen: Seen) -> str | None:
    """Of the human whose backup it is, where it was made for one; None where a name counts."""
    return seen.annotations_object().get(names.ANNOTATION_UID)


async def follow(services: Services, key: Key, human: str, job: str) -> Run | None:
    """
    The Job of the CronJob with its Pods; None while the Job does not say yet who tells of it.

    Stopped when it is gone, or when it says another one.
    """
    live = services.stores[_JOBS].get(key[1], job)
    if live is None or not isinstance(live.status, JobState):
        raise Stopped(await _missing(services, key[1], job))
    if live.status.recorded == key[2]:
        return Run(job, live.status, pods_of(services, key, human, job))
    text = f"Job {job} does not say that this tells of it"
    if live.status.recorded:
        text += f": create another {BACKUPS.kind}, without the annotation {names.ANNOTATION_JOB}"
        raise Stopped(Obstacle("ForeignObject", text, final=True))
    cron = services.stores[_CRON_JOBS].get(key[1], names.backup(human))
    if cron is not None and live.owner_uid == cron.uid:
        return None
    raise Stopped(Obstacle("Pending", text))


async def _missing(services: Services, namespace: str, job: str) -> Obstacle:
    try:
        await services.client.get(_JOBS, namespace, job, metadata_only=True)
    except NotFound:
        text = (
            f"Job {job} is gone, and nobody saw how it ended: `digital-human-backup list` tells"
            " what is in the store"
        )
        return Obstacle("JobGone", text, final=True)
    return Obstacle("Pending", f"Job {job} is not known here yet")


async def tidy(services: Services, key: Key, seen: Seen, run: Run, uid: str) -> None:
    """
    Remove those that are of no use any more, before the end of a run is told.

    ``uid`` is that of the human, as we have told it.
    """
    human, place = _about(seen)
    oldest = _oldest(run)
    known = {one.name: (one, made) for one, made in _records(services, key, human, uid)}
    for name in outlived([one for one, _ in known.values()], place, oldest):
        try:
            await services.client.delete(BACKUPS, key[1], name, uid=known[name][1])
        except (NotFound, Conflict):
            continue  # gone by now
        except Forbidden as error:
            _log.warning("old backups stay in the list of %s/%s: %s", key[1], human, error)
            return


def _oldest(run: Run) -> str:
    """What the run's prune said; nothing where that cannot be: its own backup is there too."""
    told = (one.oldest for pod in run.pods for one in pod.results if one.event == "pruned")
    oldest = next((one for one in told if one), "")
    return oldest if run.made is not None and oldest <= run.made.id else ""


def _records(services: Services, key: Key, human: str, uid: str) -> Iterator[tuple[Record, str]]:
    """
    Every run that is over of one human, with the uid of its DigitalHumanBackup.

    Whose it is counts as we have told it, for that is told of what has followed its Job only.
    """
    for one in services.seen.named(key[0], key[1], f"{human}-"):
        seen = services.seen.get(one)
        if seen is None or seen.deleting or (job := job_followed(seen)) is None:
            continue
        told = seen.status_object()
        is_of_job = told.get("job") in {None, job} and told.get("uid") == uid
        if is_of_job and told.get("phase") in {SUCCEEDED, FAILED}:
            due = names.scheduled_for(human, job)
            when = due.isoformat() if due is not None else told.get("startTime", "")
            made = (told.get("backup") or {}).get("id", "")
            yield Record(one[2], when, _about(seen)[1], made), seen.uid


def _about(seen: Seen) -> tuple[str, Any]:
    """Whose backup it is, and where it lies."""
    spec = seen.spec_object()
    return spec.get("digitalHuman", ""), spec.get("destination")
