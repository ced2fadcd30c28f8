"""What is left when humans are deleted and the release is uninstalled: the definitions."""

from __future__ import annotations

import subprocess

import pytest

from tests.e2e.humans import Humans
from tools import deploy
from tools.binaries import binary
from tools.cluster import Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

CLUSTER_WIDE = (
    "clusterroles,clusterrolebindings,validatingwebhookconfigurations,customresourcedefinitions"
)
CHILDREN = (
    "deployments,statefulsets,jobs,cronjobs,services,horizontalpodautoscalers,poddisruptionbudgets,"
    "networkpolicies,configmaps,secrets,serviceaccounts,roles,rolebindings,persistentvolumeclaims"
)


def test_uninstalling_leaves_the_definitions_only(stage: Cluster, humans: Humans) -> None:
    humans.apply(humans.example())
    kubectl = stage.kubectl
    kubectl("delete", "digitalhumans", "--all", "-n", humans.namespace, "--timeout=60s")
    label = "app.kubernetes.io/managed-by=digital-human-operator"
    humans.until(
        lambda: not kubectl.json("get", CHILDREN, "-n", humans.namespace, "-l", label)["items"],
        "the children to be collected",
        90,
    )
    helm = [
        str(binary("helm3")),
        "--kubeconfig",
        str(stage.kubeconfig),
        "uninstall",
        deploy.RELEASE,
    ]
    subprocess.run([*helm, "-n", deploy.NAMESPACE, "--wait"], check=True, timeout=120)
    mine = f"app.kubernetes.io/instance={deploy.RELEASE}"
    wide = kubectl.json("get", CLUSTER_WIDE, "-l", mine)["items"]
    assert {item["kind"] for item in wide} <= {"CustomResourceDefinition"}
    placed = ("get", f"{CHILDREN},pods", "-n", deploy.NAMESPACE, "-l", mine)
    humans.until(lambda: not kubectl.json(*placed)["items"], "the Pods of the operator to go")
