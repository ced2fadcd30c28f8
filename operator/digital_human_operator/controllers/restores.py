"""
The reconcile of a DigitalHumanRestore: the sessions of a backup replace those of a human.

For a new human see ``clones``. In place the human's Pods go first (see ``holds``), a
DigitalHumanBackup keeps what is there, a Job brings the backup back, the Pods come again. Each step
follows from what is there, so an operator that starts anew goes on where the last one was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from digital_human_operator import names, plan
from digital_human_operator.api.v1alpha1.backups import (
    DigitalHumanRestoreSpec,
    DigitalHumanRestoreStatus,
)
from digital_human_operator.errors import InvalidSpec
from digital_human_operator.human import Human, Request
from digital_human_operator.kinds import BACKUPS, BY_KIND, HUMANS, RESTORES
from digital_human_operator.kube.errors import ApiError, Conflict, Forbidden, Invalid
from digital_human_operator.names import FIELD_MANAGER
from digital_human_operator.render.common import seconds
from digital_human_operator.seen import Key, Seen, is_told
from digital_human_operator.states import DeploymentState
from digital_human_operator.status import reasons, restores, runs, to_apply
from digital_human_operator.status.restores import Origin, Safety, Step
from digital_human_operator.status.runs import Obstacle

from . import origins
from .answers import write
from .clones import Cloning
from .holds import is_held_by
from .requests import (
    LastWord,
    Stopped,
    check_references,
    human_of,
    is_as_made,
    job_of,
    make_restore,
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
        self._cloning = Cloning(services)
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
        spec = self._spec(seen)
        if spec.target.clone is not None:
            return await self._cloning.step(key, seen, previous, spec)
        origin = origins.settled(previous) or origins.origin(
            self._services, key, spec.source, "sessions"
        )
        request = Request(key[2], seen.uid, "DigitalHumanRestore")
        name = names.restore_run(key[2])
        safety = self._safety(key, seen, origin)
        if (job := job_of(self._services, key, seen, name)) is not None:
            pods = pods_of(self._services, key, origin.human, name)
            return Step(origin, None, True, safety, name, job, pods)
        human, own = self._human(key, spec, origin)
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
            await make_restore(self._services, key, seen, human, origin, request)
        job = job_of(self._services, key, seen, name)
        return Step(origin, None, True, safety, name, job, patience=patience)

    def _spec(self, seen: Seen) -> DigitalHumanRestoreSpec:
        try:
            return plan.parse_restore(seen.spec_object())
        except InvalidSpec as error:
            raise Stopped(Obstacle("InvalidSpec", str(error), final=True)) from error

    def _human(
        self, key: Key, spec: DigitalHumanRestoreSpec, origin: Origin
    ) -> tuple[Human, Human]:
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
            other = self._services.seen.get(first)
            told = other.status_object() if other is not None else {}
            raise Stopped(restores.waits_for(first[2], told, name))
        place = origins.place(self._services, key, spec.source)
        there = replace(human, spec=human.spec.model_copy(update={"backup": place}))
        return there, human

    def _check_that_pods_come_back(self, of_human: Key) -> None:
        """Not to send away Pods that would be withheld afterwards."""
        seen = self._services.seen.get(of_human)
        conditions = seen.status_object().get("conditions", []) if seen is not None else []
        for one in conditions:
            if one["type"] == "Ready" and one["reason"] in _NO_NEW_PODS:
                text = f"the Pods of {of_human[2]} would not come back: {one['message']}"
                raise Stopped(Obstacle("HumanNotReady", text))

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

    def _safety(self, key: Key, seen: Seen, origin: Origin) -> Safety | None:
        name = names.safety_backup(key[2], seen.uid)
        found = self._services.seen.get((BACKUPS.kind, key[1], name))
        if found is None:
            return None
        if not is_as_made(found, _of_sessions(origin.human)):
            text = f"a DigitalHumanBackup {name} is there for something else"
            return Safety(name, runs.FAILED, text)
        status = found.status_object()
        first = (status.get("conditions") or [{}])[0]
        phase, reason = status.get("phase", runs.PENDING), first.get("reason", runs.PENDING)
        return Safety(name, phase, first.get("message", ""), reason)

    async def _ask_for_safety(self, key: Key, seen: Seen, origin: Origin) -> None:
        name = names.safety_backup(key[2], seen.uid)
        metadata = {"name": name, "labels": {names.LABEL_HUMAN: origin.human}}  # it outlives this
        spec = _of_sessions(origin.human)
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
        self._cloning.forget(key)
        self._services.references.forget(key)
        if (human := self._held.pop(key, None)) is not None:
            self._services.wake(human)


def _of_sessions(human: str) -> dict[str, Any]:
    """The spec of the backup of what was there before."""
    return {"digitalHuman": human, "include": ["sessions"]}


def _previous(seen: Seen) -> DigitalHumanRestoreStatus | None:
    """What was written last; None where nothing was."""
    found = seen.status_object()
    return DigitalHumanRestoreStatus.model_validate(found) if is_told(found) else None
