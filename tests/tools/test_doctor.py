"""The doctor says what each kind of cluster lacks here, and picks the fullest that runs."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools.cluster import ClusterError, kind
from tools.cluster.__main__ import app
from tools.cluster.doctor import Finding, best, examine
from tools.cluster.node import preflight


def _no_engine() -> str:
    raise ClusterError("CLUSTER=kind needs Docker or Podman")


def test_with_an_engine_kind_is_best(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kind, "engine", lambda: "docker")
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


def test_where_nothing_runs_one_sentence_says_so() -> None:
    with pytest.raises(ClusterError, match="No kind of cluster runs"):
        best([Finding("kwok", "needs Linux and this is darwin.", "")])


def test_the_command_names_all_kinds_and_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind, "engine", _no_engine)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    assert "Best here: CLUSTER=kwok" in result.output
    assert "needs root" in result.output
