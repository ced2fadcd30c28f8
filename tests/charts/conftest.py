"""Fixtures: both versions of helm, and a cluster to install with them."""

import os
from collections.abc import Iterator

import pytest

from tests.charts.helm import Helm
from tools.cluster import Cluster
from tools.cluster.nodes import add_nodes

VERSIONS = ("helm3", "helm4")


@pytest.fixture(params=[pytest.param(v, marks=pytest.mark.programs(v)) for v in VERSIONS])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Each version of helm in turn, without a cluster."""
    return Helm(request.param, tmp_path_factory.mktemp("helm"))


@pytest.fixture
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """The newest helm, without a cluster."""
    return Helm(VERSIONS[-1], tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def empty_cluster() -> Iterator[Cluster]:
    """A cluster without the operator: installing it must not disturb the tests that use it."""
    cluster = Cluster(f"charts-{os.getpid()}").up(owner=os.getpid())
    try:
        add_nodes(cluster.kubeconfig, {"cpu": 2})
        yield cluster
    finally:
        cluster.down()
        for lock in cluster.directory.parent.glob(f".{cluster.name}*.lock"):
            lock.unlink(missing_ok=True)
