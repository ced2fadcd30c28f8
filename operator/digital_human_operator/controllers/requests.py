"""What backups and restores on request have in common: their human, its Secrets, their children."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from digital_human_operator import names, plan
from digital_human_operator.decision import Decision
from digital_human_operator.errors import InvalidSpec
from digital_human_operator.human import Child, Human, Request
from digital_human_operator.kinds import BY_KIND, HUMANS
from digital_human_operator.kube.apply import Result
from digital_human_operator.kube.live import Live
from digital_human_operator.kube.resources import Resource
from digital_human_operator.render import restore_run
from digital_human_operator.seen import Key, Seen
from digital_human_operator.states import JobState, PodState
from digital_human_operator.status.restores import Origin
from digital_human_operator.status.runs import SUCCEEDED, Obstacle

from .children import desired
from .references import read, want
from .services import Services

_LAST_WORD = 10.0
"""Seconds that the last word of a Pod may come after the end of its Job."""

_NO_MARKS: Mapping[str, str] = {}


class Stopped(Exception):  # noqa: N818 - no error, but the way out
    """There will be no Job now."""

    def __init__(self, obstacle: Obstacle) -> None:
        self.obstacle = obstacle


def human_of(services: Services, key: Key, name: str) -> Human:
    """The human of a request, also while it goes away; it has a ``spec.backup``."""
    of_human = (HUMANS.kind, key[1], name)
    seen = services.seen.get(of_human)
    if seen is None:
        text = f"there is no DigitalHuman {name} in this namespace"
        raise Stopped(Obstacle("HumanNotFound", text))
    try:
        human = plan.parse(seen.raw(of_human))
    except InvalidSpec as error:
        text = f"the spec of {name} cannot be understood: {error}"
        raise Stopped(Obstacle("HumanInvalid", text)) from error
    if human.spec.backup is None:
        text = (
            f"{name} has no spec.backup, which says how its backups are encrypted: set it, then"
            f" create another {key[0]}"
        )
        raise Stopped(Obstacle("NotConfigured", text, final=True))
    return human


async def check_references(services: Services, key: Key, *humans: Human) -> None:
    """Wait for the Secrets that Pods of backups mount: without them they would never start."""
    of_all = (one for human in humans for one in plan.needs(human))
    needs = tuple(one for one in of_all if one.component == names.BACKUP)
    wanted = sorted({one.ref for one in needs})
    want(services, key, wanted)
    sentences, _ = plan.missing(needs, await read(services, key[1], wanted))
    if sentences:
        raise Stopped(Obstacle("SecretMissing", "; ".join(sentences)))


def is_as_made(seen: Seen, spec: Mapping[str, Any], marks: Mapping[str, str] = _NO_MARKS) -> bool:
    """Whether a DigitalHumanBackup is as we make it: its name alone may be of anybody's choice."""
    is_marked = marks.items() <= seen.annotations_object().items()
    return is_marked and plan.is_same_backup(seen.spec_object(), spec)


def pods_of(services: Services, key: Key, human: str, job: str) -> list[PodState]:
    """The Pods of a Job."""
    return [
        pod.status
        for pod in services.pods.labelled(human)
        if pod.namespace == key[1] and pod.status.job == job
    ]


def decided(services: Services, human: Human) -> Decision:
    """What is planned for a human whose Pods are those of a request."""
    return plan.decide(
        human,
        images=services.images,
        operator_namespace=services.namespace,
        references={},
        served=frozenset(),
    )


def job_of(services: Services, key: Key, seen: Seen, name: str) -> JobState | None:
    """The Job of a request; None while there is none of its own."""
    live = services.stores[BY_KIND["Job"]].get(key[1], name)
    if live is None or live.owner_uid != seen.uid or live.deleting:
        return None
    return live.status if isinstance(live.status, JobState) else None


async def make_restore(  # noqa: PLR0917 - two callers
    services: Services, key: Key, seen: Seen, human: Human, origin: Origin, request: Request
) -> None:
    """Make what brings the sessions of a backup into the Redis of ``human``."""
    there = replace(human, uid=origin.uid)
    children = restore_run(there, decided(services, human).design, request, origin.backup)
    await apply_all(services, children, key, seen)


class LastWord:
    """Waits a while for what a Pod tells in the end: two watches, in any order."""

    def __init__(self) -> None:
        self.since: dict[Key, float] = {}

    def may_come(self, key: Key, job: JobState | None, pods: Sequence[PodState]) -> bool:
        """Whether the Job is over and no Pod of it has told yet."""
        if job is None or not (job.complete or job.failed_reason):
            return False
        since = self.since.setdefault(key, time.monotonic())
        phase = "Succeeded" if job.complete else "Failed"
        told = any(pod.results for pod in pods if pod.phase == phase)
        return not told and time.monotonic() - since < _LAST_WORD

    def forget(self, key: Key) -> None:
        """It has ended."""
        self.since.pop(key, None)


def tell_end(  # noqa: PLR0917 - two callers
    services: Services, resource: Resource, key: Key, seen: Seen, phase: str, message: str
) -> None:
    """Tell the end as a Kubernetes Event."""
    about = {"apiVersion": resource.api_version, "kind": resource.kind}
    about |= {"namespace": key[1], "name": key[2], "uid": seen.uid}
    reason = f"{resource.kind.removeprefix('DigitalHuman')}{phase}"
    went_well = phase == SUCCEEDED
    services.recorder.record(about, reason, message, type="Normal" if went_well else "Warning")


async def apply_all(services: Services, children: Iterable[Child], key: Key, seen: Seen) -> None:
    """Apply what a request needs; Stopped where a name is taken."""
    for child in children:
        outcome = await services.applier.apply(desired(child, key[1]), seen.uid)
        if outcome.result is Result.FOREIGN and _is_left_behind(services, child, outcome.live):
            text = f"the {child.kind} of an earlier {key[0]} of this name is going away"
            raise Stopped(Obstacle("Pending", text))
        if outcome.result is Result.FOREIGN:
            text = (
                f"{child.kind} {child.name} belongs to somebody else ({outcome.detail}): delete it,"
                f" then create another {key[0]}"
            )
            raise Stopped(Obstacle("ForeignObject", text, final=True))
        if outcome.result is Result.DELETING:
            raise Stopped(Obstacle("Pending", f"the {child.kind} before is going away"))


def _is_left_behind(services: Services, child: Child, live: Live | None) -> bool:
    """Whether this is of a request that is gone: the garbage collector comes a little later."""
    ours = child.manifest["metadata"]["labels"][names.LABEL_HUMAN]
    return (
        live is not None
        and live.owner_uid is not None
        and live.label == ours
        and services.seen.key_of(live.owner_uid) is None
    )
