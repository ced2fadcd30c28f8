"""One cluster with a real node for all of these tests, and the operator in it from its image."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import redis_image
from tests.e2e.humans import Humans
from tests.support import cluster as support
from tests.support import turns
from tools import deploy
from tools.binaries import binaries, binary
from tools.cache import ROOT, file_lock
from tools.cluster import Cluster
from tools.cluster.cluster import CLUSTERS
from tools.cluster.doctor import examine
from tools.cluster.node import lane
from tools.cluster.node.registry import push

IMAGES = (*deploy.IMAGES, "backup")
KEPT = ROOT / "build" / "e2e"
"""What every component said, of tests that failed."""


def _lacks() -> str:
    return next(f.problem for f in examine(CLUSTERS) if f.lane == "node")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build programs before the first test, whose time limit is no limit for that."""
    here = any(item.get_closest_marker("e2e") for item in session.items)
    if here and not session.config.option.collectonly and not _lacks():
        binaries("node")
        binary("node-probe")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember whether a test failed: its components' words are kept then."""
    outcome: Any = yield
    if outcome.get_result().failed:
        item.stash[FAILED] = True


FAILED = pytest.StashKey[bool]()


def skip_without_pods() -> None:
    """Say why no real Pod can run on this machine, where none can."""
    if lacks := _lacks():
        pytest.skip(f"real Pods cannot run on this machine: it {lacks}")


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The cluster with two Pods of the operator; the same one for all workers of the run."""
    skip_without_pods()
    cluster = support.shared_real()
    _install(cluster, tmp_path_factory.mktemp("redis"))
    return cluster


@pytest.fixture(autouse=True)
def turn(request: pytest.FixtureRequest, stage: Cluster, tmp_path: Path) -> Iterator[None]:
    """A place on the stage beside other tests, or alone there; with an operator to begin with."""
    alone = request.node.get_closest_marker("alone") is not None
    with turns.turn(CLUSTERS, stage.name, alone=alone):
        _install(stage, tmp_path)
        yield


def _install(cluster: Cluster, folder: Path) -> None:
    """Install the operator and what its Pods need, unless it stands already."""
    with file_lock(CLUSTERS / f".{cluster.name}-install.lock"):
        if _stands(cluster):
            return
        digests = deploy.images(cluster, names=IMAGES)
        push(lane.machine(cluster.directory).place.registry, redis_image.write(folder))
        deploy.operator(cluster, digests)


def _stands(cluster: Cluster) -> bool:
    ready = "jsonpath={.status.readyReplicas}"
    found = cluster.kubectl.run(
        "get", "deployment", deploy.RELEASE, "-n", deploy.NAMESPACE, "-o", ready
    )
    return found.returncode == 0 and bool(found.stdout)


@pytest.fixture
def humans(stage: Cluster, request: pytest.FixtureRequest) -> Iterator[Humans]:
    """A restricted namespace of the test's own."""
    here = Humans(stage, f"test-{uuid.uuid4().hex[:8]}")
    deploy.namespace(stage, here.namespace, deploy.REAL)
    yield here
    if request.node.stash.get(FAILED, False):
        folder = KEPT / request.node.name
        here.keep(folder)
        sys.stdout.write(f"what the components said is in {folder.relative_to(ROOT)}\n")
    stage.kubectl("delete", "namespace", here.namespace, "--wait=false")
