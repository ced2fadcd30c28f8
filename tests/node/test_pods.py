"""Real Pods: they run, are reached by Service and name, log, take commands and keep files."""

import json
import urllib.error
import urllib.request

import pytest

from tests.node import objects
from tests.support.cluster import wait_until
from tools.cluster import Cluster, ClusterError
from tools.cluster.kubectl import Kubectl
from tools.cluster.node import lane
from tools.cluster.node.registry import Pushed

pytestmark = pytest.mark.node


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - a Service of ours
        return str(answer.read().decode().strip())


def test_a_deployment_serves_the_machine_and_other_pods(
    node_kubectl: Kubectl, restricted: str, probe: Pushed
) -> None:
    node_kubectl.apply(*objects.web(probe.pinned, restricted, 2))
    node_kubectl("rollout", "status", "deployment/web", "-n", restricted, "--timeout=50s")
    service = node_kubectl.json("get", "service", "web", "-n", restricted)
    pods = node_kubectl.json("get", "pods", "-n", restricted, "-l", "app=web")["items"]
    names = {pod["metadata"]["name"] for pod in pods}
    address = f"http://{service['spec']['clusterIP']}/host"
    seen: set[str] = set()

    def both_answered() -> bool:
        try:
            seen.add(_get(address))
        except urllib.error.URLError:  # kube-proxy learns of Pods a second after they are Ready
            return False
        return seen == names

    wait_until(both_answered, "an answer of both Pods through the Service")

    command = ["exec", "-n", restricted, min(names), "--", "/bin/probe"]
    assert node_kubectl(*command, "get", "http://web/host").strip() in names
    whole = f"web.{restricted}.svc.cluster.local"
    assert node_kubectl(*command, "lookup", whole).strip() == service["spec"]["clusterIP"]
    peer = node_kubectl(*command, "get", f"http://{pods[0]['status']['podIP']}:8080/peer")
    assert peer.rpartition(":")[0] in {pod["status"]["podIP"] for pod in pods}


def test_a_name_outside_the_cluster_is_unknown_at_once(
    node_kubectl: Kubectl, restricted: str, probe: Pushed
) -> None:
    spec = {
        "containers": [objects.container(probe.pinned, "lookup", "example.com.")],
        "restartPolicy": "Never",
    }
    node_kubectl.apply(objects.pod("outside", restricted, spec))
    node_kubectl("wait", "--for=jsonpath={.status.phase}=Failed", "pod/outside", "-n", restricted)
    assert "no such host" in node_kubectl("logs", "outside", "-n", restricted)


def test_a_pod_that_is_not_restricted_is_refused(
    node_kubectl: Kubectl, restricted: str, probe: Pushed
) -> None:
    spec = {"containers": [{"name": "main", "image": probe.pinned, "args": ["serve", ":8080"]}]}
    with pytest.raises(ClusterError, match="violates PodSecurity"):
        node_kubectl.apply(objects.pod("open", restricted, spec))


def test_logs_tell_what_a_pod_said_and_its_root_is_read_only(
    node_kubectl: Kubectl, restricted: str, probe: Pushed
) -> None:
    spec = {
        "containers": [objects.container(probe.pinned, "write", "/file", "x")],
        "restartPolicy": "Never",
    }
    node_kubectl.apply(objects.pod("writer", restricted, spec))
    node_kubectl("wait", "--for=jsonpath={.status.phase}=Failed", "pod/writer", "-n", restricted)
    assert "read-only file system" in node_kubectl("logs", "writer", "-n", restricted)


def test_a_volume_keeps_its_files_beyond_a_pod(
    node_cluster: Cluster, node_kubectl: Kubectl, restricted: str, probe: Pushed
) -> None:
    mount = [{"name": "data", "mountPath": "/data"}]
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    node_kubectl.apply(objects.claim("data", restricted))
    for name, words in (("one", ("write", "/data/file", "kept")), ("two", ("read", "/data/file"))):
        main = objects.container(probe.pinned, *words, volumeMounts=mount)
        spec = {"containers": [main], "volumes": volumes, "restartPolicy": "Never"}
        security = {"fsGroup": 65532}
        node_kubectl.apply(objects.pod(name, restricted, {**spec, "securityContext": security}))
        done = "--for=jsonpath={.status.phase}=Succeeded"
        node_kubectl("wait", done, f"pod/{name}", "-n", restricted, "--timeout=50s")
    assert node_kubectl("logs", "two", "-n", restricted) == "kept"
    assert list((node_cluster.directory / "node" / "volumes").glob("*/file"))


def test_an_image_that_was_never_pushed_is_an_error_of_the_pod_alone(
    node_kubectl: Kubectl, restricted: str, probe: Pushed
) -> None:
    absent = f"{probe.reference.rpartition(':')[0]}@sha256:{'0' * 64}"
    spec = {"containers": [objects.container(absent, "serve", ":8080")]}
    node_kubectl.apply(objects.pod("absent", restricted, spec))

    def reason() -> str:
        found = node_kubectl.json("get", "pod", "absent", "-n", restricted)["status"]
        [state] = found.get("containerStatuses", [{}])
        return str(state.get("state", {}).get("waiting", {}).get("reason", ""))

    wait_until(lambda: reason() in {"ErrImagePull", "ImagePullBackOff"}, "a refused pull", 60)


def test_what_a_pod_uses_is_measured(node_kubectl: Kubectl, restricted: str, probe: Pushed) -> None:
    spec = {"containers": [objects.container(probe.pinned, "work", "100")]}
    node_kubectl.apply(objects.pod("busy", restricted, spec))
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{restricted}/pods/busy"

    def cpu_is_measured() -> bool:
        answer = node_kubectl.run("get", "--raw", path)
        if answer.returncode:
            return False
        [main] = json.loads(answer.stdout)["containers"]
        return str(main["usage"]["cpu"]) not in {"0", ""}

    wait_until(cpu_is_measured, "the processor time of a busy Pod", 60)


def test_kubelet_may_not_read_a_secret_that_no_pod_of_its_node_needs(
    node_cluster: Cluster, node_kubectl: Kubectl, restricted: str
) -> None:
    node_kubectl("create", "secret", "generic", "apart", "--from-literal=a=b", "-n", restricted)
    place = lane.machine(node_cluster.directory).place
    kubelet = Kubectl(place.kubeconfig_of("kubelet"))
    identity = json.loads(kubelet("auth", "whoami", "-o", "json"))["status"]["userInfo"]
    assert identity["username"] == "system:node:node-0"
    refused = kubelet.run("get", "secret", "apart", "-n", restricted)
    assert "no relationship found between node 'node-0' and this object" in refused.stderr
