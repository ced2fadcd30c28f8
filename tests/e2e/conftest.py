"""One cluster with a real node for all of these tests, and the operator in it from its image."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e import redis_image
from tests.e2e.humans import Humans
from tests.support import evidence
from tools import deploy
from tools.binaries import binaries, binary
from tools.cache import ROOT
from tools.cluster import Cluster, reap
from tools.cluster.cluster import CLUSTERS
from tools.cluster.doctor import examine
from tools.cluster.node import lane
from tools.cluster.node.registry import push
from tools.images import table
from tools.images.build import Choice, build

IMAGES = (*deploy.IMAGES, "backup")
KEPT = ROOT / "build" / "e2e"
"""What every component said, of tests that failed."""


def _lacks() -> str:
    return next(f.problem for f in examine(CLUSTERS) if f.lane == "node")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build programs and images before the first test, whose time limit is no limit for that."""
    here = any(item.get_closest_marker("e2e") for item in session.items)
    if here and not session.config.option.collectonly and not _lacks():
        binaries("node")
        binary("node-probe")
        for known in build(table.chosen(IMAGES), Choice()):
            sys.stdout.write(f"{known['name']} built in {known['seconds']} s\n")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember whether a test failed: its components' words are kept then."""
    outcome: Any = yield
    if outcome.get_result().failed:
        item.stash[FAILED] = True


FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """The cluster with two Pods of the operator."""
    if lacks := _lacks():
        pytest.skip(f"real Pods cannot run on this machine: it {lacks}")
    reap()
    cluster = Cluster(f"e2e-{os.getpid()}", "node").up(owner=os.getpid())
    stands = False
    try:
        digests = deploy.images(cluster, names=IMAGES)
        redis = redis_image.write(tmp_path_factory.mktemp("redis"))
        push(lane.machine(cluster.directory).place.registry, redis)
        deploy.operator(cluster, digests)
        stands = True
        yield cluster
    finally:
        if not stands or request.session.testsfailed:
            evidence.keep(cluster)
        cluster.down()
        (CLUSTERS / f".{cluster.name}.lock").unlink(missing_ok=True)


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
