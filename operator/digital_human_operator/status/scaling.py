"""
What the autoscaler says and did.

Metrics that the cluster does not serve at all are told from the first word on: nothing that the
autoscaler finds out later is news then.

Metrics of new Pods take a while to arrive: kube-controller-manager itself looks away for five
minutes. So long their absence says nothing, and status neither tells it nor is written for it. All
is computed from the times in the autoscaler's own object, so a restart changes nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime

from digital_human_operator.api.v1alpha1.status import DigitalHumanStatus, ScalingDecision
from digital_human_operator.names import CUSTOM_METRICS, RESOURCE_METRICS
from digital_human_operator.observed import Observed
from digital_human_operator.states import HpaState

from .conditions import Draft, find
from .view import View

PATIENCE = 300.0
"""Seconds: the default of kube-controller-manager's --horizontal-pod-autoscaler-cpu-
initialization-period."""
WAITING = "WaitingForMetrics"
NOT_SERVED = "MetricsNotServed"
_SERVERS = {
    RESOURCE_METRICS: f"{RESOURCE_METRICS} (metrics-server does)",
    CUSTOM_METRICS: f"{CUSTOM_METRICS} (an adapter such as prometheus-adapter does)",
}
_MOST = 10
_KIND = "HorizontalPodAutoscaler"
_CONDITION = "AutoscalingActive"
_CALCULATED = "the HPA was able to successfully calculate a replica count from "


def draft(view: View) -> Draft:
    """The condition about the autoscaler."""
    found = _autoscaler(view.observed)
    bad = next((c for c in (found.able, found.active) if c and c.status != "True"), None)
    if found.active is None or (bad is not None and bad.reason.startswith("FailedGet")):
        if view.decision.metrics.all_unserved:
            text = f"the autoscaler cannot see the load: {_unserved(view)}"
            return Draft(_CONDITION, "False", NOT_SERVED, text)
        if _is_new(view, found):
            text = "no metrics yet: they may take five minutes from the making of the autoscaler"
            return Draft(_CONDITION, "Unknown", WAITING, text)
        if found.active is None:
            return Draft(_CONDITION, "Unknown", "Pending", "the autoscaler has not spoken yet")
    if bad is not None:
        text = bad.message or "the autoscaler cannot scale"
        return Draft(_CONDITION, "False", bad.reason or "Inactive", text)
    text, limited = "follows its metrics", found.limited
    if limited is not None and limited.status == "True":
        text = limited.message or limited.reason
    if view.decision.metrics.unserved:
        text = f"{text}; {_unserved(view)}"
    reason = (found.active.reason if found.active else "") or "Active"
    return Draft(_CONDITION, "True", reason, text)


def _unserved(view: View) -> str:
    missing = " and ".join(_SERVERS[group] for group in view.decision.metrics.unserved)
    return f"this cluster does not serve {missing}"


def look_again(computed: DigitalHumanStatus, observed: Observed, now: str) -> float | None:
    """Seconds until missing metrics are no longer excused; None when nothing is."""
    told, created = find(computed, _CONDITION), _autoscaler(observed).created
    if told is None or told.reason != WAITING or not created:
        return None
    return max(1.0, PATIENCE - _seconds(created, now))


def decisions(view: View) -> list[ScalingDecision]:
    """The last changes of the number of Pods by the autoscaler, the newest at the end."""
    before = list(view.previous.scaling_decisions) if view.previous is not None else []
    if not view.design.autoscaled:
        return before
    found = _autoscaler(view.observed)
    if not found.scaled or (before and before[-1].time >= found.scaled):
        return before
    because = found.active.message if found.active and found.active.status == "True" else ""
    made = ScalingDecision(
        time=found.scaled,
        from_replicas=_was(view, found, before),
        to_replicas=found.desired,
        reason=because.removeprefix(_CALCULATED) or None,
    )
    return [*before, made][-_MOST:]


def _was(view: View, found: HpaState, before: list[ScalingDecision]) -> int | None:
    """How many Pods there were: the autoscaler only says it until its next look."""
    if found.current != found.desired:
        return found.current
    if before:
        return before[-1].to_replicas
    known = view.previous.replicas if view.previous is not None else None
    return known.desired if known is not None and known.desired != found.desired else None


def _autoscaler(observed: Observed) -> HpaState:
    found = observed.only(_KIND)
    return found if isinstance(found, HpaState) else HpaState()


def _is_new(view: View, found: HpaState) -> bool:
    """Whether it is too early to judge: it was just made, and has never said yes or no."""
    told = find(view.previous, _CONDITION)
    if told is not None and told.status == "False":
        return False
    if view.observed.only(_KIND) is None:
        return True  # about to be made
    if told is not None and told.status == "True" and found.active is not None:
        return False
    return bool(found.created) and _seconds(found.created, view.now) < PATIENCE


def _seconds(since: str, now: str) -> float:
    """Seconds between two times in RFC 3339."""
    return (_moment(now) - _moment(since)).total_seconds()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
