"""
The operator in a cluster with real Pods, from the images of this checkout, as its users install it.

For the demo and for the end-to-end tests: two Pods of the operator in a restricted namespace, and
humans whose Pods run our runtime, all by digest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tools.cluster import Cluster, ClusterError
from tools.cluster.node import lane
from tools.cluster.node.configs import NODE_SELECTOR
from tools.images import table
from tools.images.build import Choice
from tools.images.build import build as build_images
from tools.operator_process import NAMESPACE, RELEASE, install_chart

IMAGES = ("operator", "runtime-cpu")
REPLICAS = 2
INSTALL_SECONDS = 180
REAL = "kubernetes.io/hostname=node-0"
SIMULATED = "type=kwok"

Tell = Callable[[str], None]
"""Takes a line about what was done."""


def images(
    cluster: Cluster, tell: Tell = lambda _line: None, names: Sequence[str] = IMAGES
) -> dict[str, str]:
    """
    Build what has changed and send it to the cluster's registry; returns digests by image.

    Raises ImageError or ClusterError.
    """
    for image in table.chosen(names):
        tell(f"image {image.name} ...")
        for known in build_images([image], Choice()):
            size, digest = known["compressed"] / 1e6, known["digest"][:19]
            tell(f"image {known['name']}: {known['seconds']:.0f} s, {size:.0f} MB, {digest}")
    pushed = lane.push_images(cluster.directory, list(names))
    return {name: image.digest for name, image in zip(names, pushed, strict=True)}


def operator(cluster: Cluster, digests: Mapping[str, str], **values: str) -> None:
    """Install or upgrade the chart and wait until its Pods are ready; raises ClusterError."""
    namespace(cluster, NAMESPACE, REAL)
    settings = {
        "replicas": str(REPLICAS),
        "podDisruptionBudget.enabled": "true",
        "networkPolicy.enabled": "true",
        "image.digest": digests["operator"],
        "operands.runtime.digest": digests["runtime-cpu"],
    }
    if "backup" in digests:
        settings["operands.tools.digest"] = digests["backup"]
    try:
        install_chart(cluster, values=settings | values, seconds=INSTALL_SECONDS)
    except ClusterError as error:
        raise ClusterError(f"{error}\n{why(cluster, NAMESPACE)}") from error


def namespace(cluster: Cluster, name: str, nodes: str) -> None:
    """Make or keep a namespace of restricted Pods, all of which go to the nodes of a selector."""
    cluster.kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
                "annotations": {NODE_SELECTOR: nodes},
            },
        }
    )


def why(cluster: Cluster, place: str) -> str:
    """What keeps Pods of a namespace from running, a line for each."""
    pods = cluster.kubectl.json("get", "pods", "-n", place)["items"]
    return "\n".join(f"{pod['metadata']['name']}: {_state(pod)}" for pod in pods)


def _state(pod: Mapping[str, Any]) -> str:
    status = pod["status"]
    for container in status.get("containerStatuses", []):
        for state in (container["state"], container.get("lastState", {})):
            for told in (state.get("waiting"), state.get("terminated")):
                if told:
                    return f"{told.get('reason', '')} {told.get('message', '')}".strip()
    unmet = [one for one in status.get("conditions", []) if one["status"] != "True"]
    said = [one["message"] for one in unmet if one.get("message")]
    return said[0] if said else str(status.get("phase", "unknown"))


__all__ = ["IMAGES", "NAMESPACE", "REAL", "RELEASE", "SIMULATED", "images", "namespace", "operator"]
