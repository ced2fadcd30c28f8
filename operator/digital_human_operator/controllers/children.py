"""Makes the children of one human true: applies what is rendered, prunes what is not."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from digital_human_operator.human import Child, Human
from digital_human_operator.kinds import BY_KIND, OPTIONAL, SECOND, WORKLOADS
from digital_human_operator.kube.apply import Outcome, Result, belongings
from digital_human_operator.kube.desired import Desired
from digital_human_operator.kube.errors import ApiError, Conflict, Forbidden, Invalid
from digital_human_operator.kube.live import Live
from digital_human_operator.kube.resources import Resource
from digital_human_operator.metrics import APPLIES
from digital_human_operator.names import ANNOTATION_TEMPLATE, REDIS
from digital_human_operator.states import JobState

from .handover import hand_over_replicas
from .services import Services

_NEEDED = frozenset(
    {
        "ServiceAccount",
        "ConfigMap",
        "Secret",
        "PersistentVolumeClaim",
        "Role",
        "NetworkPolicy",
        "Service",
    }
)
"""
What Pods run as, mount or are granted, are fenced in and found by.

Nothing starts with somebody else's, or without.
"""
_LEFT = frozenset({"PersistentVolumeClaim", "Secret", "StatefulSet"})
"""Kinds with data or passwords, or whose end may take data along: left while they are orphans."""


@dataclass(frozen=True)
class Applied:
    """
    How it went: foreign objects left alone, and failures as (child, reason, message).

    ``waiting`` are those that may succeed the next time, as (child, message); ``retry`` is the
    error because of which the key has to be tried again. ``contested`` are those that somebody else
    rewrites again and again, as (child, who); ``again`` the seconds after which to look at them.
    """

    foreign: tuple[str, ...] = ()
    failed: tuple[tuple[str, str, str], ...] = ()
    waiting: tuple[tuple[str, str], ...] = ()
    contested: tuple[tuple[str, str], ...] = ()
    again: float | None = None
    retry: ApiError | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """
    One child that was confirmed to be as wanted: enough to see later that it still is.

    ``digest`` is that of its labels for what is ``create_only``, else that of all we apply.
    """

    resource: Resource
    name: str
    digest: bytes
    create_only: bool


def desired(child: Child, namespace: str) -> Desired:
    """What the applier takes. Jobs cannot be changed once they exist, so they are only created."""
    return Desired(
        resource=BY_KIND[child.kind],
        namespace=namespace,
        name=child.name,
        body=child.manifest,
        create_only=child.create_only or child.kind == "Job",
    )


def settled(services: Services, human: Human, children: Iterable[Child]) -> tuple[Settled, ...]:
    """What to remember of ``children`` instead of the manifests."""
    wanted = (desired(child, human.namespace) for child in children)
    return tuple(
        Settled(
            w.resource,
            w.name,
            services.applier.marks(w) if w.create_only else w.digest,
            w.create_only,
        )
        for w in wanted
    )


def differing(services: Services, human: Human, wanted: Iterable[Settled]) -> int:
    """How many children are missing, going away, or not as wanted; no request is made."""
    return sum(1 for one in wanted if not _is_settled(services, human, one))


def _is_settled(services: Services, human: Human, one: Settled) -> bool:
    live = services.stores[one.resource].get(human.namespace, one.name)
    if live is None or live.deleting or not _belongs(live, human):
        return False
    if one.create_only:
        is_labelled = live.label == human.name and live.marks == one.digest
        return is_labelled and live.owner_uid == human.uid
    return live.digest == one.digest


def surplus(services: Services, human: Human, wanted: Iterable[Settled]) -> int:
    """How many children there are that nobody wants; no request is made."""
    keep = {(one.resource, one.name) for one in wanted}
    return sum(
        1
        for resource, store in services.stores.items()
        for live in belongings(store, human.uid, (human.namespace, human.name))
        if not live.deleting
        and (resource, live.name) not in keep
        and not _is_protected(services, resource, live)
    )


def _is_protected(services: Services, resource: Resource, live: Live) -> bool:
    """
    Whether this stays although nobody wants it.

    What is of a kind that we may not read for now, and data that an earlier human has left.
    """
    if live.owner_uid is None and resource.kind in _LEFT:
        return True
    return resource in OPTIONAL and not services.served.has(resource, live.namespace)


def active(
    services: Services, human: Human, children: Iterable[Child], withheld: frozenset[str]
) -> list[Child]:
    """
    What is applied now: all but the workloads of ``withheld`` components and what they read.

    The Pods of a workload that is left as it is read its ConfigMap again whenever one of them
    starts: with that of the next revision they would end.
    """
    wanted = list(children)
    left = [child for child in wanted if _is_withheld(services, human, child, withheld)]
    running = {child.component for child in left if _exists(services, human, child)}
    return [
        child
        for child in wanted
        if child not in left and not (child.kind == "ConfigMap" and child.component in running)
    ]


def _is_withheld(
    services: Services, human: Human, child: Child, components: frozenset[str]
) -> bool:
    """
    Whether this would start Pods of one of the ``components`` that must not have any yet.

    Also a new one without Pods while a password is being made: so it is made once, with its digest.
    """
    if child.kind not in WORKLOADS or child.component not in components:
        return False
    return not _rests(child) or (REDIS in components and not _exists(services, human, child))


def _exists(services: Services, human: Human, child: Child) -> bool:
    return services.stores[BY_KIND[child.kind]].get(human.namespace, child.name) is not None


def _rests(child: Child) -> bool:
    """Whether this is a workload without Pods: it needs nothing, so it never waits for anything."""
    return bool(child.kind in WORKLOADS and child.manifest["spec"].get("replicas") == 0)


async def apply(
    services: Services, human: Human, children: list[Child], withheld: frozenset[str]
) -> Applied:
    """
    Apply ``children``, what Pods need before what starts Pods, then prune.

    Workloads of ``withheld`` components are left as they are, and all of them while something that
    Pods need is missing or foreign; only scaling to zero waits for nothing. Else refusals are
    collected, so that one bad child does not keep the others from being made. Nothing is pruned
    after a failure, nor while workloads are left as they are: they may use it.
    """
    now = active(services, human, children, withheld)
    outcomes = await _wave(services, human, [c for c in now if c.kind not in SECOND])
    startable = all(_is_usable(services, human, child, outcome) for child, outcome in outcomes)
    second = [c for c in now if c.kind in SECOND and (startable or _rests(c))]
    outcomes += await _wave(services, human, second)
    applied = _summary(outcomes)
    if startable and applied.retry is None and not applied.failed:
        keep = {(BY_KIND[c.kind], human.namespace, c.name) for c in children}
        try:
            await services.applier.prune(
                human.uid,
                keep,
                orphans=(human.namespace, human.name),
                protect=partial(_is_protected, services),
            )
        except ApiError as error:
            failed = _refusal("deletion of what is not wanted any more", error)
            return Applied(applied.foreign, failed, retry=error)
    return applied


async def _wave(
    services: Services, human: Human, wave: list[Child]
) -> list[tuple[Child, Outcome | ApiError]]:
    """Apply all of ``wave`` at once."""
    results = await asyncio.gather(*(_one(services, human, child) for child in wave))
    return list(zip(wave, results, strict=True))


def _is_usable(services: Services, human: Human, child: Child, outcome: Outcome | ApiError) -> bool:
    """Whether Pods that need ``child`` may start: it is there and ours, or they need it not."""
    if child.kind not in _NEEDED:
        return True
    if isinstance(outcome, Outcome):
        if outcome.result is Result.HELD:
            return outcome.live is not None
        return outcome.result is not Result.FOREIGN
    live = services.stores[BY_KIND[child.kind]].get(human.namespace, child.name)
    return live is not None and _belongs(live, human)


async def _one(services: Services, human: Human, child: Child) -> Outcome | ApiError:
    wanted = desired(_filled(services, human, child), human.namespace)
    try:
        if (old := _outdated(services, human, child)) is not None:
            await services.applier.retire(wanted, old)
            return Outcome(Result.DELETING, old)
        if child.kind == "Deployment" and human.spec.autoscaling is not None:
            least = human.spec.autoscaling.min_replicas
            await hand_over_replicas(services, wanted, human.uid, least)
        outcome = await services.applier.apply(wanted, human.uid)
        if outcome.result is Result.FOREIGN and _is_retained(services, human, child):
            outcome = await services.applier.apply(_unowned(wanted), human.uid)
    except ApiError as error:
        APPLIES.labels(child.kind, "error").inc()
        return error
    APPLIES.labels(child.kind, outcome.result.value).inc()
    return outcome


def _outdated(services: Services, human: Human, child: Child) -> Live | None:
    """
    Our Job that was made from something else and is not complete; None when it may stay.

    A Job cannot be changed: with other credentials, another image or other nodes it is made again,
    and the fetch goes on where it was. One that is complete has done its work.
    """
    if child.kind != "Job":
        return None
    live = services.stores[BY_KIND["Job"]].get(human.namespace, child.name)
    if live is None or live.deleting or live.owner_uid != human.uid:
        return None
    state = live.status
    if not isinstance(state, JobState) or state.complete or not state.template:
        return None
    wanted = child.manifest["metadata"]["annotations"][ANNOTATION_TEMPLATE]
    return live if state.template != wanted else None


def _filled(services: Services, human: Human, child: Child) -> Child:
    """The Secret with its generated passwords, when it is about to be created."""
    if not child.generate:
        return child
    if services.stores[BY_KIND[child.kind]].get(human.namespace, child.name) is not None:
        return child
    words = {key: secrets.token_urlsafe(n)[:n] for key, n in child.generate.items()}
    texts = words | {key: text.format(**words) for key, text in child.templates.items()}
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    return replace(child, manifest=child.manifest | {"data": data})


def _is_retained(services: Services, human: Human, child: Child) -> bool:
    """Whether this is a volume that an earlier deletionPolicy has released from its owner."""
    if child.kind != "PersistentVolumeClaim":
        return False
    live = services.stores[BY_KIND[child.kind]].get(human.namespace, child.name)
    return live is not None and live.owner_uid is None and live.label == human.name


def _unowned(wanted: Desired) -> Desired:
    metadata = {k: v for k, v in wanted.body["metadata"].items() if k != "ownerReferences"}
    return Desired(
        wanted.resource, wanted.namespace, wanted.name, wanted.body | {"metadata": metadata}
    )


def _belongs(live: Live, human: Human) -> bool:
    if live.owner_uid is not None:
        return live.owner_uid == human.uid
    return live.label == human.name


def _summary(outcomes: list[tuple[Child, Outcome | ApiError]]) -> Applied:
    foreign: list[str] = []
    failed: list[tuple[str, str, str]] = []
    waiting: list[tuple[str, str]] = []
    contested: list[tuple[str, str]] = []
    again = [o.again for _, o in outcomes if isinstance(o, Outcome) and o.again]
    retry: ApiError | None = None
    for child, outcome in outcomes:
        label = f"{child.kind} {child.name}"
        if isinstance(outcome, ApiError):
            refused = _refusal(label, outcome)
            failed += refused
            if not refused:
                waiting.append((label, outcome.message))
            if retry is None or not isinstance(outcome, Invalid):
                retry = outcome
        elif outcome.result is Result.FOREIGN:
            foreign.append(f"{label} ({outcome.detail})")
        elif outcome.result is Result.DELETING:
            waiting.append((label, "the one before is going away"))
            retry = retry or Conflict(f"{label} is going away; it is made again when it is gone")
        elif outcome.again:
            contested.append((label, outcome.detail))
            if outcome.result is Result.HELD and outcome.live is None:
                waiting.append((label, "somebody deletes it again and again"))
    return Applied(
        tuple(foreign),
        tuple(failed),
        tuple(waiting),
        tuple(contested),
        min(again, default=None),
        retry,
    )


def _refusal(label: str, error: ApiError) -> tuple[tuple[str, str, str], ...]:
    """What status has to tell of ``error``: nothing, unless it is an answer about this request."""
    if not isinstance(error, Forbidden | Invalid):
        return ()
    return ((label, error.reason or type(error).__name__, error.message),)
