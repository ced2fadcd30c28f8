"""Why Pods do not start, from what the scheduler and the kubelet say about them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from digital_human_operator import names
from digital_human_operator.states import PodState

from . import reasons
from .claims import unbound
from .view import View

_IMAGE = frozenset({"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_CONFIG = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_NO_GPU = ("affinity/selector", "untolerated taint", "no nodes available")
_AFTERWORD = re.compile(r" (?:no new claims to deallocate|preemption:)")
_LONGEST = 600


@dataclass(frozen=True)
class Stuck:
    """The commonest reason why Pods of one component do not start, in a sentence."""

    reason: str
    message: str


def stuck(view: View, component: str) -> Stuck | None:
    """What keeps Pods of ``component`` from starting; None when nothing does."""
    pods = view.pods(component)
    waiting = [pod for pod in pods if pod.unscheduled]
    if waiting:
        lacking = lacking_gpus(view, component)
        claim = unbound(view, component, waiting[0].unscheduled_message)
        if claim is not None and not lacking:
            return Stuck(reasons.VOLUME_PENDING, claim.text)
        reason = reasons.GPUS_MISSING if lacking else reasons.UNSCHEDULABLE
        what = f"a node with {_gpus(view, component)}" if lacking else "a node"
        said = scheduler(waiting[0])
        return Stuck(reason, f"{_count(waiting, pods)} wait for {what}: {said}"[:_LONGEST])
    failing = [pod for pod in pods if pod.waiting]
    if not failing:
        return None
    first = failing[0]
    same = [pod for pod in failing if pod.waiting == first.waiting]
    said = first.waiting_message or first.waiting
    if _reason(first) == reasons.IMAGE_PULL_FAILED:
        said = "; ".join((*view.decision.pull_secrets, said))
    text = f"container {first.container} of {_count(same, pods)} {_verb(first)}: {said}"
    return Stuck(_reason(first), text[:_LONGEST])


def lacking_gpus(view: View, component: str) -> int:
    """GPUs that Pods of ``component`` wait for."""
    nodes = view.design.face_nodes if component == names.FACE else view.design.nodes
    if nodes.resource is None or component not in {names.RUNTIME, names.FACE}:
        return 0
    signs = (nodes.resource, *_NO_GPU)
    pods = [
        pod
        for pod in view.pods(component)
        if pod.unscheduled and any(sign in pod.unscheduled_message for sign in signs)
    ]
    return len(pods) * nodes.count


def scheduler(pod: PodState) -> str:
    """What the scheduler says, without how preemption or freeing claims would go."""
    said = _AFTERWORD.split(pod.unscheduled_message, maxsplit=1)[0].strip()
    return said or pod.unscheduled


def _gpus(view: View, component: str) -> str:
    face = view.human.spec.face.managed
    if component == names.FACE and face is not None:
        return f"{face.gpu.count} x {face.gpu.profile}"
    return f"{view.human.spec.gpu.count} x {view.human.spec.gpu.profile}"


def _count(some: Sequence[PodState], pods: Sequence[PodState]) -> str:
    return f"{len(some)} of {len(pods)} Pods"


def _reason(pod: PodState) -> str:
    if pod.waiting in _IMAGE:
        return reasons.IMAGE_PULL_FAILED
    if pod.waiting in _CONFIG:
        return reasons.CONTAINER_CONFIG_ERROR
    return reasons.CONTAINER_CRASHING


def _verb(pod: PodState) -> str:
    return {
        reasons.IMAGE_PULL_FAILED: "cannot pull its image",
        reasons.CONTAINER_CONFIG_ERROR: "cannot be made",
    }.get(_reason(pod), "ends with an error")
