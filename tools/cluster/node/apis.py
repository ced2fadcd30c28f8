"""APIs that servers beside the API server answer: what makes them the cluster's own."""

from dataclasses import dataclass
from typing import Any

from tools.cluster.node.place import CUSTOM_METRICS_PORT, METRICS_PORT, Place

NAMESPACE = "kube-system"
_HTTPS = {"name": "https", "protocol": "TCP"}


@dataclass(frozen=True)
class Api:
    """A group of the API with a server of its own, which is a program of the node and no Pod."""

    server: str
    group: str
    versions: tuple[str, ...]
    port: int


APIS = (
    Api("metrics-server", "metrics.k8s.io", ("v1beta1",), METRICS_PORT),
    Api("custom-metrics", "custom.metrics.k8s.io", ("v1beta2", "v1beta1"), CUSTOM_METRICS_PORT),
)


def objects(place: Place) -> list[dict[str, Any]]:
    """The objects that send requests for these groups to their servers."""
    found = [_reader()]
    for api in APIS:
        found += [_service(api), _endpoints(api, place)]
        found += [
            _registration(api, version, 100 - rank) for rank, version in enumerate(api.versions)
        ]
    return found


def _reader() -> dict[str, Any]:
    """Let whoever may look at Pods look at what they use."""
    roles = ("admin", "edit", "view")
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": "system:aggregated-metrics-reader",
            "labels": {f"rbac.authorization.k8s.io/aggregate-to-{role}": "true" for role in roles},
        },
        "rules": [
            {
                "apiGroups": ["metrics.k8s.io"],
                "resources": ["pods", "nodes"],
                "verbs": ["get", "list", "watch"],
            }
        ],
    }


def _service(api: Api) -> dict[str, Any]:
    """The Service by which the API server knows a server; it selects no Pods."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": api.server, "namespace": NAMESPACE},
        "spec": {"ports": [{**_HTTPS, "port": 443, "targetPort": api.port}]},
    }


def _endpoints(api: Api, place: Place) -> dict[str, Any]:
    """Where the Service leads."""
    labels = {"kubernetes.io/service-name": api.server}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": api.server, "namespace": NAMESPACE, "labels": labels},
        "addressType": "IPv4",
        "ports": [{**_HTTPS, "port": api.port}],
        "endpoints": [{"addresses": [place.address], "conditions": {"ready": True}}],
    }


def _registration(api: Api, version: str, priority: int) -> dict[str, Any]:
    """One version of the group; its server certifies itself, as metrics-server does anywhere."""
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{api.group}"},
        "spec": {
            "service": {"name": api.server, "namespace": NAMESPACE},
            "group": api.group,
            "version": version,
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": priority,
        },
    }
