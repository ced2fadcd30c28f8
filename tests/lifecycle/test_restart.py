"""The operator may be killed, stopped or replaced at any moment; the next one finishes the work."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import operator as operators
from tests.support.operator import Place, human
from tools.bench.audit import AuditLog, is_write
from tools.cluster import Cluster
from tools.cluster.nodes import add_nodes
from tools.operator_process import NAMESPACE, RELEASE, install_chart

pytestmark = pytest.mark.cluster

USER = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
LEADS = "leader_election_master_status{"
FAST_LEASE = {"LEASE_SECONDS": "6", "RENEW_DEADLINE": "4", "RETRY_PERIOD": "1"}


@pytest.fixture
def alone(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Place]:
    """A cluster of its own, because what happens here would disturb the other tests."""
    one = Cluster(f"alone-{request.node.name[5:20].replace('_', '-').strip('-')}")
    one.up(fresh=True)
    try:
        add_nodes(one.kubeconfig, {"cpu": 4})
        install_chart(one)
        one.kubectl("create", "namespace", "humans")
        yield Place(one, "humans")
    finally:
        operators.tell(one)
        operators.stop(one)
        one.down()


def _all_ready(place: Place, count: int) -> bool:
    items = place.items("digitalhumans")
    return len(items) == count and all(
        any(
            c["type"] == "Ready" and c["status"] == "True"
            for c in item.get("status", {}).get("conditions", [])
        )
        for item in items
    )


@pytest.mark.timeout(240)
def test_killed_in_mid_flight_the_next_one_finishes(alone: Place) -> None:
    count = 20
    first = operators.process_of(alone.cluster, "first")
    first.start()
    alone.apply(*(human(f"human-{i}") for i in range(count)))
    alone.wait("some children", lambda: len(alone.items("services")) > 5)
    first.signal(signal.SIGKILL)
    log = AuditLog(alone.cluster.audit_log, USER)
    second = operators.process_of(alone.cluster, "second")
    second.start()
    alone.wait("all to be Ready", lambda: _all_ready(alone, count), 90)
    creates = [e["objectRef"] for e in log.entries() if e["responseStatus"]["code"] == 201]
    made = [(o["resource"], o.get("name")) for o in creates if o["resource"] != "leases"]
    assert len(made) == len(set(made)), "a child was created twice"

    second.stop()
    time.sleep(2)
    log.skip()
    third = operators.process_of(alone.cluster, "third")
    third.start()
    alone.wait("it to lead", lambda: _line(third.metrics(), LEADS).endswith(" 1.0"))
    time.sleep(5)
    assert [e["objectRef"] for e in log.entries() if is_write(e)] == []


@pytest.mark.timeout(240)
def test_stopped_leader_is_replaced_and_never_writes_again_unasked(alone: Place) -> None:
    leader = operators.process_of(alone.cluster, "leader", **FAST_LEASE)
    leader.start()
    alone.apply(human("before"))
    alone.wait_condition("Ready", "True", "before")
    standby = operators.process_of(alone.cluster, "standby", **FAST_LEASE)
    standby.start()
    leader.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        alone.apply(human("after"))
        alone.wait_condition("Ready", "True", "after", seconds=40)
        assert time.monotonic() - began < 30
    finally:
        leader.signal(signal.SIGCONT)

    def stepped_down() -> bool:
        metrics = leader.metrics()
        return "master_status" in metrics and not _line(metrics, LEADS).endswith(" 1.0")

    alone.wait("the old leader to step down", stepped_down)
    assert _line(standby.metrics(), LEADS).endswith(" 1.0")
    assert leader.running()


@pytest.mark.timeout(240)
def test_silence_while_nothing_changes(alone: Place) -> None:
    operator = operators.process_of(alone.cluster)
    operator.start()
    alone.apply(human("ada", autoscaling={"minReplicas": 1, "maxReplicas": 3}))
    alone.wait_condition("Ready", "True")
    time.sleep(8)
    log = AuditLog(alone.cluster.audit_log, USER)
    log.skip()
    time.sleep(20)
    assert [(e["verb"], e["objectRef"]) for e in log.entries() if is_write(e)] == []


@pytest.mark.timeout(240)
def test_api_server_that_goes_away_costs_nothing(alone: Place) -> None:
    operator = operators.process_of(alone.cluster, **FAST_LEASE)
    operator.start()
    alone.apply(human("before"))
    alone.wait_condition("Ready", "True", "before")
    server = next(p for p in alone.cluster.status().running if p.name == "kube-apiserver")
    os.kill(server.pid, signal.SIGSTOP)
    time.sleep(7)  # longer than our lease, shorter than that of the other controllers
    os.kill(server.pid, signal.SIGCONT)
    alone.apply(human("after"))
    alone.wait_condition("Ready", "True", "after", seconds=90)
    assert operator.running(), operator.log.read_text()[-3000:]


def _line(metrics: str, start: str) -> str:
    return next(line for line in metrics.splitlines() if line.startswith(start))
