"""Starting, sharing, breaking and removing real clusters."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.cluster import wait_until
from tests.support.nodes import COUNTS
from tools.cluster import (
    Cluster,
    ClusterError,
    Options,
    kwok,
    reap,
    service_account_kubeconfig,
)
from tools.cluster import __main__ as command
from tools.cluster.kubectl import Kubectl
from tools.cluster.processes import find, inspect, save


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A folder for clusters of one test; whatever happens, none is left."""
    yield tmp_path
    for directory in tmp_path.glob("[a-z]*"):
        Cluster(directory.name, root=tmp_path).down()
    assert find(tmp_path) == []


@pytest.mark.parametrize("name", ["", "A", "-a", "a/b", "..", "a" * 31])
def test_a_name_that_could_leave_the_folder_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="is no cluster name"):
        Cluster(name)


def test_taking_down_what_never_was_is_fine(tmp_path: Path) -> None:
    Cluster("a", root=tmp_path).down()
    assert Cluster("a", root=tmp_path).status().state == "absent"


def test_what_cannot_run_here_takes_nothing_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kwok, "problem", lambda _: "needs 0.5 GiB of free disk")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "lane").write_text("kwok")
    with pytest.raises(ClusterError, match=r"^CLUSTER=kwok needs 0.5 GiB of free disk"):
        Cluster("a", root=tmp_path).up()
    assert (tmp_path / "a" / "lane").exists()


def test_a_full_disk_is_one_sentence_and_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x/cluster.json")

    monkeypatch.setattr(Cluster, "up", full)
    monkeypatch.setattr(sys, "argv", ["cluster", "up"])
    with pytest.raises(SystemExit, match="1"):
        command.main()
    told = "/x/cluster.json could not be written: No space left on device. Make room"
    assert capsys.readouterr().err.startswith(told)


def test_the_cluster_of_a_dead_owner_is_reaped(tmp_path: Path) -> None:
    own = inspect(os.getpid())
    assert own
    with subprocess.Popen(["sleep", "60"]) as owner:
        dead = inspect(owner.pid)
        assert dead
        owner.kill()
    for name, process in (("mine", own), ("orphan", dead)):
        (tmp_path / name).mkdir()
        save(tmp_path / name / "owner.json", [process])
    assert reap(tmp_path) == ["orphan"]
    assert (tmp_path / "mine").exists()
    assert not (tmp_path / "orphan").exists()


@pytest.mark.cluster
def test_all_nodes_are_there_with_their_gpus(kubectl: Kubectl) -> None:
    nodes = {node["metadata"]["name"]: node for node in kubectl.json("get", "nodes")["items"]}
    assert len(nodes) == sum(COUNTS.values())
    assert nodes["eks-a100-80-0"]["status"]["allocatable"]["nvidia.com/gpu"] == "8"
    assert nodes["dgx-a100-mig-0"]["status"]["allocatable"]["nvidia.com/mig-1g.10gb"] == "28"


@pytest.mark.cluster
def test_a_gpu_pod_runs_where_its_selector_and_tolerations_allow(
    kubectl: Kubectl, namespace: str
) -> None:
    container = {
        "name": "main",
        "image": "example.invalid/none",
        "resources": {"limits": {"nvidia.com/gpu": 1}},
    }
    spec = {
        "nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-a100-80gb"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "containers": [container],
    }
    metadata = {"name": "gpu", "namespace": namespace}
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    kubectl("wait", "--for=condition=Ready", "pod/gpu", "-n", namespace, "--timeout=30s")
    node = kubectl.json("get", "pod", "gpu", "-n", namespace)["spec"]["nodeName"]
    assert node.startswith("gke-a100-80-")


@pytest.mark.cluster
def test_the_audit_log_tells_who_wrote(cluster: Cluster, kubectl: Kubectl, namespace: str) -> None:
    kubectl("create", "configmap", "seen", "-n", namespace)
    uri = f"/api/v1/namespaces/{namespace}/configmaps"

    def writes() -> list[str]:
        lines = cluster.audit_log.read_text().splitlines()
        events = [json.loads(line) for line in lines if uri in line]
        return [event["userAgent"] for event in events if event["verb"] == "create"]

    wait_until(lambda: any(agent.startswith("kubectl") for agent in writes()), "the audit log")


