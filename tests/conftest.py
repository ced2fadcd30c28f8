"""Fixtures of all tests: the shared cluster, a namespace for each test, kubectl."""

import re
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support import cluster as support
from tests.support import operator as operators
from tests.support.operator import Place
from tools.binaries import binaries, binary
from tools.cluster import Cluster
from tools.cluster.kubectl import Kubectl
from tools.operator_process import OperatorProcess

if TYPE_CHECKING:
    from digital_human_operator.kube.client import ApiClient


hypothesis.settings.register_profile("untimed", deadline=None)  # no test is judged by its speed
hypothesis.settings.load_profile("untimed")


def _is_worker(config: pytest.Config) -> bool:
    """Say whether this is a worker of pytest-xdist, not the process that started the run."""
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the cluster of this run, and let Ctrl-C reach the programs that tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job that a script began
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not _is_worker(config):
        support.begin()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep the logs of the cluster when something failed: the cluster goes."""
    if session.testsfailed and not _is_worker(session.config):
        support.keep_logs()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the cluster of this run."""
    if not _is_worker(config):
        support.end()


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups next
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Of the tests of clusters, begin with the long ones: at the end, workers would wait for them.

    Those that want a cluster alone end, one after the other: in the middle all would wait for them.
    """
    for item in items:
        if item.get_closest_marker("alone"):
            item.add_marker(pytest.mark.xdist_group("alone"))
    items.sort(key=_order)


def _order(item: pytest.Item) -> tuple[bool, float]:
    """Whether it wants to be alone, and what it may take; all others keep their order."""
    limit = item.get_closest_marker("timeout")
    of_cluster = any(item.get_closest_marker(mark) for mark in ("cluster", "e2e"))
    seconds = float(limit.args[0]) if limit and of_cluster else 0.0
    return item.get_closest_marker("alone") is not None, -seconds


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build programs before the first test, whose time limit is no limit for a build."""
    if session.config.option.collectonly:
        return
    if any(item.get_closest_marker("cluster") for item in session.items):
        binaries("kwok")
        binary("helm3")  # installs the chart for the operator of the run
    marks = (mark for item in session.items for mark in item.iter_markers("programs"))
    for name in sorted({name for mark in marks for name in mark.args}):
        binary(name)


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """A running cluster with simulated GPU nodes; the same one in the whole run."""
    return support.shared()


@pytest.fixture(scope="session")
def empty_cluster() -> Iterator[Cluster]:
    """A cluster with our kinds and without the operator: nobody else writes what a test writes."""
    with support.own("empty", {"cpu": 2}) as one:
        support.apply_crds(one.kubectl)
        yield one


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Kubectl:
    """Callable kubectl with the administrator's rights."""
    return cluster.kubectl


@pytest.fixture(scope="session")
def operator(cluster: Cluster) -> OperatorProcess:
    """The operator, ready, with the rights of the chart; the same one in the whole run."""
    return operators.shared(cluster)


@pytest.fixture
def place(cluster: Cluster, operator: OperatorProcess, namespace: str) -> Place:
    """A namespace of its own for DigitalHumans that the shared operator looks after."""
    return Place(cluster, namespace)


@pytest.fixture
async def admin_client(cluster: Cluster) -> AsyncIterator["ApiClient"]:
    """The operator's own client with the administrator's rights."""
    # Imported here: a test of the tools must not need the operator.
    from digital_human_operator.kube.client import ApiClient, open_session  # noqa: PLC0415
    from digital_human_operator.kube.credentials import from_kubeconfig  # noqa: PLC0415

    credentials = from_kubeconfig(str(cluster.kubeconfig), None)
    async with open_session(credentials) as session:
        yield ApiClient(credentials, session, user_agent="digital-human-tests")


@pytest.fixture
def namespace(kubectl: Kubectl, request: pytest.FixtureRequest) -> Iterator[str]:
    """A new namespace, deleted (not waited for) after the test."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    name = f"t-{words[:40].strip('-')}-{uuid.uuid4().hex[:6]}"
    support.create_namespace(kubectl, name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
