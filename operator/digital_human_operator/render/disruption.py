"""PodDisruptionBudgets that never block the drain of a node for ever."""

from __future__ import annotations

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.face import ManagedFace
from digital_human_operator.human import Design, Human

from .common import Manifest, manifest


def runtime_budget(human: Human, design: Design) -> Manifest | None:
    """
    The budget of the runtime; none when there can only be one Pod, which nothing could replace.

    With autoscaling ``minAvailable`` may mean all of the fewest Pods, and a percentage is rounded
    up; then it is turned into "all but one", which a drain can always satisfy.
    """
    spec = human.spec
    autoscaling = spec.autoscaling
    least = autoscaling.min_replicas if autoscaling else spec.replicas or 1
    most = autoscaling.max_replicas if autoscaling else least
    if design.suspended or most <= 1:
        return None
    wanted = spec.availability
    limit: Manifest = {"maxUnavailable": 1}
    if wanted.max_unavailable is not None:
        limit = {"maxUnavailable": _number(wanted.max_unavailable)}
    elif wanted.min_available is not None:
        number = _number(wanted.min_available)
        if _of(number, least) < least:
            limit = {"minAvailable": number}
    return _budget(human, human.name, names.RUNTIME, limit)


def face_budget(human: Human, face: ManagedFace, design: Design) -> Manifest | None:
    """The budget of Audio2Face."""
    if design.suspended or face.replicas <= 1:
        return None
    return _budget(human, names.face(human.name), names.FACE, {"maxUnavailable": 1})


def _budget(human: Human, name: str, component: str, limit: Manifest) -> Manifest:
    return manifest(
        human,
        "policy/v1",
        "PodDisruptionBudget",
        name,
        component,
        spec={
            **limit,
            "selector": {"matchLabels": names.selector(human.name, component)},
            # A Pod that is not ready serves nobody: it must not hold up a drain.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    )


def _number(value: int | str) -> int | str:
    return int(value) if str(value).isdigit() else value


def _of(limit: int | str, pods: int) -> int:
    """The number of Pods that a limit means; percentages are rounded up, as Kubernetes does."""
    return limit if isinstance(limit, int) else -(-pods * int(limit.rstrip("%")) // 100)
