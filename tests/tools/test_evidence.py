"""What is kept of a cluster in which tests failed."""

from pathlib import Path

import pytest

from tests.support import evidence
from tools.cluster import Cluster


def test_the_end_of_every_components_log_is_kept_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evidence, "LAST", 4)
    cluster = Cluster("one", root=tmp_path / "clusters")
    texts = {
        cluster.logs / "audit.log": "0123456789",
        cluster.logs / "etcd.log": "ok",
        cluster.directory / "operators" / "operator.log": "said",
        cluster.directory / "node" / "logs" / "kubelet.log": "ran",
    }
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    evidence.keep(cluster, tmp_path / "kept")
    kept = {path.name: path.read_text() for path in (tmp_path / "kept" / "one").iterdir()}
    assert kept == {
        "audit.log": "6789",
        "etcd.log": "ok",
        "operator.log": "said",
        "kubelet.log": "ran",
    }
    assert "audit, etcd, operator, kubelet" in capsys.readouterr().out


def test_a_cluster_that_was_never_made_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evidence.keep(Cluster("one", root=tmp_path / "clusters"), tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
    assert capsys.readouterr().out == ""
