"""The node says that it has A100: what asks for one is scheduled and counted, and no more."""

import pytest

from tests.node import objects
from tests.support.cluster import wait_until
from tools.cluster.kubectl import Kubectl
from tools.cluster.node.components import GPUS
from tools.cluster.node.registry import Pushed

pytestmark = pytest.mark.node


def test_the_node_is_labelled_and_counted_as_one_with_a100(node_kubectl: Kubectl) -> None:
    node = node_kubectl.json("get", "node", "node-0")
    assert node["metadata"]["labels"]["nvidia.com/gpu.product"] == "NVIDIA-A100-SXM4-80GB"
    assert node["metadata"]["labels"]["nvidia.com/gpu.count"] == str(GPUS)
    assert node["status"]["capacity"]["nvidia.com/gpu"] == str(GPUS)


def test_each_pod_has_devices_of_its_own_and_one_too_many_waits(
    node_kubectl: Kubectl, restricted: str, probe: Pushed
) -> None:
    names = [f"gpu-{number}" for number in range(GPUS + 1)]
    for name in names:
        resources = {"limits": {"nvidia.com/gpu": 1}}
        main = objects.container(probe.pinned, "serve", ":8080", resources=resources)
        spec = {"containers": [main], "runtimeClassName": "nvidia"}
        node_kubectl.apply(objects.pod(name, restricted, spec))
    ready = [f"pod/{name}" for name in names[:GPUS]]
    node_kubectl("wait", "--for=condition=Ready", *ready, "-n", restricted, "--timeout=30s")
    environments = {
        node_kubectl("exec", pod, "-n", restricted, "--", "/bin/probe", "read", "/proc/1/environ")
        for pod in ready
    }
    given = {
        word
        for environment in environments
        for word in environment.split("\0")
        if word.startswith("NVIDIA_VISIBLE_DEVICES=GPU-")
    }
    assert len(given) == GPUS

    def last_one_waits() -> bool:
        pod = node_kubectl.json("get", "pod", names[-1], "-n", restricted)
        conditions = pod["status"].get("conditions", [])
        return any("Insufficient nvidia.com/gpu" in one.get("message", "") for one in conditions)

    wait_until(last_one_waits, "the scheduler to find no third GPU")
