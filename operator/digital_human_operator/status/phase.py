"""The phase: one word for people, derived from the same findings as the conditions."""

from __future__ import annotations

from collections.abc import Sequence

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.status import Phase

from . import reasons
from .checks import Finding
from .view import View

_HELD = frozenset({reasons.PAUSED, reasons.SECRET_MISSING})
"""What a pause leaves as it is: a Secret that comes makes no Pod either."""


def phase(view: View, found: Sequence[Finding]) -> Phase:
    """The word for this look."""
    if any(one.stalls for one in found):
        return "Failed"
    if view.is_paused and any(one.reason in _HELD for one in found):
        return "Paused"
    if view.design.replicas == 0:
        return _without_pods(view, found)
    if not found:
        return "Ready"
    return _under_way(view)


def _without_pods(view: View, found: Sequence[Finding]) -> Phase:
    if any(one.reason == reasons.SUSPENDING for one in found):
        return "Draining"
    if view.decision.restore is not None:
        return "Restoring"
    return "Suspended" if view.design.suspended else "Asleep"


def _under_way(view: View) -> Phase:
    runtime = view.runtime
    if view.is_serving:
        was_updating = runtime is not None and not view.is_updated
        return "Updating" if was_updating else _incomplete(view)
    if runtime is None:
        return "Pending" if view.observed.missing or view.observed.failed else "Provisioning"
    if _was_complete(view):
        return "Degraded"
    waiting = any(pod.unscheduled for pod in view.pods(names.RUNTIME))
    return "Provisioning" if waiting or runtime.replicas == 0 else "Warming"


def _incomplete(view: View) -> Phase:
    """Some Pods talk: on the way up, or some of them lost."""
    runtime = view.runtime
    if runtime is not None and runtime.desired < view.wanted:
        return "Warming"  # the autoscaler has yet to raise the number
    before = view.previous.phase if view.previous is not None else None
    if before in {"Pending", "Provisioning", "Warming"}:
        return "Warming"  # it has never been better
    return "Degraded" if _was_complete(view) else "Warming"


def _was_complete(view: View) -> bool:
    """Whether this template was rolled out completely before."""
    runtime = view.runtime
    return runtime is not None and runtime.progress_reason == "NewReplicaSetAvailable"
