"""A cluster with a node ends without a trace, however it ends, and starts again the same."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node import objects
from tests.node.conftest import push_probe
from tests.support.cluster import create_namespace, wait_until
from tools.cluster import Cluster, ClusterError
from tools.cluster.node import cgroups, network
from tools.cluster.node.lane import COMPONENTS, machine
from tools.cluster.node.place import cgroup_of
from tools.cluster.nodes import add_nodes
from tools.cluster.processes import find

pytestmark = [pytest.mark.node, pytest.mark.timeout(240)]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A folder for clusters of one test; whatever happens, none is left."""
    yield tmp_path
    for directory in tmp_path.glob("[a-z]*"):
        if (directory / "lane").exists():
            Cluster(directory.name, root=tmp_path).down()


def _traces() -> dict[str, object]:
    """What this machine has of clusters: everything that a node could leave behind."""
    links = {path.name for path in Path("/sys/class/net").iterdir()}
    groups = {
        str(group)
        for mount in cgroups.mounts()
        for group in mount.glob("digital-human/*/")  # one for each cluster
    }
    rules = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    sysctls = {
        name: Path("/proc/sys", name).read_text()
        for name in ("vm/overcommit_memory", "kernel/panic", "net/ipv4/ip_forward")
    }
    return {
        "links": links,
        "groups": groups,
        "rules": rules.stdout,
        "sysctls": sysctls,
        "mounts": _mounts(),
        "routes": network.routes(),
    }


def _mounts() -> list[str]:
    """What is mounted where a node mounts; image builds may run beside these tests."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    words = ("kubelet", "containerd", "hostpath_pv", "/proc/sys/", "/node/")
    return [line for line in lines if any(word in line for word in words)]


def _run_web(cluster: Cluster, folder: Path) -> None:
    """Have a real Pod that serves and has a volume."""
    image = push_probe(cluster, folder)
    create_namespace(cluster.kubectl, "web")
    cluster.kubectl.apply(*objects.web(image.pinned, "web", 1), objects.claim("data", "web"))
    rollout = ("rollout", "status", "deployment/web", "-n", "web", "--timeout=60s")
    cluster.kubectl(*rollout)


def _workloads(cluster: Cluster) -> set[str]:
    """Process ids of all that runs in Pods of a cluster."""
    group = cgroup_of(cluster.directory)
    return {
        path.parent.name for path in Path("/proc").glob("[0-9]*/cgroup") if group in _read(path)
    }


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # ended meanwhile
        return ""


def test_two_starts_and_ends_in_a_row_leave_no_trace(root: Path, tmp_path: Path) -> None:
    before = _traces()
    for _ in range(2):
        cluster = Cluster("twice", "node", root).up()
        assert {one.name for one in cluster.status().running} >= set(COMPONENTS)
        _run_web(cluster, tmp_path)
        assert _workloads(cluster)
        cluster.down()
        assert _traces() == before
        assert not _workloads(cluster)
        assert find(root / "twice") == []
        assert not (root / "twice").exists()


def test_after_a_crash_of_everything_it_starts_again(root: Path, tmp_path: Path) -> None:
    before = _traces()
    cluster = Cluster("crash", "node", root).up()
    _run_web(cluster, tmp_path)
    first = cluster.status().running
    for process in first:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:  # the node's first process took it along
            continue
    wait_until(lambda: cluster.status().missing == COMPONENTS, "the end of everything")

    cluster.up()
    _run_web(cluster, tmp_path)
    assert not {one.pid for one in first} & {one.pid for one in cluster.status().running}
    cluster.down()
    assert _traces() == before


@pytest.mark.parametrize("victim", ["kubelet", "containerd", "node-init", "kube-apiserver"])
def test_after_a_crash_of_one_program_all_of_it_can_be_removed(
    root: Path, tmp_path: Path, victim: str
) -> None:
    before = _traces()
    cluster = Cluster("one", "node", root).up()
    _run_web(cluster, tmp_path)
    [process] = [one for one in cluster.status().running if one.name == victim]
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: cluster.status().state == "broken", "the crash to be seen")
    cluster.down()
    assert _traces() == before
    assert not _workloads(cluster)


def test_two_clusters_run_side_by_side(root: Path, tmp_path: Path) -> None:
    first, second = (Cluster(name, "node", root).up() for name in ("first", "second"))
    for cluster in (first, second):
        _run_web(cluster, tmp_path)
    assert machine(first.directory).place.network != machine(second.directory).place.network
    first.down()
    assert second.status().state == "running"
    command = ("exec", "-n", "web", "deploy/web", "--", "/bin/probe", "get", "http://web/ready")

    def answered() -> bool:  # kube-proxy learns of Pods about a second after they are Ready
        return second.kubectl.run(*command).stdout == "ready\n"

    wait_until(answered, "an answer through the Service")


def test_a_network_that_outlives_its_node_has_no_link(root: Path) -> None:
    before = _traces()
    cluster = Cluster("late", "node", root).up()
    network_of_node = Path(f"/proc/{machine(cluster.directory).first}/ns/net")
    with network_of_node.open("rb"):  # as connections that nobody has any more do
        cluster.down()
        assert _traces() == before


def test_one_that_runs_is_kept(root: Path) -> None:
    cluster = Cluster("kept", "node", root).up()
    before = {one.pid for one in cluster.status().running}
    cluster.up()
    assert {one.pid for one in cluster.status().running} == before


def test_a_failed_start_leaves_nothing_and_says_why(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _traces()
    monkeypatch.setattr("tools.cluster.node.configs.containerd", lambda place, runc: "version = [")
    with pytest.raises(ClusterError, match=r"(?s)The node did not start: containerd ended.*toml"):
        Cluster("broken", "node", root).up()
    assert _traces() == before
    assert not (root / "broken").exists()


def test_simulated_nodes_stand_beside_the_real_one(root: Path, tmp_path: Path) -> None:
    cluster = Cluster("fleet", "node", root).up()
    assert add_nodes(cluster.kubeconfig, {"gke-a100-80": 2}) == ["gke-a100-80-0", "gke-a100-80-1"]
    main = {
        "name": "main",
        "image": "example.invalid/none",
        "resources": {"limits": {"nvidia.com/gpu": 1}},
    }
    spec = {
        "containers": [main],
        "nodeSelector": {"cloud.google.com/gke-gpu": "true"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    }
    cluster.kubectl.apply(objects.pod("gpu", "default", spec))
    cluster.kubectl("wait", "--for=condition=Ready", "pod/gpu", "--timeout=30s")
    _run_web(cluster, tmp_path)
    nodes = {node["metadata"]["name"] for node in cluster.kubectl.json("get", "nodes")["items"]}
    assert nodes == {"node-0", "gke-a100-80-0", "gke-a100-80-1"}
