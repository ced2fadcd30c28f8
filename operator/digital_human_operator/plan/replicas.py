"""How many Pods, and who decides it."""

from __future__ import annotations

from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec


def is_suspended(spec: DigitalHumanSpec) -> bool:
    """Whether the human is scaled to zero on purpose."""
    return spec.mode == "Suspended"


def is_autoscaled(spec: DigitalHumanSpec) -> bool:
    """Whether an autoscaler owns the number of Pods."""
    return spec.autoscaling is not None and not is_suspended(spec)


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
