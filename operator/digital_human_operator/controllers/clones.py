"""
A restore as a clone: the object is read from the backup, the human is made, its sessions come.

The clone is held without Pods from its first moment, see ``holds``, until its sessions are there;
also when they could not be brought back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.backups import (
    DigitalHumanRestoreSpec,
    DigitalHumanRestoreStatus,
)
from digital_human_operator.api.v1alpha1.care import Backup
from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from digital_human_operator.errors import InvalidSpec
from digital_human_operator.human import Human, Request
from digital_human_operator.kinds import BY_KIND, HUMANS
from digital_human_operator.kube.errors import Conflict, Forbidden, Invalid, NotFound
from digital_human_operator.plan.clones import clone_spec, unpack
from digital_human_operator.render import Reading, reading_run
from digital_human_operator.seen import Key, Seen, seen_from
from digital_human_operator.states import StatefulSetState
from digital_human_operator.status import clones, reasons, restores
from digital_human_operator.status.clones import Clone
from digital_human_operator.status.restores import Origin, Step
from digital_human_operator.status.runs import Obstacle

from . import origins
from .requests import (
    LastWord,
    Stopped,
    apply_all,
    check_references,
    decided,
    human_of,
    job_of,
    make_restore,
    pods_of,
)
from .services import Services


@dataclass(frozen=True)
class _Case:
    """One restore as a clone: what is settled about it."""

    key: Key
    seen: Seen
    spec: DigitalHumanRestoreSpec
    origin: Origin
    place: Backup

    @property
    def request(self) -> Request:
        """Who owns what is made for it."""
        return Request(self.key[2], self.seen.uid, "DigitalHumanRestore")

    @property
    def of_human(self) -> Key:
        """The clone."""
        return (HUMANS.kind, self.key[1], self.origin.human)


class Cloning:
    """Makes a new human of a backup."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._last_word = LastWord()

    def forget(self, key: Key) -> None:
        """It is over."""
        self._last_word.forget(key)

    async def step(
        self,
        key: Key,
        seen: Seen,
        previous: DigitalHumanRestoreStatus | None,
        spec: DigitalHumanRestoreSpec,
    ) -> Step:
        """Go on with the clone; where it cannot, the step says why."""
        name = spec.target.clone.name if spec.target.clone is not None else ""
        began = previous is not None and previous.phase in restores.HOLDING
        origin, state = origins.settled(previous), clones.known(name, previous, began=began)
        try:
            if clones.was_created(previous):
                await self._check_that_it_is_there((HUMANS.kind, key[1], name))
            state = replace(state, uid=self._made(key, seen, name, previous))
            if origin is None:
                found = origins.origin(self._services, key, spec.source, "objects")
                origin = replace(found, human=name)
            run = names.restore_run(key[2])
            if (job := job_of(self._services, key, seen, run)) is not None:
                pods = pods_of(self._services, key, name, run)
                return Step(origin, job_name=run, job=job, pods=pods, clone=state)
            place = origins.place(self._services, key, spec.source)
            return await self._go_on(_Case(key, seen, spec, origin, place), state)
        except Stopped as stop:
            return Step(origin, stop.obstacle, clone=state)
        except (Invalid, Forbidden) as error:  # told with the clone, so that it stays held back
            return Step(origin, Obstacle("JobRefused", error.message), clone=state)

    async def _go_on(self, case: _Case, state: Clone) -> Step:
        """Read the object, make the clone, bring its sessions: as far as it goes now."""
        reader, account = self._reader(case)
        await check_references(self._services, case.key, reader)
        if not state.began:
            return Step(case.origin, clone=state)  # it is held before it is made
        state = await self._read(case, state, reader, account)
        job = state.job
        if clones.is_known(state):
            return await self._fill(case, state)
        if job is None or not job.is_over or self._may_tell(case.key, state):
            return Step(case.origin, clone=replace(state, job=None))  # however it ends
        if (again := clones.read_again(state)) is not None:
            self._last_word.forget(case.key)
            return Step(case.origin, clone=again)
        if state.created:
            return await self._fill(case, state)
        if job.complete:
            state = replace(state, uid=await self._create(case, state))
        return Step(case.origin, clone=state)

    async def _read(self, case: _Case, state: Clone, reader: Human, account: str) -> Clone:
        """What the Job has told that reads the object; it is made where it is not there."""
        run = names.reading_run(case.key[2], state.reading)
        job = job_of(self._services, case.key, case.seen, run)
        pods = pods_of(self._services, case.key, case.origin.human, run)
        state = clones.heard(replace(state, job=job), pods)
        if job is not None or clones.is_known(state):
            return state
        design = decided(self._services, reader).design
        reading = Reading(case.origin.backup, account, state.reading)
        children = reading_run(reader, case.place, design, case.request, reading)
        await apply_all(self._services, children, case.key, case.seen)
        return replace(state, job=job_of(self._services, case.key, case.seen, run))

    def _may_tell(self, key: Key, state: Clone) -> bool:
        return self._last_word.may_come(key, state.job, state.pods)

    async def _check_that_it_is_there(self, of_human: Key) -> None:
        """Stopped where somebody has deleted the clone: it does not come back."""
        if self._services.seen.get(of_human) is not None:
            return
        try:
            answer = await self._services.client.get(HUMANS, of_human[1], of_human[2])
        except NotFound as error:
            text = _deleted(of_human[2])
            raise Stopped(Obstacle("CloneDeleted", text, final=True)) from error
        self._services.seen.upsert(of_human, seen_from(msgspec.json.decode(answer)))

    def _made(
        self, key: Key, seen: Seen, name: str, previous: DigitalHumanRestoreStatus | None
    ) -> str | None:
        """Uid of the clone, if it is there; Stopped where the name is somebody else's."""
        found = self._services.seen.get((HUMANS.kind, key[1], name))
        told = previous.clone_uid if previous is not None else None
        if found is None or _is_clone(found, seen, told):
            return found.uid if found is not None else None
        if told is not None:
            text = f"{_deleted(name)}, and another one has its name"
            raise Stopped(Obstacle("CloneDeleted", text, final=True))
        text = f"there is a DigitalHuman {name} already: ask for a clone of another name"
        raise Stopped(Obstacle("NameTaken", text, final=True))

    def _reader(self, case: _Case) -> tuple[Human, str]:
        """In whose name the object is read, and with which identity towards the store."""
        source = origins.source_human(self._services, case.key, case.spec.source)
        own = source.spec if source is not None else self._kept_spec(case)
        backup = case.place.model_copy(update={"include": [], "drill": None})
        spec = own.model_copy(update={"backup": backup})
        reader = Human(case.origin.human, case.key[1], case.origin.uid, 1, spec)
        return reader, source.name if source is not None else "default"

    def _kept_spec(self, case: _Case) -> DigitalHumanSpec:
        return origins.kept_spec(self._services, case.key, case.spec.source)

    async def _create(self, case: _Case, state: Clone) -> str:
        """Make the DigitalHuman, and know of it at once; its uid."""
        digest = origins.digest(self._services, case.key, case.origin)
        packed = clones.packed(state.pods, digest)
        if packed is None:
            raise Stopped(Obstacle("ObjectUnread", clones.unread(state), final=True))
        try:
            spec = clone_spec(unpack(packed))
        except InvalidSpec as error:
            raise Stopped(Obstacle("ObjectUnread", str(error), final=True)) from error
        name = case.origin.human
        body = {
            "apiVersion": HUMANS.api_version,
            "kind": HUMANS.kind,
            "metadata": {"name": name, "annotations": {names.ANNOTATION_CLONE: case.seen.uid}},
            "spec": spec,
        }
        try:
            answer = await self._services.client.create(
                HUMANS, case.key[1], msgspec.json.encode(body), manager=names.CLONE_MANAGER
            )
        except Conflict:
            answer = await self._services.client.get(HUMANS, case.key[1], name)
        except (Invalid, Forbidden) as error:
            text = f"the API server does not take the DigitalHuman: {error.message}"
            raise Stopped(Obstacle("ObjectRefused", text, final=True)) from error
        made = seen_from(msgspec.json.decode(answer))
        self._services.seen.upsert(case.of_human, made)
        if not _is_clone(made, case.seen, None):
            text = f"a DigitalHuman {name} was made by somebody else meanwhile"
            raise Stopped(Obstacle("NameTaken", text, final=True))
        self._services.wake(case.of_human)
        return made.uid

    async def _fill(self, case: _Case, state: Clone) -> Step:
        """Bring the sessions into the clone's Redis, once that is there."""
        human = human_of(self._services, case.key, case.origin.human)
        redis = human.spec.sessions.store.redis
        if redis is None or redis.managed is None or not clones.holds_sessions(state):
            return Step(case.origin, clone=replace(state, complete=True))
        if waits_for := self._waits_for(case):
            return Step(case.origin, clone=replace(state, waits_for=waits_for))
        there = replace(human, spec=human.spec.model_copy(update={"backup": case.place}))
        await make_restore(self._services, case.key, case.seen, there, case.origin, case.request)
        run = names.restore_run(case.key[2])
        job = job_of(self._services, case.key, case.seen, run)
        return Step(case.origin, job_name=run, job=job, clone=state)

    def _waits_for(self, case: _Case) -> str:
        """What is not there yet; empty when the sessions can come."""
        found = self._services.seen.get(case.of_human)
        status = found.status_object() if found is not None else {}
        if status.get("restore") != case.key[2]:
            self._services.wake(case.of_human)
            return "the operator has not looked at it yet"
        redis_name = names.redis(case.origin.human)
        live = self._services.stores[BY_KIND["StatefulSet"]].get(case.key[1], redis_name)
        redis = live.status if live is not None else None
        if isinstance(redis, StatefulSetState) and redis.ready:
            return ""
        ready: dict[str, str] = next(
            (c for c in status.get("conditions", []) if c["type"] == "Ready"), {}
        )
        if ready.get("reason") in {None, reasons.RESTORING}:
            return "its Redis is not ready yet"
        return f"its Redis is not ready yet, {ready['message']}"


def _is_clone(found: Seen, restore: Seen, told: str | None) -> bool:
    """Whether a human is the clone of a restore, which has ``told`` the uid of its own."""
    mark = found.annotations_object().get(names.ANNOTATION_CLONE)
    return clones.is_clone_of(restore.uid, told, found.uid, mark)


def _deleted(name: str) -> str:
    return f"DigitalHuman {name} was deleted before its sessions were there"
