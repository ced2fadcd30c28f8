"""Which kind of cluster the demo takes, and what it says of it."""

from pathlib import Path

import pytest

from tools.cluster import Cluster, ClusterError
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


def test_no_address_without_a_face() -> None:
    with pytest.raises(stage.DemoError, match="make demo"):
        stage.url("never-started")
