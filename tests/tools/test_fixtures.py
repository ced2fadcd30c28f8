"""The shared fixtures lead to the cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.reader import reader
from tools.cluster.errors import ClusterError
from tools.cluster.kubectl import Kubectl

if TYPE_CHECKING:
    from digital_human_operator.kube.client import ApiClient


@pytest.mark.cluster
async def test_the_operators_client_and_kubectl_see_the_same_cluster(
    admin_client: ApiClient, kubectl: Kubectl
) -> None:
    answer = await admin_client.raw("GET", "/version")
    assert (
        json.loads(answer)["gitVersion"] == kubectl.json("version")["serverVersion"]["gitVersion"]
    )


@pytest.mark.cluster
def test_a_namespace_is_new_and_ready_for_pods(namespace: str, kubectl: Kubectl) -> None:
    assert kubectl.json("get", "pods", "-n", namespace)["items"] == []
    assert kubectl.run("get", "serviceaccount", "default", "-n", namespace).returncode == 0


@pytest.mark.cluster
def test_what_tests_read_is_what_kubectl_reads(namespace: str, kubectl: Kubectl) -> None:
    for name in ("one", "two"):
        kubectl("create", "configmap", name, "--from-literal=a=b", "-n", namespace)
        kubectl("label", "configmap", name, f"called={name}", "-n", namespace)
    read = reader(kubectl.kubeconfig)
    where = ("-n", namespace)
    assert read.get("cm", "one", namespace) == kubectl.json("get", "cm", "one", *where)
    kinds, label = "configmaps,serviceaccount,hpa", ("-l", "called=two")
    assert read.items(kinds, namespace) == kubectl.json("get", kinds, *where)["items"]
    (two,) = read.items("configmaps", namespace, "called=two")
    assert [two] == kubectl.json("get", "configmaps", *where, *label)["items"]
    assert read.get("ns", namespace, namespace)["kind"] == "Namespace"
    assert read.get("ConfigMap", "two", namespace) == two
    assert read.items("events.events.k8s.io", namespace) == []
    assert read.get("cm", "three", namespace) == {}
    with pytest.raises(ClusterError, match="knows no unicorns"):
        read.items("unicorns", namespace)
