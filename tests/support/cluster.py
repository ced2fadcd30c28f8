"""One cluster for a whole test run, shared by the workers of pytest-xdist.

The process that starts the run chooses the name, the first test that needs the cluster creates it
and that process removes it at the end. A run that was killed is cleaned up by the next one.
TEST_CLUSTER_KEEP=1 keeps a cluster called `test` and uses it again.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from tests.support import evidence, operator
from tests.support.nodes import COUNTS
from tests.support.reader import reader
from tools.cache import ROOT, file_lock
from tools.cluster import Cluster, ClusterError, Options, reap
from tools.cluster.cluster import CLUSTERS
from tools.cluster.kubectl import Kubectl
from tools.cluster.nodes import add_nodes

KEEP = "TEST_CLUSTER_KEEP"
_NAME = "DIGITAL_HUMAN_TEST_CLUSTER"
_OWNER = "DIGITAL_HUMAN_TEST_CLUSTER_OWNER"
_RUN = "DIGITAL_HUMAN_TEST_RUN"
_KEPT_NAME = "test"
_CRDS = ("digitalhumans", "digitalhumanbackups", "digitalhumanrestores")


def begin() -> None:
    """Choose the run's cluster; the environment carries the choice to the workers."""
    keep = os.environ.get(KEEP) == "1"
    os.environ[_NAME] = _KEPT_NAME if keep else f"test-{os.getpid()}"
    os.environ[_OWNER] = "" if keep else str(os.getpid())
    os.environ[_RUN] = str(os.getpid())


def keep_logs() -> None:
    """Keep what the components of the run's clusters said, of those that will be removed."""
    if os.environ.get(_OWNER):
        evidence.keep(Cluster(os.environ[_NAME]))
    evidence.keep(real())


def end() -> None:
    """Remove the run's clusters, unless one is to be kept or was never created."""
    with ExitStack() as ends:
        ends.callback(_remove, real())
        name = os.environ.pop(_NAME, "")
        if os.environ.pop(_OWNER, ""):
            ends.callback(_remove, Cluster(name))
    os.environ.pop(_RUN, None)


def shared() -> Cluster:
    """Return the run's cluster, up and with all nodes; whoever comes first creates it."""
    name, owner = os.environ[_NAME], os.environ[_OWNER]
    with file_lock(CLUSTERS / f".{name}-setup.lock"):
        reap()
        cluster = Cluster(name).up(owner=int(owner) if owner else None)
        add_nodes(cluster.kubeconfig, COUNTS)
    return cluster


def real() -> Cluster:
    """The run's cluster with a node of real Pods, whether it is up or not."""
    return Cluster(f"e2e-{os.environ[_RUN]}", "node")


def shared_real() -> Cluster:
    """Return it, up; whoever comes first creates it."""
    cluster = real()
    with file_lock(CLUSTERS / f".{cluster.name}-setup.lock"):
        reap()
        return cluster.up(owner=int(os.environ[_RUN]))


@contextmanager
def own(name: str, nodes: Mapping[str, int], options: Options | None = None) -> Iterator[Cluster]:
    """A cluster beside the run's, for what would disturb other tests or be disturbed by them.

    At the end its operators tell what they said last; they, and the cluster, are gone then.
    """
    cluster = Cluster(f"{name}-{os.getpid()}").up(options, fresh=True, owner=os.getpid())
    try:
        add_nodes(cluster.kubeconfig, nodes)
        yield cluster
    finally:
        with ExitStack() as ends:
            ends.callback(_remove, cluster)
            ends.callback(operator.tell, cluster)


def _remove(cluster: Cluster) -> None:
    """Stop the operators and the cluster, each whatever became of the one before."""
    with ExitStack() as ends:
        ends.callback(_unlock, cluster)
        ends.callback(cluster.down)
        ends.callback(operator.stop, cluster)


def _unlock(cluster: Cluster) -> None:
    for lock in CLUSTERS.glob(f".{cluster.name}*.lock"):
        lock.unlink(missing_ok=True)


def apply_crds(kubectl: Kubectl) -> None:
    """Install our kinds as the administrator, whoever has installed them before."""
    kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))
    wait_for_crds(kubectl)


def wait_for_crds(kubectl: Kubectl) -> None:
    """Return when our kinds are served."""
    kubectl.wait_established(*(f"{name}.aiqtoolkit.io" for name in _CRDS))


def create_namespace(kubectl: Kubectl, name: str) -> None:
    """Create a namespace in which Pods can be created at once."""
    kubectl("create", "namespace", name)
    wait_until(
        lambda: bool(reader(kubectl.kubeconfig).get("serviceaccount", "default", name)),
        f"the ServiceAccount of the namespace {name}",
    )


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Poll until `condition` holds; raises ClusterError that names `what` was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ClusterError(f"Waited {seconds:.0f} s in vain for {what}.")
        time.sleep(0.1)
