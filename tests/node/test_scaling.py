"""An autoscaler follows what real Pods tell of themselves."""

import urllib.request
from typing import Any

import pytest

from tests.node import objects
from tests.support.cluster import wait_until
from tools.cluster.kubectl import Kubectl
from tools.cluster.node.registry import Pushed

pytestmark = [pytest.mark.node, pytest.mark.timeout(240)]


def _autoscaler(namespace: str) -> dict[str, Any]:
    """Scale the Deployment `web` by the GPU's use, without the usual patience."""
    metric = {
        "type": "Pods",
        "pods": {
            "metric": {"name": "gpu_utilization"},
            "target": {"type": "AverageValue", "averageValue": "60"},
        },
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [metric],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }


def _ready(kubectl: Kubectl, namespace: str) -> int:
    deployment = kubectl.json("get", "deployment", "web", "-n", namespace)
    return int(deployment["status"].get("readyReplicas", 0))


def _say_used(kubectl: Kubectl, namespace: str, percent: int) -> None:
    """Let each Pod that is there say how much of its GPU is used."""
    pods = kubectl.json("get", "pods", "-n", namespace, "-l", "app=web")["items"]
    for pod in pods:
        if address := pod["status"].get("podIP"):
            url = f"http://{address}:8080/use/{percent}"
            urllib.request.urlopen(url, timeout=5).close()


def test_pods_are_added_and_removed_with_the_use_of_their_gpus(
    node_kubectl: Kubectl, restricted: str, probe: Pushed
) -> None:
    node_kubectl.apply(*objects.web(probe.pinned, restricted, 1), _autoscaler(restricted))
    node_kubectl("rollout", "status", "deployment/web", "-n", restricted, "--timeout=50s")
    _say_used(node_kubectl, restricted, 170)
    wait_until(lambda: _ready(node_kubectl, restricted) == 3, "three Pods", 60)
    _say_used(node_kubectl, restricted, 10)
    wait_until(lambda: _ready(node_kubectl, restricted) == 1, "one Pod", 60)
