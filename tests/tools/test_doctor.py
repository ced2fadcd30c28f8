"""The doctor says what each kind of cluster lacks here, and picks what `make demo` would."""

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools.cluster import ClusterError, kind, kwok
from tools.cluster.__main__ import app
from tools.cluster.doctor import Finding, best, examine
from tools.cluster.node import preflight

Usage = namedtuple("Usage", "total used free")


def _no_engine() -> str:
    raise ClusterError("CLUSTER=kind needs Docker or Podman")


def test_with_an_engine_kind_is_left_where_nothing_else_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kind, "engine", lambda: "docker")
    monkeypatch.setattr(preflight, "problem", lambda directory: "needs root")
    assert best(examine(tmp_path)).lane == "kwok"
    monkeypatch.setattr(kwok, "problem", lambda directory: "needs Linux and this is darwin")
    assert best(examine(tmp_path)).lane == "kind"


def test_without_an_engine_and_without_root_kwok_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kind, "engine", _no_engine)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    findings = examine(tmp_path)
    assert best(findings).lane == "kwok"
    assert "needs root" in next(one.problem for one in findings if one.lane == "node")


def test_as_root_without_an_engine_the_node_is_best(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kind, "engine", _no_engine)
    monkeypatch.setattr(preflight, "problem", lambda directory: "")
    assert best(examine(tmp_path)).lane == "node"


def test_where_nothing_runs_it_says_what_each_kind_lacks() -> None:
    lacks = [Finding("kwok", "needs Linux.", ""), Finding("kind", "needs Docker.", "")]
    with pytest.raises(ClusterError) as told:
        best(lacks)
    assert str(told.value).splitlines() == [
        "No kind of cluster runs on this machine.",
        "CLUSTER=kwok needs Linux.",
        "CLUSTER=kind needs Docker.",
    ]


def test_simulated_pods_need_linux_and_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = kwok.problem(tmp_path, "darwin")
    assert told == "needs Linux and this is darwin: use CLUSTER=kind with a container engine."
    assert kwok.problem(tmp_path, "linux") == ""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(2**40, 2**40 - 2**28, 2**28))
    assert kwok.problem(tmp_path / "not" / "yet").startswith(
        f"needs 0.5 GiB of free disk below {tmp_path} and 0.2 are left: make room"
    )


def test_the_command_names_all_kinds_and_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind, "engine", _no_engine)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    assert "Best here: CLUSTER=kwok" in result.output
    assert "needs root" in result.output
