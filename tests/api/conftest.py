"""The API server with our CRDs, and the CRDs themselves."""

import pytest

from tests.api.server import Server
from tools.cache import file_lock
from tools.cluster import Cluster
from tools.cluster.cluster import CLUSTERS
from tools.operator_process import install_chart


@pytest.fixture(scope="session")
def served(cluster: Cluster) -> Cluster:
    """The cluster with our CRDs, by whomever installed."""
    with file_lock(CLUSTERS / f".{cluster.name}-operator.lock"):
        if cluster.kubectl.run("get", "crd", "digitalhumans.aiqtoolkit.io").returncode:
            install_chart(cluster)
    cluster.kubectl.wait_established("digitalhumans.aiqtoolkit.io")
    return cluster


@pytest.fixture
def server(served: Cluster, namespace: str) -> Server:
    """The API server, asked in a namespace of this test."""
    return Server(served.kubeconfig, namespace)
