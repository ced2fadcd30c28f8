"""PodDisruptionBudgets that never block the drain of a node for ever."""

from __future__ import annotations

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.face import ManagedFace
from digital_human_operator.human import Design, Human

from .common import Manifest, manifest


def runtime_budget(human: Human, design: Design) -> Manifest | None:
    """The budget of the runtime; None where it would only block."""
    if design.disruption_limit is None:
        return None
    return _budget(human, human.name, names.RUNTIME, dict(design.disruption_limit))


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
