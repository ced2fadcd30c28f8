"""Which kind of cluster the demo takes, and what it says of it."""

from pathlib import Path

import pytest

from tools.cluster import Cluster, ClusterError, kwok
from tools.cluster.cluster import Status
from tools.cluster.node import lane as node
from tools.demo import lanes, stage


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cluster, "status", lambda _: Status("absent"))


def _can(monkeypatch: pytest.MonkeyPatch, why_not: str = "") -> None:
    def check(_directory: Path) -> None:
        if why_not:
            raise ClusterError(why_not)

    monkeypatch.setattr(node, "check", check)


def test_real_pods_where_the_machine_can(monkeypatch: pytest.MonkeyPatch) -> None:
    _can(monkeypatch)
    assert lanes.choose("demo", "").lane == "node"


def test_simulated_ones_elsewhere_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    _can(monkeypatch, "CLUSTER=node needs root, for namespaces and mounts")
    choice = lanes.choose("demo", "")
    assert choice.lane == "kwok"
    assert "the runtime as a process beside it (CLUSTER=node needs root" in choice.line


def test_what_was_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    _can(monkeypatch)
    assert lanes.choose("demo", "kwok").lane == "kwok"


def test_one_that_runs_is_kept_unless_another_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    _can(monkeypatch)
    monkeypatch.setattr(Cluster, "status", lambda _: Status("running", lane="kwok"))
    assert lanes.choose("demo", "").lane == "kwok"
    assert lanes.choose("demo", "node").lane == "node"


def test_a_kind_that_is_none_is_told_in_a_sentence() -> None:
    with pytest.raises(ClusterError, match="CLUSTER=nod is no kind of cluster: node, kwok"):
        lanes.choose("demo", "nod")


def test_what_cannot_run_here_is_told_before_anything_else_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _can(monkeypatch, "CLUSTER=node needs root")
    with pytest.raises(ClusterError, match="needs root"):
        lanes.choose("demo", "node")


def test_where_nothing_runs_it_is_told_why_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _can(monkeypatch, "CLUSTER=node needs Linux")
    monkeypatch.setattr(kwok, "problem", lambda _: "needs Linux and this is darwin.")
    with pytest.raises(ClusterError) as told:
        lanes.choose("demo", "")
    assert str(told.value).splitlines() == [
        "The demo does not run on this machine.",
        "CLUSTER=node needs Linux",
        "CLUSTER=kwok needs Linux and this is darwin.",
    ]
    with pytest.raises(ClusterError, match=r"^CLUSTER=kwok needs Linux"):
        lanes.choose("demo", "kwok")


def test_kind_is_refused_and_one_that_runs_is_not_taken_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _can(monkeypatch)
    with pytest.raises(ClusterError, match=r"use CLUSTER=node .* or CLUSTER=kwok"):
        lanes.choose("demo", "kind")
    monkeypatch.setattr(Cluster, "status", lambda _: Status("running", lane="kind"))
    with pytest.raises(ClusterError, match="use CLUSTER=node"):
        lanes.choose("demo", "")
    assert lanes.choose("demo", "node").lane == "node"


NOTHING = lanes.Parts(beside=False, carried=False)
BESIDE = lanes.Parts(beside=True, carried=False)
CARRIED = lanes.Parts(beside=False, carried=True)


def _is(monkeypatch: pytest.MonkeyPatch, status: Status, *, kept: bool = True) -> None:
    monkeypatch.setattr(Cluster, "status", lambda _: status)
    monkeypatch.setattr(Cluster, "kept", lambda _: kept)


def test_nothing_there_needs_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lanes.outdated(Cluster("demo", "node"), NOTHING) == ""
    _is(monkeypatch, Status("running", lane="node"))
    assert lanes.outdated(Cluster("demo", "node"), CARRIED) == ""
    assert lanes.foreign(Cluster("demo", "node"), CARRIED) == ""


@pytest.mark.parametrize("parts", [BESIDE, CARRIED])
def test_what_outlived_its_cluster_is_told(parts: lanes.Parts) -> None:
    assert "runs on without its cluster" in lanes.outdated(Cluster("demo", "kwok"), parts)


def test_a_cluster_of_another_kind_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    _is(monkeypatch, Status("running", lane="kwok"))
    told = lanes.outdated(Cluster("other", "node"), BESIDE)
    assert told.startswith("The cluster 'other' is CLUSTER=kwok: it is taken down first")


def test_one_that_is_half_dead_is_told_with_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    _is(monkeypatch, Status("broken", lane="node", missing=("etcd", "kubelet")))
    assert "half dead (without etcd, kubelet)" in lanes.outdated(Cluster("demo", "node"), NOTHING)


def test_one_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    _is(monkeypatch, Status("running", lane="node"), kept=False)
    assert "does not answer" in lanes.outdated(Cluster("demo", "node"), NOTHING)


def test_what_belongs_to_another_kind_of_demo_is_told() -> None:
    assert "simulated Pods" in lanes.foreign(Cluster("demo", "node"), BESIDE)
    assert "real Pods" in lanes.foreign(Cluster("demo", "kwok"), CARRIED)
    assert lanes.foreign(Cluster("demo", "kwok"), BESIDE) == ""


def test_no_address_without_a_face() -> None:
    with pytest.raises(stage.DemoError, match="make demo"):
        stage.url("never-started")
