"""The folders behind a cluster's volumes are everybody's to make and the cluster's to remove."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tools.cluster import ClusterError, volumes


def _volume(path: str, provisioner: str = volumes.PROVISIONER) -> dict[str, Any]:
    annotations = {"pv.kubernetes.io/provisioned-by": provisioner}
    return {"metadata": {"annotations": annotations}, "spec": {"hostPath": {"path": path}}}


def test_the_first_cluster_lets_other_users_make_folders_too(tmp_path: Path) -> None:
    base = tmp_path / "pv"
    volumes.prepare(base)
    assert stat.S_IMODE(base.stat().st_mode) == 0o1777


def test_our_own_folder_of_an_earlier_time_is_opened(tmp_path: Path) -> None:
    base = tmp_path / "pv"
    base.mkdir(mode=0o750)
    volumes.prepare(base)
    assert stat.S_IMODE(base.stat().st_mode) == 0o1777


def test_a_folder_of_somebody_else_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "pv"
    base.mkdir(mode=0o750)
    monkeypatch.setattr(os, "geteuid", lambda: base.stat().st_uid + 1)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ClusterError, match=r"another user's.*chmod 1777"):
        volumes.prepare(base)


def test_only_provisioned_folders_directly_below_the_base_are_the_clusters(tmp_path: Path) -> None:
    inside = f"{tmp_path}/a"
    found = volumes.folders(
        [
            _volume(inside),
            _volume(f"{tmp_path}/b", provisioner="somebody/else"),
            _volume(f"{tmp_path}/../outside"),
            _volume(f"{tmp_path}/c/d"),
            _volume("/"),
            {"metadata": {}, "spec": {}},
        ],
        tmp_path,
    )
    assert found == [Path(inside)]


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("here")
    base = tmp_path / "pv"
    base.mkdir()
    (base / "link").symlink_to(kept)
    (base / "real").mkdir()
    volumes.remove([base / "link", base / "real", base / "never-was"])
    assert (kept / "file").exists()
    assert not (base / "real").exists()
