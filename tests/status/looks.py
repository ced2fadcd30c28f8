"""Looks at a human, and what must hold of every status that is made of one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from digital_human_operator import names, status
from digital_human_operator.api.v1alpha1.status import Condition, DigitalHumanStatus
from digital_human_operator.human import Human
from digital_human_operator.observed import Observed
from digital_human_operator.states import (
    DeploymentState,
    PodState,
)
from tests.support.builders import a_decision, a_human
from tests.support.kstatus import verdict, violations

NOW = "2026-03-01T12:00:00Z"
LATER = "2026-03-01T13:00:00Z"
Children = Mapping[tuple[str, str], Any]


def deployment(ready: int = 1, desired: int = 1, **changes: Any) -> DeploymentState:
    full = {
        "generation": 1,
        "observed_generation": 1,
        "desired": desired,
        "replicas": desired,
        "updated": desired,
        "ready": ready,
        "available": ready,
        "progress_reason": "NewReplicaSetAvailable" if ready >= desired else "ReplicaSetUpdated",
    }
    return DeploymentState(**(full | changes))


def observed(runtime: DeploymentState | None = None, **kinds: Any) -> Observed:
    """``runtime`` and children by keyword, for example ``hpa=HpaState()``."""
    keys = {
        "hpa": ("HorizontalPodAutoscaler", "ada"),
        "redis": ("StatefulSet", "ada-redis"),
        "face": ("Deployment", "ada-audio2face"),
        "claim": ("PersistentVolumeClaim", "ada-models"),
        "redis_claim": ("PersistentVolumeClaim", "data-ada-redis-0"),
        "backup": ("CronJob", names.backup("ada")),
        "drill": ("CronJob", names.drill("ada")),
        "service": ("Service", "ada"),
        "ingress": ("Ingress", "ada"),
        "route": ("HTTPRoute", "ada"),
    }
    children = {keys[k]: v for k, v in kinds.items() if k in keys}
    children |= {("Job", name): state for name, state in kinds.pop("jobs", {}).items()}
    if runtime is not None:
        children["Deployment", "ada"] = runtime
    rest = {k: v for k, v in kinds.items() if k not in keys}
    return Observed(children=children, **rest)


def compute(
    spec: dict[str, Any] | Human,
    seen: Observed,
    previous: DigitalHumanStatus | None = None,
    now: str = NOW,
    *,
    withheld: frozenset[str] = frozenset(),
    pull_secrets: tuple[str, ...] = (),
    absent: frozenset[str] = frozenset(),
) -> DigitalHumanStatus:
    human = spec if isinstance(spec, Human) else a_human(spec)
    decision = a_decision(human, absent=absent)
    design = replace(decision.design, withheld=withheld)
    decision = replace(decision, design=design, pull_secrets=pull_secrets)
    found = status.compute(human, decision, seen, previous, now)
    check(human, found)
    return found


def check(human: Human, found: DigitalHumanStatus) -> None:
    """What must hold of every status."""
    obj = status.to_apply(human.namespace, human.name, human.uid, found)
    obj["metadata"]["generation"] = human.generation
    assert violations(obj) == []
    if condition(found, "Stalled"):
        assert verdict(obj) == "Failed"
        assert found.phase == "Failed"
    elif value(found, "Ready") == "True":
        assert verdict(obj) == "Current"
        assert found.phase == "Ready"
    else:
        assert verdict(obj) == "InProgress"
        assert found.phase != "Ready"


def condition(found: DigitalHumanStatus, name: str) -> Condition | None:
    return next((c for c in found.conditions if c.type == name), None)


def value(found: DigitalHumanStatus, name: str) -> str | None:
    one = condition(found, name)
    return one.status if one else None


def reason(found: DigitalHumanStatus, name: str = "Ready") -> str | None:
    one = condition(found, name)
    return one.reason if one else None


REDIS: dict[str, Any] = {"sessions": {"store": {"redis": {"managed": {}}}}}
FETCHED = {
    "llm": {
        "transformers": {"model": "llama3:8b", "source": {"huggingFace": {"repository": "a/b"}}}
    }
}
GPU = {"gpu": {"profile": "a100-80gb"}}
SCALED = {"autoscaling": {"minReplicas": 2, "maxReplicas": 5}}
BACKUP = {
    "backup": {
        "schedule": "@daily",
        "destination": {"persistentVolumeClaim": {"claimName": "x"}},
        "drill": {"schedule": "@weekly"},
    }
}


def fetch_job(human: Human) -> str:
    digest = a_decision(human).design.fetch_digest
    assert digest is not None
    return names.fetch("ada", digest)


NO_GPU = PodState(
    component="runtime",
    phase="Pending",
    unscheduled="Unschedulable",
    unscheduled_message="0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3",
)
NO_CPU = PodState(
    component="runtime",
    phase="Pending",
    unscheduled="Unschedulable",
    unscheduled_message="0/3 nodes are available: 3 Insufficient cpu.",
)
