"""A store in a folder, and how stores are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from digital_human_backup.errors import BackupError, DamagedError, RefusedError
from digital_human_backup.stores import FolderStore, S3Settings, open_store


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="nothing does not exist: create it, or mount"):
        FolderStore(tmp_path / "nothing")


def test_something_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "humans").write_text("")
    store = FolderStore(tmp_path)
    with pytest.raises(BackupError, match=r"failed .Not a directory."):
        store.put("humans/1/x", b"")
    with pytest.raises(BackupError, match=r"failed .Not a directory."):
        store.get("humans/1/x", 1)


def test_what_a_killed_writer_left_is_not_listed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("a/x", b"1")
    (tmp_path / "a" / ".tmp-0123").write_bytes(b"half")
    assert [item.key for item in store.list("a/")] == ["a/x"]


def test_a_large_object_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    with pytest.raises(DamagedError, match="more than 4"):
        FolderStore(tmp_path).get("x", 4)


@pytest.mark.parametrize(
    "address", ["", "backups", "s3://", "file://host/x", "http://x/y", "s3://b/p?x=1", "file://"]
)
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(RefusedError, match=r"--store .* is no store: write file:///folder or s3:"):
        open_store(address, S3Settings())


def test_an_address_with_a_password_is_not_repeated() -> None:
    with pytest.raises(RefusedError, match=r"--store holds .*: give .* --s3-credentials") as told:
        open_store("s3://me:secret@bucket/x", S3Settings())
    assert "secret@" not in str(told.value)


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%20b", "a b"])
def test_a_folder_is_named_as_it_is(name: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="does not exist"):
        open_store(f"file://{tmp_path}/{name}", S3Settings())
    (tmp_path / name).mkdir()
    open_store(f"file://{tmp_path}/{name}", S3Settings()).put("x", b"1")
    assert (tmp_path / name / "x").exists()