@pytest.mark.cluster
def test_the_audit_log_is_never_rotated(cluster: Cluster) -> None:
    (server,) = (one for one in find(cluster.directory) if one.name == "kube-apiserver")
    assert "--audit-log-maxsize=0" in psutil.Process(server.pid).cmdline()


@pytest.mark.cluster
def test_a_service_account_has_its_own_rights_only(
    cluster: Cluster, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    path = tmp_path / "sa.kubeconfig"
    service_account_kubeconfig(cluster.kubeconfig, namespace, "default", path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    user = Kubectl(path)
    identity = json.loads(user("auth", "whoami", "-o", "json"))
    assert (
        identity["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:default"
    )
    assert "forbidden" in user.run("get", "secrets").stderr.lower()


@pytest.mark.cluster
def test_two_clusters_side_by_side_and_a_crash_leave_nothing(root: Path) -> None:
    first = Cluster("first", root=root).up()
    second = Cluster("second", root=root).up()
    servers = {
        one.kubectl("config", "view", "-o", "jsonpath={..server}") for one in (first, second)
    }
    assert len(servers) == 2
    first.kubectl("create", "namespace", "only-here")
    assert second.kubectl.run("get", "namespace", "only-here").returncode != 0

    folder = _folder_of_a_claim(first)
    [apiserver] = [one for one in first.status().running if one.name == "kube-apiserver"]
    os.kill(apiserver.pid, signal.SIGKILL)
    wait_until(lambda: first.status().state == "broken", "the crash to be seen")
    assert first.status().missing == ("kube-apiserver",)
    first.down()
    assert find(first.directory) == []
    assert not first.directory.exists()
    assert not folder.exists(), "nobody could be asked for it"
    assert second.status().state == "running"


def _folder_of_a_claim(cluster: Cluster) -> Path:
    """Have a claim bound in a new cluster, and return the folder behind its volume."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    cluster.kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "one", "namespace": "default"},
            "spec": spec,
        }
    )
    cluster.kubectl("wait", "pvc/one", "--for=jsonpath={.status.phase}=Bound", "--timeout=30s")
    [volume] = cluster.kubectl.json("get", "pv")["items"]
    folder = Path(volume["spec"]["hostPath"]["path"])
    assert folder.is_dir()
    return folder


@pytest.mark.cluster
def test_the_folders_behind_its_volumes_go_with_the_cluster(root: Path) -> None:
    cluster = Cluster("volumes", root=root).up()
    folder = _folder_of_a_claim(cluster)
    cluster.down()
    assert not folder.exists()


@pytest.mark.cluster
def test_half_a_cluster_without_records_is_replaced_by_up(root: Path) -> None:
    cluster = Cluster("half", root=root).up()
    before = cluster.status().running
    for name in ("pids.json", "cluster.json"):
        (cluster.directory / name).unlink()
    assert cluster.status().state == "broken"
    cluster.up()
    assert cluster.status().state == "running"
    assert not {process.pid for process in before} & {one.pid for one in cluster.status().running}


@pytest.mark.cluster
def test_a_start_that_fails_shows_the_log_and_leaves_nothing(root: Path) -> None:
    options = Options(extra_args=("kube-apiserver=no-such-flag=1",), start_seconds=60)
    with pytest.raises(
        ClusterError, match=r"did not start: kube-apiserver ended\.[\s\S]*no-such-flag"
    ):
        Cluster("bad", root=root).up(options)
    assert find(root) == []
    assert not (root / "bad").exists()


def test_a_start_whose_processes_are_nowhere_to_be_found_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kwok, "create", lambda *arguments: None)
    with pytest.raises(ClusterError, match="started without etcd, kube-apiserver"):
        Cluster("lost", root=tmp_path).up()
    assert not (tmp_path / "lost").exists()
