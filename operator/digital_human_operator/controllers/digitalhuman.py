"""
The reconcile of a DigitalHuman: parse, observe, plan, render, apply, status.

Level-triggered: whatever queued the key, the same function makes the same thing true, and running
it twice writes nothing the second time.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from digital_human_operator import names, plan
from digital_human_operator.decision import Decision
from digital_human_operator.errors import InvalidSpec, Stumbled
from digital_human_operator.human import Design, Human, Ref, Reference
from digital_human_operator.kinds import BY_KIND, OPTIONAL
from digital_human_operator.kube.errors import NotFound
from digital_human_operator.observed import Observed
from digital_human_operator.render import children as render_children
from digital_human_operator.seen import Key, Seen, is_told
from digital_human_operator.states import JobState

from . import asked, children
from .children import Applied, Settled
from .farewell import Farewell
from .holds import held, holder
from .references import read, want
from .report import Reporter
from .scheduled import ScheduledRuns
from .services import Services

_log = logging.getLogger(__name__)
_Made = TypeVar("_Made")
_PARSED = 256
_BLIP_SECONDS = 5.0
_FOREIGN_SECONDS = 20.0
"""Until foreign objects are looked at again: nobody tells when they go."""

_HELD_SECONDS = 15.0
"""Until a human that is held back is looked at again, whoever forgets to say that it is over."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The children of one state of one human: for seeing cheaply that nothing has to be done."""

    inputs: int
    children: tuple[Settled, ...]
    complete: bool = True
    """Whether all of them were confirmed; else some were refused, or wait for something."""


