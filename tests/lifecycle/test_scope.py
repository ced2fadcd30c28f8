"""Several namespaces, one of which goes; our kinds, which go and come back."""

from collections.abc import Iterator

import pytest

from tests.support import operator as operators
from tests.support.cluster import own, wait_for_crds, wait_until
from tests.support.operator import Place, human
from tools.cluster import Cluster
from tools.operator_process import install_chart

pytestmark = pytest.mark.cluster
NAMES = [f"tenant-{number}" for number in range(8)]
KINDS = ("digitalhumans", "digitalhumanbackups", "digitalhumanrestores")
WAITS = "the CRDs of aiqtoolkit.io are not installed; waiting for them"
CRDS = tuple(f"crd/{name}.aiqtoolkit.io" for name in KINDS)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with own("scope", {"cpu": 2}) as one:
        for name in NAMES:
            one.kubectl("create", "namespace", name)
        _install(one, NAMES)
        yield one


@pytest.mark.timeout(240)
def test_operator_of_eight_namespaces_outlives_one_of_them_and_its_crds(cluster: Cluster) -> None:
    operator = operators.process_of(cluster, NAMESPACES=",".join(NAMES))
    operator.start()
    _becomes_ready(cluster, "tenant-5")
    cluster.kubectl("delete", "namespace", "tenant-1", "--timeout=60s")
    operator.stop()
    operator.start()
    _becomes_ready(cluster, "tenant-6")
    assert WAITS not in operator.log.read_text()
    cluster.kubectl("delete", *CRDS, "--timeout=60s")
    wait_until(lambda: WAITS in operator.log.read_text(), "the operator to notice")
    _install(cluster, [name for name in NAMES if name != "tenant-1"])
    wait_for_crds(cluster.kubectl)
    _becomes_ready(cluster, "tenant-7")
    assert operator.running()
    assert "Traceback" not in operator.log.read_text()


def _install(cluster: Cluster, names: list[str]) -> None:
    install_chart(cluster, values={"scope": "namespaced", "namespaces": f"{{{','.join(names)}}}"})


def _becomes_ready(cluster: Cluster, namespace: str) -> None:
    place = Place(cluster, namespace)
    place.apply(human())
    place.wait_condition("Ready", "True", seconds=60)
