"""Where Pods may run: the GPU's nodes, the user's wishes, and a spread over zones and nodes."""

from __future__ import annotations

from typing import Any

from digital_human_operator import names
from digital_human_operator.human import Human, NodeChoice

from .common import Manifest

_SPREAD = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")


def placement(human: Human, component: str, nodes: NodeChoice) -> Manifest:
    """The fields of a Pod with or without GPUs that decide where it runs."""
    wanted = human.spec.placement
    return {
        **nodes_of(human, nodes),
        "topologySpreadConstraints": _spread(human, component),
        "priorityClassName": wanted.priority_class_name,
        "runtimeClassName": wanted.runtime_class_name if nodes.resource else None,
    }


def nodes_of(human: Human, nodes: NodeChoice) -> Manifest:
    """Which nodes a Pod may run on: those with the GPU, as far as the user allows."""
    wanted = human.spec.placement
    return {
        "nodeSelector": {**nodes.node_selector, **wanted.node_selector} or None,
        "tolerations": tolerations(human, nodes),
        "affinity": _affinity(wanted.affinity, nodes),
    }


def tolerations(human: Human, nodes: NodeChoice | None = None) -> list[Manifest]:
    """The user's tolerations, which every Pod of the human has, after those of the GPU."""
    found = [dict(toleration) for toleration in nodes.tolerations] if nodes else []
    for toleration in human.spec.placement.tolerations:
        given = toleration.model_dump(by_alias=True, exclude_none=True)
        if given not in found:
            found.append(given)
    return found


def _affinity(wanted: dict[str, Any] | None, nodes: NodeChoice) -> dict[str, Any] | None:
    """
    The user's affinity, with the GPU's conditions added to each of its node selector terms.

    Terms are alternatives, so a condition that must hold belongs into all of them.
    """
    if not nodes.match_expressions:
        return wanted
    affinity = dict(wanted or {})
    node = dict(affinity.get("nodeAffinity") or {})
    key = "requiredDuringSchedulingIgnoredDuringExecution"
    terms = (node.get(key) or {}).get("nodeSelectorTerms") or [{}]
    ours = [dict(expression) for expression in nodes.match_expressions]
    node[key] = {
        "nodeSelectorTerms": [
            {**term, "matchExpressions": [*(term.get("matchExpressions") or []), *ours]}
            for term in terms
        ]
    }
    return {**affinity, "nodeAffinity": node}


def _spread(human: Human, component: str) -> list[Manifest]:
    selector = {"matchLabels": names.selector(human.name, component)}
    wanted = human.spec.placement.topology_spread
    if wanted is None:
        rules = [(key, 1, "ScheduleAnyway") for key in _SPREAD]
    else:
        rules = [(one.topology_key, one.max_skew, one.when_unsatisfiable) for one in wanted]
    return [
        {
            "maxSkew": skew,
            "topologyKey": key,
            "whenUnsatisfiable": unsatisfiable,
            "labelSelector": selector,
        }
        for key, skew, unsatisfiable in rules
    ]
