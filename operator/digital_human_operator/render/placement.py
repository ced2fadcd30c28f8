"""Where Pods may run: the GPU's nodes, the user's wishes, and a spread over zones and nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from digital_human_operator.api.v1alpha1.body import Placement, TopologySpread
from digital_human_operator.human import NodeChoice

from .common import Manifest

_SPREAD = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")


def placement(wanted: Placement, labels: Mapping[str, str], nodes: NodeChoice) -> Manifest:
    """The fields that decide where the Pods with these labels run."""
    return {
        **nodes_of(wanted, nodes),
        "topologySpreadConstraints": _spread(wanted.topology_spread, labels),
        "priorityClassName": wanted.priority_class_name,
        "runtimeClassName": wanted.runtime_class_name if nodes.resource else None,
    }


def nodes_of(wanted: Placement, nodes: NodeChoice) -> Manifest:
    """Which nodes a Pod may run on: those with the GPU, as far as the user allows."""
    return {
        "nodeSelector": {**nodes.node_selector, **wanted.node_selector} or None,
        "tolerations": tolerations(wanted, nodes),
        "affinity": _affinity(wanted.affinity, nodes),
    }


def tolerations(wanted: Placement, nodes: NodeChoice | None = None) -> list[Manifest]:
    """The user's tolerations, after those of the GPU."""
    found = [dict(toleration) for toleration in nodes.tolerations] if nodes else []
    for toleration in wanted.tolerations:
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


def _spread(wanted: list[TopologySpread] | None, labels: Mapping[str, str]) -> list[Manifest]:
    if wanted is None:
        rules = [(key, 1, "ScheduleAnyway") for key in _SPREAD]
    else:
        rules = [(one.topology_key, one.max_skew, one.when_unsatisfiable) for one in wanted]
    return [
        {
            "maxSkew": skew,
            "topologyKey": key,
            "whenUnsatisfiable": unsatisfiable,
            "labelSelector": {"matchLabels": dict(labels)},
        }
        for key, skew, unsatisfiable in rules
    ]
