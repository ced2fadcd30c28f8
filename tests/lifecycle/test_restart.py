"""The operator may be killed, stopped or replaced at any moment; the next one finishes the work."""

import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support import operator as operators
from tests.support.cluster import own, wait_until
from tests.support.operator import Place, human
from tools.bench.audit import AuditLog, is_write
from tools.cluster import Cluster
from tools.operator_process import NAMESPACE, RELEASE, install_chart

pytestmark = pytest.mark.cluster

USER = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
LEADS = "leader_election_master_status{"
FAST_LEASE = {"LEASE_SECONDS": "6", "RENEW_DEADLINE": "4", "RETRY_PERIOD": "1"}


@pytest.fixture
def alone() -> Iterator[Place]:
    """A cluster of its own, because what happens here would disturb the other tests."""
    with own("alone", {"cpu": 4}) as one:
        install_chart(one)
        one.kubectl("create", "namespace", "humans")
        yield Place(one, "humans")


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
    assert _made_twice(log) == []

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
    time.sleep(12)  # longer than our lease, and than controllers wait that elect a leader
    os.kill(server.pid, signal.SIGCONT)
    alone.apply(human("after"))
    alone.wait_condition("Ready", "True", "after", seconds=90)
    assert operator.running(), operator.log.read_text()[-3000:]


@pytest.mark.timeout(420)
def test_api_server_that_ends_for_a_minute_loses_nothing(alone: Place) -> None:
    operator = operators.process_of(alone.cluster)
    operator.start()
    log = AuditLog(alone.cluster.audit_log, USER)
    alone.apply(human("before"))
    alone.wait_condition("Ready", "True", "before")
    pid = operator.pid
    alone.apply(human("before", replicas=2), *(human(f"amid-{i}") for i in range(5)))
    alone.wait("some children", lambda: alone.items("services", "aiqtoolkit.io/name!=before"))
    with _ended_server(alone.cluster):
        time.sleep(60)  # the outage itself
    alone.wait("all workloads to be made", lambda: len(alone.items("deployments")) == 6, 60)
    assert alone.get("deployment", "before")["spec"]["replicas"] == 2
    # The watches of the Deployment controller come back when they will: they wait up to a minute.
    alone.wait("all to be Ready", lambda: _all_ready(alone, 6), 150)
    assert operator.running(), operator.log.read_text()[-3000:]
    assert operator.pid == pid
    assert _made_twice(log) == []
    assert alone.cluster.status().state == "running"
    alone.apply(human("after"))
    alone.wait_condition("Ready", "True", "after")


@contextmanager
def _ended_server(cluster: Cluster) -> Iterator[None]:
    """
    Kill the API server and start it again at the end, as a supervisor would.

    Its port is held meanwhile, without listening: another cluster took it once.
    """
    server = next(p for p in cluster.status().running if p.name == "kube-apiserver")
    (port,) = (int(a.partition("=")[2]) for a in server.command if a.startswith("--secure-port="))
    os.kill(server.pid, signal.SIGKILL)
    with socket.socket() as held:
        wait_until(lambda: _hold(held, port), f"port {port} to be free")
        yield
    with (cluster.logs / "kube-apiserver.log").open("ab") as sink:
        subprocess.Popen(
            server.command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            start_new_session=True,
        )  # fmt: skip
    wait_until(
        lambda: cluster.kubectl.run("get", "digitalhumans", "--all-namespaces").returncode == 0,
        "the API server to serve digital humans again",
        90,
    )


def _hold(held: socket.socket, port: int) -> bool:
    """Take a port, past connections that are still ending; from then on nobody else gets it."""
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind(("127.0.0.1", port))
    except OSError:
        return False
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return True


def _made_twice(log: AuditLog) -> list[tuple[str, str | None]]:
    """What the operator has created more than once."""
    creates = [e["objectRef"] for e in log.entries() if e["responseStatus"]["code"] == 201]
    made = Counter((o["resource"], o.get("name")) for o in creates if o["resource"] != "leases")
    return [one for one, count in made.items() if count > 1]


def _line(metrics: str, start: str) -> str:
    return next(line for line in metrics.splitlines() if line.startswith(start))
