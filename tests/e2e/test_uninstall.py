"""What is left when humans are deleted and the release is uninstalled: definitions and a Lease."""

from __future__ import annotations

import subprocess

import pytest

from tests.e2e.humans import Humans
from tools import deploy
from tools.binaries import binary
from tools.cluster import Cluster
from tools.cluster.kubectl import Kubectl

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240, func_only=True)]

CLUSTER_WIDE = (
    "clusterroles,clusterrolebindings,validatingwebhookconfigurations,customresourcedefinitions"
)
CHILDREN = (
    "deployments,statefulsets,jobs,cronjobs,services,horizontalpodautoscalers,poddisruptionbudgets,"
    "networkpolicies,configmaps,secrets,serviceaccounts,roles,rolebindings,persistentvolumeclaims"
)
LEFT = {
    "configmap/kube-root-ca.crt",  # Kubernetes makes these two in every namespace
    "serviceaccount/default",
    "lease.coordination.k8s.io/digital-human-operator",  # the operator's own, not the release's
}


@pytest.mark.alone
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
    humans.until(lambda: _left(kubectl) == LEFT, "everything in the operator's namespace to go")


def _left(kubectl: Kubectl) -> set[str]:
    """Everything in the operator's namespace, but for events and measurements."""
    kinds = kubectl("api-resources", "--verbs=list", "--namespaced", "-o", "name").split()
    kept = [kind for kind in kinds if not kind.startswith("events") and "metrics" not in kind]
    return set(kubectl("get", ",".join(kept), "-n", deploy.NAMESPACE, "-o", "name").split())
