"""The shared fixtures lead to the cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

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
