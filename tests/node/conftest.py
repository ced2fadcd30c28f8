"""A cluster with a real node for all tests here, and an image of our own in its registry."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import evidence
from tests.support.cluster import create_namespace
from tools.binaries import binaries, binary
from tools.cluster import Cluster, reap
from tools.cluster.cluster import CLUSTERS
from tools.cluster.kubectl import Kubectl
from tools.cluster.node import lane, oci
from tools.cluster.node.registry import Pushed, push

PROBE = "registry.example/probe:1"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the programs before the first test, whose time limit is no limit for a build."""
    here = any(item.get_closest_marker("node") for item in session.items)
    if here and not session.config.option.collectonly:
        binaries("node")
        binary("node-probe")


@pytest.fixture(scope="session", autouse=True)
def as_root() -> None:
    """A node needs namespaces and mounts."""
    if os.geteuid() != 0:
        pytest.skip("a real node needs root")


@pytest.fixture(scope="session")
def node_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A running cluster with one real node; the same one in the whole run."""
    reap()
    cluster = Cluster(f"node-{os.getpid()}", "node").up(owner=os.getpid())
    yield cluster
    if request.session.testsfailed:
        evidence.keep(cluster)
    cluster.down()
    (CLUSTERS / f".{cluster.name}.lock").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def probe(node_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Pushed:
    """The image of the probe, in the cluster's registry."""
    return push_probe(node_cluster, tmp_path_factory.mktemp("probe"))


@pytest.fixture
def node_kubectl(node_cluster: Cluster) -> Kubectl:
    """The administrator's kubectl."""
    return node_cluster.kubectl


@pytest.fixture
def restricted(node_cluster: Cluster) -> Iterator[str]:
    """A namespace of its own for each test, which takes restricted Pods only."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    kubectl = node_cluster.kubectl
    create_namespace(kubectl, name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def push_probe(cluster: Cluster, folder: Path) -> Pushed:
    """Write the probe's image and send it to a cluster's registry."""
    archive = folder / "probe.tar"
    program = binary("node-probe").read_bytes()
    oci.write(oci.Image(PROBE, {"/bin/probe": program}, entrypoint=("/bin/probe",)), archive)
    return push(lane.machine(cluster.directory).place.registry, archive)
