"""
The reconcile of a DigitalHumanRestore: the sessions of a backup replace those of a human.

Step by step: the human's Pods go (see ``holds``), a DigitalHumanBackup keeps what is there, a Job
brings the backup back, the Pods come again. Each step follows from what is there, so an operator
that starts anew goes on where the last one was.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from digital_human_operator import names, plan
from digital_human_operator.api.v1alpha1.backups import (
    DigitalHumanBackupStatus,
    DigitalHumanRestoreSpec,
    DigitalHumanRestoreStatus,
)
from digital_human_operator.api.v1alpha1.care import BackupDestination
from digital_human_operator.errors import InvalidSpec
from digital_human_operator.human import Human, Request
from digital_human_operator.kinds import BACKUPS, BY_KIND, HUMANS, RESTORES
from digital_human_operator.kube.errors import ApiError, Conflict, Forbidden, Invalid
from digital_human_operator.names import FIELD_MANAGER
from digital_human_operator.render import restore_run
from digital_human_operator.render.common import seconds
from digital_human_operator.seen import Key, Seen, is_told
from digital_human_operator.states import DeploymentState, JobState
from digital_human_operator.status import reasons, restores, runs, to_apply
from digital_human_operator.status.restores import Origin, Safety, Step
from digital_human_operator.status.runs import Obstacle

from .answers import write
from .holds import is_held_by
from .requests import (
    LastWord,
    Stopped,
    apply_all,
    check_references,
    human_of,
    pods_of,
    tell_end,
)
from .services import Services

_LOOK = 5.0
"""Seconds until what nobody tells of is looked at again."""

_SLACK = 600.0
"""Seconds beyond the drain deadline until Pods count as stuck."""
_NO_NEW_PODS = frozenset(
    {
        reasons.INVALID_SPEC,
        reasons.MODEL_DOES_NOT_FIT,
        reasons.MODEL_FETCH_FAILED,
        reasons.FETCHING_MODELS,
        reasons.FOREIGN_OBJECT,
        reasons.SECRET_MISSING,
    }
)
"""Reasons of Ready with which a human's Pods are left as they are, and none is made."""


