"""Installing on a real API server: with both versions of helm and with kubectl alone."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from config import generate
from tests.charts.helm import CHART, RELEASE, Helm
from tests.support.cluster import apply_crds, create_namespace, wait_for_crds
from tools.cache import ROOT
from tools.cluster import Cluster
from tools.cluster.kubectl import Kubectl

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(240),
    pytest.mark.xdist_group("empty cluster"),
]

ACCOUNT = f"{RELEASE}-digital-human-operator"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
Asks = Callable[..., bool]


@pytest.fixture(scope="session")
def kubectl(empty_cluster: Cluster) -> Kubectl:
    return empty_cluster.kubectl


@pytest.fixture
def chart(both: Helm, empty_cluster: Cluster, namespace: str) -> Iterator[Callable[..., str]]:
    """Installs or upgrades the chart into the test's namespace."""
    helm = replace(both, kubeconfig=empty_cluster.kubeconfig)
    kubectl = empty_cluster.kubectl
    apply_crds(kubectl)
    kubectl("label", "namespace", namespace, RESTRICTED)

    def run(verb: str, *settings: str) -> str:
        where = [RELEASE, "--namespace", namespace]
        if verb == "uninstall":
            return helm(verb, *where, "--wait")
        sets = [part for setting in settings for part in ("--set", setting)]
        # The tests of a worker share the CRDs, so a release finds them there, owned by kubectl.
        found = ["--take-ownership"]
        return helm(verb, *where, str(CHART), *found, "--wait", "--timeout=90s", *sets)

    yield run
    helm.run("uninstall", RELEASE, "--namespace", namespace)


def may(kubectl: Kubectl, account: str, home: str) -> Asks:
    """Ask the API server what the operator's ServiceAccount may do."""

    def ask(verb: str, what: str, namespace: str, *options: str) -> bool:
        user = f"--as=system:serviceaccount:{home}:{account}"
        command = ("auth", "can-i", verb, what, "--namespace", namespace, user, *options)
        return kubectl.run(*command).stdout.strip() == "yes"

    return ask


def test_namespaced_install_upgrade_and_uninstall(
    chart: Callable[..., str], kubectl: Kubectl, namespace: str
) -> None:
    said = chart("install")
    assert "Wait until it runs" in said
    assert "One anywhere else gets no children and stays Pending" in said
    kubectl("rollout", "status", f"deployment/{ACCOUNT}", "-n", namespace, "--timeout=60s")
    asks = may(kubectl, ACCOUNT, namespace)
    assert asks("list", "secrets", namespace)
    assert asks("patch", "digitalhumans.aiqtoolkit.io", namespace, "--subresource=status")
    assert asks("update", f"leases.coordination.k8s.io/{ACCOUNT}", namespace)
    assert not asks("update", "leases.coordination.k8s.io/other", namespace)
    assert not asks("list", "secrets", "default")
    assert not asks("create", "pods", namespace)
    assert not asks("update", "digitalhumans.aiqtoolkit.io", namespace)

    chart("upgrade", "replicas=1", "networkPolicy.enabled=true")
    assert not kubectl.json("get", "poddisruptionbudgets", "-n", namespace)["items"]
    assert len(kubectl.json("get", "networkpolicies", "-n", namespace)["items"]) == 1

    kubectl("apply", "-n", namespace, "-f", str(ROOT / "examples" / "minimal.yaml"))
    chart("uninstall")
    wait_for_crds(kubectl)
    assert kubectl.json("get", "digitalhuman", "ada", "-n", namespace)["spec"]["mode"] == "Running"
    kinds = "deployments,serviceaccounts,roles,rolebindings,services,poddisruptionbudgets"
    left = kubectl.json("get", kinds, "-n", namespace)["items"]
    assert [o["metadata"]["name"] for o in left] == ["default"]


def test_several_namespaces(chart: Callable[..., str], kubectl: Kubectl, namespace: str) -> None:
    tenant = f"{namespace}-tenant"
    create_namespace(kubectl, tenant)
    try:
        chart("install", f"namespaces={{{tenant}}}", "crds.enabled=false")
        asks = may(kubectl, ACCOUNT, namespace)
        assert asks("list", "secrets", tenant)
        assert not asks("list", "secrets", namespace)
        assert asks("update", f"leases.coordination.k8s.io/{ACCOUNT}", namespace)
    finally:
        kubectl("delete", "namespace", tenant, "--wait=false")


def test_cluster_wide_install(chart: Callable[..., str], kubectl: Kubectl, namespace: str) -> None:
    name = f"fullnameOverride={namespace[:52].strip('-')}"
    account = name.partition("=")[2]
    chart("install", "scope=cluster", name)
    asks = may(kubectl, account, namespace)
    assert asks("list", "secrets", "default")
    assert not asks("escalate", "roles.rbac.authorization.k8s.io", namespace)
    edit = {
        (rule["apiGroups"][0], verb)
        for rule in kubectl.json("get", "clusterrole", f"{account}-edit")["rules"]
        for verb in rule["verbs"]
    }
    assert ("aiqtoolkit.io", "create") in edit
    chart("uninstall")
    assert kubectl.run("get", "clusterrole", account).returncode != 0
    wait_for_crds(kubectl)


def test_the_operator_may_grant_what_its_pods_need_and_no_more(
    chart: Callable[..., str], kubectl: Kubectl, namespace: str
) -> None:
    chart("install", "crds.enabled=false")
    user = f"--as=system:serviceaccount:{namespace}:{ACCOUNT}"

    def grants(verb: str, resource: str) -> bool:
        rule = (f"--verb={verb}", f"--resource={resource}", "--resource-name=own")
        command = ("create", "role", "granted", *rule, "-n", namespace, "--dry-run=server", user)
        return kubectl.run(*command).returncode == 0

    assert grants("get,watch", "configmaps")
    assert grants("get,patch", "jobs.batch")
    assert not grants("delete", "pods")
    assert not grants("get", "leases.coordination.k8s.io")


def test_kubectl_alone_installs_it(kubectl: Kubectl) -> None:
    apply_crds(kubectl)
    config = str(ROOT / "config" / "default")
    namespace = generate.NAMESPACE
    try:
        kubectl("apply", "--server-side", "--force-conflicts", "-k", config)
        kubectl(
            "rollout", "status", f"deployment/{generate.NAME}", "-n", namespace, "--timeout=60s"
        )
        assert may(kubectl, generate.NAME, namespace)("list", "secrets", "default")
        again = kubectl("apply", "--server-side", "--dry-run=server", "-k", config)
        assert again.count("serverside-applied") == len(again.splitlines())
        plain = kubectl("apply", "--dry-run=server", "-k", config)
        assert "digitalhumans.aiqtoolkit.io" in plain
    finally:
        operator = str(ROOT / "config" / "operator")
        kubectl("delete", "-k", operator, "--ignore-not-found", "--wait=false")
        kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")
