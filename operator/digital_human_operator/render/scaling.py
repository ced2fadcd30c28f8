"""The HorizontalPodAutoscaler, with the behaviour of the deployment guide unless told otherwise."""

from __future__ import annotations

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.life import Autoscaling, ScalingRules
from digital_human_operator.human import Human

from .common import Manifest, manifest

CPU_DEFAULT = 70
"""Percent of the CPU request when no target is given."""

_UP: Manifest = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Percent", "value": 100, "periodSeconds": 15},
        {"type": "Pods", "value": 4, "periodSeconds": 15},
    ],
}
_DOWN: Manifest = {
    "stabilizationWindowSeconds": 300,
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}],
}


def autoscaler(human: Human, wanted: Autoscaling) -> Manifest:
    """Scales the Deployment of the runtime; the largest of its metrics wins."""
    return manifest(
        human,
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        human.name,
        names.RUNTIME,
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": human.name},
            "minReplicas": wanted.min_replicas,
            "maxReplicas": wanted.max_replicas,
            "metrics": _metrics(wanted),
            "behavior": {
                "scaleUp": _rules(wanted.behavior.scale_up, _UP),
                "scaleDown": _rules(wanted.behavior.scale_down, _DOWN),
            },
        },
    )


def _metrics(wanted: Autoscaling) -> list[Manifest]:
    found = []
    for name, target in (
        ("gpu_utilization", wanted.gpu),
        ("digital_human_sessions_active", wanted.sessions_per_replica),
    ):
        if target is not None:
            found.append(
                {
                    "type": "Pods",
                    "pods": {
                        "metric": {"name": name},
                        "target": {"type": "AverageValue", "averageValue": str(target)},
                    },
                }
            )
    cpu = wanted.cpu if wanted.cpu is not None or found else CPU_DEFAULT
    if cpu is None:
        return found
    utilization = {"type": "Utilization", "averageUtilization": cpu}
    return [{"type": "Resource", "resource": {"name": "cpu", "target": utilization}}, *found]


def _rules(wanted: ScalingRules | None, default: Manifest) -> Manifest:
    """The user's rules; what is absent comes from the deployment guide."""
    if wanted is None:
        return dict(default)
    window = wanted.stabilization_window_seconds
    policies = wanted.policies
    return {
        "stabilizationWindowSeconds": default["stabilizationWindowSeconds"]
        if window is None
        else window,
        "selectPolicy": wanted.select_policy,
        "policies": default["policies"]
        if policies is None
        else [policy.model_dump(by_alias=True) for policy in policies],
    }