class RestoreController:
    """Brings back what one DigitalHumanRestore asks for."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._last_word = LastWord()
        self._held: dict[Key, Key] = {}

    async def reconcile(self, key: Key) -> float | None:
        """Go on with the restore of ``key``; seconds after which to look again, or None."""
        seen = self._services.seen.get(key)
        previous = _previous(seen) if seen is not None else None
        if seen is None or seen.deleting or restores.is_over(previous, seen.generation):
            self._forget(key)
            return None
        if previous is not None and previous.digital_human is not None:
            self._held[key] = (HUMANS.kind, key[1], previous.digital_human)
        retry: ApiError | None = None
        try:
            step = await self._step(key, seen, previous)
        except Stopped as stop:
            step = Step(obstacle=stop.obstacle)
        except (Invalid, Forbidden) as error:
            retry = error
            step = Step(obstacle=Obstacle("JobRefused", error.message))
        if self._last_word.may_come(key, step.job, step.pods):
            return 1.0
        told = restores.compute(step, seen.generation, previous, self._services.now())
        if told != previous:
            await self._tell(key, seen, previous, told)
        if retry is not None:
            raise retry
        return None if restores.is_over(told, seen.generation) else _LOOK

    async def _step(self, key: Key, seen: Seen, previous: DigitalHumanRestoreStatus | None) -> Step:
        origin = _settled(previous) or self._origin(key, self._spec(seen))
        request = Request(key[2], seen.uid, "DigitalHumanRestore")
        name = names.restore_run(key[2])
        safety = self._safety(key, seen)
        if (job := self._job(key, seen, name)) is not None:
            pods = pods_of(self._services, key, origin.human, name)
            return Step(origin, None, True, safety, name, job, pods)
        human, own = self._human(key, seen, origin)
        await check_references(self._services, key, human, own)
        of_human = (HUMANS.kind, key[1], origin.human)
        if previous is None or previous.phase not in restores.HOLDING:
            self._check_that_pods_come_back(of_human)
            return Step(origin)
        drain = seconds(own.spec.sessions.drain_deadline) + _SLACK
        patience = max(restores.PATIENCE, drain)
        if not self._is_drained(key, of_human):
            return Step(origin, safety=safety, patience=patience)
        if safety is None:
            await self._ask_for_safety(key, seen, origin)
            safety = Safety(names.safety_backup(key[2], seen.uid))
        if safety.phase == runs.SUCCEEDED:
            await self._make(key, seen, human, origin, request)
        job = self._job(key, seen, name)
        return Step(origin, None, True, safety, name, job, patience=patience)

    def _spec(self, seen: Seen) -> DigitalHumanRestoreSpec:
        try:
            spec = plan.parse_restore(seen.spec_object())
        except InvalidSpec as error:
            raise Stopped(Obstacle("InvalidSpec", str(error), final=True)) from error
        if spec.target.clone is not None:
            text = "this version restores in place only: spec.target.clone is not acted on yet"
            raise Stopped(Obstacle("Unsupported", text, final=True))
        return spec

    def _origin(self, key: Key, spec: DigitalHumanRestoreSpec) -> Origin:
        """Whose backup, and which: settled before anything is changed, for ours is newer."""
        if spec.source.latest_of is not None:
            return self._latest(key, spec.source.latest_of)
        name = spec.source.backup or ""
        seen = self._services.seen.get((BACKUPS.kind, key[1], name))
        if seen is None:
            raise Stopped(Obstacle("BackupNotFound", f"there is no DigitalHumanBackup {name}"))
        told = DigitalHumanBackupStatus.model_validate(seen.status_object())
        if told.phase == runs.FAILED:
            text = f"DigitalHumanBackup {name} has failed: name another one"
            raise Stopped(Obstacle("BackupFailed", text, final=True))
        if told.phase != runs.SUCCEEDED:
            raise Stopped(Obstacle("BackupNotReady", f"DigitalHumanBackup {name} is not complete"))
        if told.backup is None or told.uid is None:
            text = f"DigitalHumanBackup {name} does not tell which backup it has made: name another"
            raise Stopped(Obstacle("BackupUnknown", text, final=True))
        asked = plan.parse_backup(seen.spec_object())
        if asked.include is not None and "sessions" not in asked.include:
            text = f"DigitalHumanBackup {name} holds no sessions: name another one"
            raise Stopped(Obstacle("NothingToRestore", text, final=True))
        return Origin(asked.digital_human, told.uid, told.backup.id)

    def _latest(self, key: Key, name: str) -> Origin:
        seen = self._services.seen.get((HUMANS.kind, key[1], name))
        if seen is None:
            text = f"there is no DigitalHuman {name} in this namespace"
            raise Stopped(Obstacle("HumanNotFound", text))
        newest = (seen.status_object().get("backup") or {}).get("newest") or {}
        if not newest.get("id") or not newest.get("verified"):
            text = (
                f"no verified backup of {name} is known of: name a DigitalHumanBackup in"
                " source.backup"
            )
            raise Stopped(Obstacle("BackupUnknown", text))
        return Origin(name, seen.uid, newest["id"])

    def _human(self, key: Key, seen: Seen, origin: Origin) -> tuple[Human, Human]:
        """The human with the place of the backup, and as it is; Stopped where it has no Redis."""
        human = human_of(self._services, key, origin.human)
        name, redis = human.name, human.spec.sessions.store.redis
        if redis is None or redis.managed is None:
            text = f"the sessions of {name} are in no managed Redis: nothing can be replaced"
            raise Stopped(Obstacle("NothingToRestore", text, final=True))
        if human.spec.mode == "Paused":
            text = f"{name} is paused: set its spec.mode to Running"
            raise Stopped(Obstacle("HumanPaused", text))
        first = next(iter(is_held_by(self._services, (HUMANS.kind, key[1], name))), key)
        if first != key:
            text = f"DigitalHumanRestore {first[2]} is at work on {name}"
            raise Stopped(Obstacle(restores.OTHER, text))
        backup = human.spec.backup
        place = self._place(key, self._spec(seen).source.backup)
        if place is not None and backup is not None:
            backup = backup.model_copy(update={"destination": place})
        there = replace(human, spec=human.spec.model_copy(update={"backup": backup}))
        return there, human

    def _check_that_pods_come_back(self, of_human: Key) -> None:
        """Not to send away Pods that would be withheld afterwards."""
        seen = self._services.seen.get(of_human)
        conditions = seen.status_object().get("conditions", []) if seen is not None else []
        for one in conditions:
            if one["type"] == "Ready" and one["reason"] in _NO_NEW_PODS:
                text = f"the Pods of {of_human[2]} would not come back: {one['message']}"
                raise Stopped(Obstacle("HumanNotReady", text))

    def _place(self, key: Key, backup: str | None) -> BackupDestination | None:
        """Where a backup on request lies, if not where the human's do."""
        if backup is None:
            return None
        asked = self._services.seen.get((BACKUPS.kind, key[1], backup))
        if asked is None:
            raise Stopped(Obstacle("BackupNotFound", f"there is no DigitalHumanBackup {backup}"))
        return plan.parse_backup(asked.spec_object()).destination

    def _is_drained(self, key: Key, of_human: Key) -> bool:
        """Whether the human knows that it is held, and none of its Pods is left."""
        seen = self._services.seen.get(of_human)
        if seen is None or seen.status_object().get("restore") != key[2]:
            self._services.wake(of_human)
            return False
        live = self._services.stores[BY_KIND["Deployment"]].get(key[1], of_human[2])
        state = live.status if live is not None else None
        if isinstance(state, DeploymentState) and (state.desired or state.replicas):
            return False
        return not any(
            pod.status.component == names.RUNTIME
            and pod.status.phase not in {"Succeeded", "Failed"}  # evicted ones stay
            for pod in self._services.pods.labelled(of_human[2])
            if pod.namespace == key[1]
        )

    def _safety(self, key: Key, seen: Seen) -> Safety | None:
        name = names.safety_backup(key[2], seen.uid)
        found = self._services.seen.get((BACKUPS.kind, key[1], name))
        if found is None:
            return None
        status = found.status_object()
        first = (status.get("conditions") or [{}])[0]
        phase, reason = status.get("phase", runs.PENDING), first.get("reason", runs.PENDING)
        return Safety(name, phase, first.get("message", ""), reason)

    async def _ask_for_safety(self, key: Key, seen: Seen, origin: Origin) -> None:
        name = names.safety_backup(key[2], seen.uid)
        metadata = {"name": name, "labels": {names.LABEL_HUMAN: origin.human}}  # it outlives this
        spec = {"digitalHuman": origin.human, "include": ["sessions"]}
        body = {"apiVersion": BACKUPS.api_version, "kind": BACKUPS.kind}
        try:
            await self._services.client.create(
                BACKUPS,
                key[1],
                msgspec.json.encode(body | {"metadata": metadata, "spec": spec}),
                manager=FIELD_MANAGER,
            )
        except Conflict:
            return  # asked for before; its state is not known here yet

    async def _make(
        self, key: Key, seen: Seen, human: Human, origin: Origin, request: Request
    ) -> None:
        decision = plan.decide(
            human,
            images=self._services.images,
            operator_namespace=self._services.namespace,
            references={},
            served=frozenset(),
        )
        there = replace(human, uid=origin.uid)
        children = restore_run(there, decision.design, request, origin.backup)
        await apply_all(self._services, children, key, seen)

    def _job(self, key: Key, seen: Seen, name: str) -> JobState | None:
        live = self._services.stores[BY_KIND["Job"]].get(key[1], name)
        if live is None or live.owner_uid != seen.uid or live.deleting:
            return None
        return live.status if isinstance(live.status, JobState) else None

    async def _tell(
        self,
        key: Key,
        seen: Seen,
        previous: DigitalHumanRestoreStatus | None,
        told: DigitalHumanRestoreStatus,
    ) -> None:
        """Write the status, wake the human, tell the end as an Event."""
        body = to_apply(key[1], key[2], seen.uid, told, RESTORES.kind)
        if not await write(self._services, RESTORES, key, seen, body):
            return
        if told.digital_human is not None:
            self._held[key] = (HUMANS.kind, key[1], told.digital_human)
            if previous is None or told.phase != previous.phase:
                self._services.wake(self._held[key])
        if restores.is_over(told, seen.generation):
            text = told.conditions[0].message
            tell_end(self._services, RESTORES, key, seen, told.phase or "", text)

    def _forget(self, key: Key) -> None:
        """It is over or gone: its human may have Pods again."""
        self._last_word.forget(key)
        self._services.references.forget(key)
        if (human := self._held.pop(key, None)) is not None:
            self._services.wake(human)


def _settled(previous: DigitalHumanRestoreStatus | None) -> Origin | None:
    if previous is None or not (previous.digital_human and previous.uid and previous.backup):
        return None
    return Origin(previous.digital_human, previous.uid, previous.backup)


def _previous(seen: Seen) -> DigitalHumanRestoreStatus | None:
    """What was written last; None where nothing was."""
    found = seen.status_object()
    return DigitalHumanRestoreStatus.model_validate(found) if is_told(found) else None
