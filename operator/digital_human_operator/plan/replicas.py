"""How many Pods, and who decides it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from digital_human_operator.decision import MetricsVerdict
from digital_human_operator.names import CUSTOM_METRICS, RESOURCE_METRICS


def is_suspended(spec: DigitalHumanSpec) -> bool:
    """Whether the human is scaled to zero on purpose."""
    return spec.mode == "Suspended"


def is_autoscaled(spec: DigitalHumanSpec) -> bool:
    """Whether an autoscaler owns the number of Pods."""
    return spec.autoscaling is not None and not is_suspended(spec)


def metrics(spec: DigitalHumanSpec, absent: AbstractSet[str]) -> MetricsVerdict:
    """Which of the autoscaler's metrics nobody serves; ``absent`` are API groups."""
    wanted = spec.autoscaling
    if wanted is None:
        return MetricsVerdict()
    of_pods = wanted.gpu is not None or wanted.sessions_per_replica is not None
    groups = {CUSTOM_METRICS} if of_pods else set()
    if wanted.cpu is not None or not of_pods:
        groups.add(RESOURCE_METRICS)
    unserved = groups & absent
    return MetricsVerdict(tuple(sorted(unserved)), all_unserved=unserved == groups)


def replicas(spec: DigitalHumanSpec) -> int | None:
    """Pods to ask for; None while an autoscaler owns the number."""
    if is_suspended(spec):
        return 0
    if spec.autoscaling is not None:
        return None
    return 1 if spec.replicas is None else spec.replicas


def most_replicas(spec: DigitalHumanSpec) -> int:
    """The largest number of Pods that the spec allows."""
    if spec.autoscaling is not None:
        return spec.autoscaling.max_replicas
    return 1 if spec.replicas is None else spec.replicas


def least_replicas(spec: DigitalHumanSpec) -> int:
    """The smallest number of Pods that the spec asks for while it runs."""
    if spec.autoscaling is not None:
        return spec.autoscaling.min_replicas
    return spec.replicas or 1


def keeps_all(spec: DigitalHumanSpec) -> bool:
    """
    Whether ``minAvailable`` means all of the fewest Pods, so that no node could be drained.

    Without autoscaling a rule of the CRD refuses that.
    """
    wanted, least = spec.availability.min_available, least_replicas(spec)
    return wanted is not None and _of(_number(wanted), least) >= least


def disruption_limit(spec: DigitalHumanSpec) -> dict[str, int | str] | None:
    """
    What a PodDisruptionBudget allows: as the spec says, or all but one of the Pods.

    None where there can only be one Pod, which nothing could replace, and while it is suspended.
    """
    wanted = spec.availability
    if is_suspended(spec) or most_replicas(spec) <= 1:
        return None
    if wanted.max_unavailable is not None:
        return {"maxUnavailable": _number(wanted.max_unavailable)}
    if wanted.min_available is not None and not keeps_all(spec):
        return {"minAvailable": _number(wanted.min_available)}
    return {"maxUnavailable": 1}


def _number(value: int | str) -> int | str:
    return int(value) if str(value).isdigit() else value


def _of(limit: int | str, pods: int) -> int:
    """The number of Pods that a limit means; percentages are rounded up, as Kubernetes does."""
    return limit if isinstance(limit, int) else -(-pods * int(limit.rstrip("%")) // 100)