class DigitalHumanController:
    """Makes one DigitalHuman true, whenever its key comes up."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._reporter = Reporter(services)
        self._farewell = Farewell(services, self._reporter)
        self._scheduled = ScheduledRuns(services)
        self._parsed: OrderedDict[tuple[str, int], Human] = OrderedDict()
        self._known: dict[Key, _Known] = {}
        self._failing_since: dict[Key, float] = {}
        self._traced: dict[Key, tuple[str, int]] = {}

    async def reconcile(self, key: Key) -> float | None:
        """Make the human of ``key`` true; seconds after which to look again, or None."""
        seen = self._services.seen.get(key)
        if seen is None or seen.deleting:
            self._forget(key)
            return None if seen is None else await self._farewell.reconcile(key, seen)
        try:
            return await self._make_true(key, seen)
        except InvalidSpec as error:
            self._trace(key, seen, error)
            await self._reporter.refuse(key, self._services.seen.get(key) or seen, error)
            return None
        finally:
            if self._services.seen.get(key) is None:  # so the API server said meanwhile
                self._forget(key)

    async def _make_true(self, key: Key, seen: Seen) -> float | None:
        self._reporter.begin(key)
        human = self._parse(key, seen)
        if (restore := await holder(self._services, key, seen)) is not None:
            human = held(human)
        references = await self._read_references(key, human)
        planned = _understood(lambda: self._plan(human, references))
        planned = replace(planned, restore=restore)
        decision = self._without_weights(human, planned)
        await self._farewell.prepare(key, seen)
        newest = self._services.seen.get(key)
        if newest is None or newest.uid != seen.uid:
            return None  # gone meanwhile; who has taken its name was queued
        seen = newest
        applied: Applied | None = Applied()
        differences = None
        let_go = restore is None and seen.status_object().get("restore") is not None
        if human.spec.mode == "Paused" and not let_go:
            differences = self._differences(key, human, decision.design)
        elif not decision.refused or decision.design.suspended:
            applied = await self._apply(key, seen, human, decision.design)
            if (now := self._without_weights(human, planned)) != decision:
                decision = now  # the complete Job was without its owner or labels until now
                applied = applied and await self._apply(key, seen, human, decision.design)
        if applied is None:
            return None
        applied = self._without_blips(key, seen, applied)
        observed = self._observe(human, decision, applied, differences)
        answer, error = await asked.answer(self._services, key, seen, human)
        observed = replace(observed, asked=answer)
        again = await self._reporter.report(key, seen, human, decision, observed)
        runs_again = await self._scheduled.keep(key, seen, human)
        if (retry := applied.retry or error) is not None:
            raise retry
        waits = (
            again,
            runs_again,
            applied.again,
            _FOREIGN_SECONDS if applied.foreign else None,
            _HELD_SECONDS if restore is not None else None,
        )
        return min((one for one in waits if one is not None), default=None)

    def _trace(self, key: Key, seen: Seen, error: InvalidSpec) -> None:
        """Log, once for each generation, where our own code has stumbled."""
        identity = (seen.uid, seen.generation)
        if isinstance(error, Stumbled) and self._traced.get(key) != identity:
            self._traced[key] = identity
            _log.error("the spec of %s/%s cannot be used", key[1], key[2], exc_info=error.__cause__)

    def _forget(self, key: Key) -> None:
        self._services.references.forget(key)
        self._reporter.forget(key)
        self._scheduled.forget(key)
        self._known.pop(key, None)
        self._failing_since.pop(key, None)
        self._traced.pop(key, None)

    def _parse(self, key: Key, seen: Seen) -> Human:
        """The parsed object; the last few are kept because events come in bursts."""
        identity = (seen.uid, seen.generation)
        human = self._parsed.get(identity)
        annotations = seen.annotations_object()
        if human is None or human.annotations != annotations:
            human = plan.parse(seen.raw(key))
            self._parsed[identity] = human
            if len(self._parsed) > _PARSED:
                self._parsed.popitem(last=False)
        return human

    async def _read_references(self, key: Key, human: Human) -> Mapping[Ref, Reference | None]:
        """Keys and digest of every Secret and ConfigMap that the spec names."""
        wanted = list(plan.referred(human))
        want(self._services, key, wanted)
        return await read(self._services, human.namespace, wanted)

    def _plan(self, human: Human, references: Mapping[Ref, Reference | None]) -> Decision:
        return plan.decide(
            human,
            images=self._services.images,
            operator_namespace=self._services.namespace,
            references=references,
            served=frozenset(
                r.kind for r in OPTIONAL if self._services.served.has(r, human.namespace)
            ),
            absent=self._services.served.absent,
        )

    def _without_weights(self, human: Human, decision: Decision) -> Decision:
        """
        Withhold the runtime until its weights are fetched.

        It ends at once without them: its Pods would hold GPUs and be started again and again, less
        often each time. Pods of the revision before go on meanwhile.
        """
        digest = decision.design.fetch_digest
        if digest is None:
            return decision
        jobs = self._services.stores[BY_KIND["Job"]]
        live = jobs.get(human.namespace, names.fetch(human.name, digest))
        state = live.status if live is not None and live.owner_uid == human.uid else None
        if isinstance(state, JobState) and state.complete:
            return decision
        withheld = decision.design.withheld | {names.RUNTIME}
        return replace(decision, design=replace(decision.design, withheld=withheld))

    async def _apply(self, key: Key, seen: Seen, human: Human, design: Design) -> Applied | None:
        """How it went; None when the human turned out to be gone."""
        inputs = _inputs(human, design)
        known = self._known.get(key)
        is_new = known is None and not is_told(seen.status_object())
        if is_new and not await self._still_there(key, seen):
            return None
        if known is not None and known.inputs == inputs:
            differs = children.differing(self._services, human, known.children)
            if known.complete:
                differs += children.surplus(self._services, human, known.children)
                if not differs:
                    return Applied()
            if differs and not await self._still_there(key, seen):
                return None
        rendered = _understood(lambda: render_children(human, design))
        applied = await children.apply(self._services, human, rendered, design.withheld)
        active = children.active(self._services, human, rendered, design.withheld)
        self._known[key] = _Known(
            inputs,
            children.settled(self._services, human, active),
            complete=applied == Applied() and not design.withheld,
        )
        return applied

    def _differences(self, key: Key, human: Human, design: Design) -> int:
        """What a paused human would change."""
        known = self._known.get(key)
        inputs = _inputs(human, design)
        if known is None or known.inputs != inputs:
            rendered = _understood(lambda: render_children(human, design))
            known = _Known(inputs, children.settled(self._services, human, rendered))
            self._known[key] = known
        return children.differing(self._services, human, known.children) + children.surplus(
            self._services, human, known.children
        )

    async def _still_there(self, key: Key, seen: Seen) -> bool:
        """
        Look at the API server before making children, or making them again: the object may be
        gone unnoticed.

        Without this, the children of a human whose deletion was missed would be made and collected
        in turn for ever; and those that an orphaning deletion has just let go would get their owner
        back, and go with it.
        """
        try:
            # A new one was seen moments ago; of one that was, the database knows.
            version = None if key in self._known else seen.resource_version
            uid, leaving = await self._reporter.live(key, not_older_than=version)
        except NotFound:
            uid, leaving = None, False
        if uid == seen.uid:
            return not leaving  # the watch will tell
        self._services.seen.remove(key, seen.uid)
        return False

    def _without_blips(self, key: Key, seen: Seen, applied: Applied) -> Applied:
        """
        Keep from status what fails for a moment only, of a human that is Ready.

        One lost race must not make it not Ready and Ready again. A spec that was never applied is
        another matter: then Ready would be about the one before.
        """
        if not applied.waiting:
            self._failing_since.pop(key, None)
            return applied
        since = self._failing_since.setdefault(key, time.monotonic())
        if time.monotonic() - since > _BLIP_SECONDS or not _is_ready(seen):
            return applied
        soon = _BLIP_SECONDS if applied.again is None else min(applied.again, _BLIP_SECONDS)
        return replace(applied, waiting=(), again=soon)

    def _observe(
        self,
        human: Human,
        decision: Decision,
        applied: Applied,
        differences: int | None,
    ) -> Observed:
        found: dict[tuple[str, str], Any] = {}
        for resource, store in self._services.stores.items():
            for live in store.owned_by(human.uid):
                found[resource.kind, live.name] = live.status
            if resource.kind == "PersistentVolumeClaim":
                for live in store.labelled(human.name):
                    if live.namespace == human.namespace and live.owner_uid is None:
                        found[resource.kind, live.name] = live.status
        if claim := self._services.claims.get(human.namespace, names.redis_claim(human.name)):
            found["PersistentVolumeClaim", claim.name] = claim.status
        pods = tuple(
            live.status
            for live in self._services.pods.labelled(human.name)
            if live.namespace == human.namespace and not live.deleting
        )
        return Observed(
            children=found,
            pods=pods,
            foreign=applied.foreign,
            failed=applied.failed,
            waiting=applied.waiting,
            contested=applied.contested,
            missing=decision.missing,
            paused_differences=differences,
        )


def _understood(make: Callable[[], _Made]) -> _Made:
    """
    What is made of the spec; Stumbled for whatever it stumbles over.

    The schema and the checks should leave nothing to stumble over. What they miss must be told in
    status, instead of being tried again for ever.
    """
    try:
        return make()
    except Exception as error:
        sentence = (
            f"the spec has a value that cannot be used ({error}): compare it with"
            " `kubectl explain digitalhuman.spec --recursive`"
        )
        raise Stumbled([sentence]) from error


def _inputs(human: Human, design: Design) -> int:
    """Changes with anything that rendering depends on."""
    return hash((human.uid, human.generation, repr(design)))


def _is_ready(seen: Seen) -> bool:
    """Whether status says Ready about the spec as it is."""
    status = seen.status_object()
    conditions = status.get("conditions", [])
    return status.get("observedGeneration") == seen.generation and any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions
    )
