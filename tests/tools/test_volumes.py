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


def _field(number: int, content: bytes) -> bytes:
    """One field of a protocol buffer, as Kubernetes writes texts and messages."""
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([number << 3 | 2]) + length + content


def _stored(name: str, path: str, provisioner: str = volumes.PROVISIONER) -> bytes:
    """A PersistentVolume as etcd keeps it: its key, then the object."""
    key = b"pv.kubernetes.io/provisioned-by"
    annotation = _field(12, _field(1, key) + _field(2, provisioner.encode()))
    metadata = _field(1, _field(1, name.encode()) + annotation)
    source = _field(3, _field(1, path.encode()) + _field(2, b""))
    raw = _field(2, metadata + _field(2, _field(2, source)))
    kind = _field(1, _field(1, b"v1") + _field(2, b"PersistentVolume"))
    return _field(1, f"/registry/persistentvolumes/{name}".encode()) + b"k8s\0" + kind + raw


def _etcd(folder: Path, database: bytes, log: bytes) -> Path:
    for path, content in (("snap/db", database), ("wal/0-0.wal", log + bytes(4096))):
        file = folder / "member" / path
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    return folder


def _folder(last: int) -> str:
    return f"{volumes.BASE}/0b8a7f5e-52a5-4f0c-9a2e-{last:012}"


def test_a_dead_clusters_folders_are_found_in_both_kinds_of_files_of_its_etcd(
    tmp_path: Path,
) -> None:
    database = bytes(64) + _stored("pvc-1", _folder(1)) + bytes(64) + _stored("pvc-2", _folder(2))
    log = bytes(8) + _stored("pvc-2", _folder(2)) + _stored("pvc-3", _folder(3))
    found = volumes.stored(_etcd(tmp_path, database, log))
    assert found == [Path(_folder(number)) for number in (1, 2, 3)]


def test_a_dead_clusters_etcd_may_name_folders_that_are_not_the_clusters(tmp_path: Path) -> None:
    others = [
        _stored("pvc-1", _folder(1), provisioner="somebody/else"),
        _stored("pvc-2", f"{_folder(2)}/sub"),
        _stored("pvc-3", f"{volumes.BASE}/.."),
        _stored("pvc-4", "/home/somebody/0b8a7f5e-52a5-4f0c-9a2e-000000000004"),
        _field(1, b"/registry/persistentvolumes/pvc-5"),  # as in the record of its deletion
        _field(1, b"/registry/pods/a/b") + _field(1, _folder(6).encode()),
        _stored("mine", "/srv") + bytes(volumes._VOLUME_BYTES) + _stored("", _folder(7))[30:],
    ]
    assert volumes.stored(_etcd(tmp_path, b"".join(others), b"")) == []


def test_a_cluster_without_etcd_or_with_an_empty_one_has_no_folders(tmp_path: Path) -> None:
    assert volumes.stored(tmp_path) == []
    _etcd(tmp_path, b"", b"")
    assert volumes.stored(tmp_path) == []


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
