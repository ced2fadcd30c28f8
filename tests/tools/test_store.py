"""The S3 server to try backups with: kept while it runs, reached with its keys, gone afterwards."""

from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError

from tools import store
from tools.cluster import processes


def test_a_store_is_kept_until_it_is_ended(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    found = store.up(folder)
    try:
        found.client().put_object(Bucket=store.BUCKET, Key="a", Body=b"1")
        assert store.up(folder) == found
        body = found.client().get_object(Bucket=store.BUCKET, Key="a")["Body"]
        assert body.read() == b"1"
        (process,) = processes.load(folder / "server.pid.json")
        assert process.name == "versitygw"
        assert (folder / "credentials").stat().st_mode & 0o77 == 0
    finally:
        store.down(folder)
    assert not folder.exists()
    assert not processes.is_running(process)
    store.down(folder)  # nothing to end is fine


def test_one_that_was_killed_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    first = store.up(folder)
    try:
        processes.stop(processes.load(folder / "server.pid.json"))
        second = store.up(folder)
        assert second != first
        second.client().put_object(Bucket=store.BUCKET, Key="a", Body=b"1")
        with pytest.raises(EndpointConnectionError):
            first.client().list_buckets()
    finally:
        store.down(folder)


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(store.StoreError, match=r"does not answer at 127.0.0.1:\d+"):
        store.start(tmp_path, wrapped=("false",))


@pytest.mark.parametrize("name", ["", "..", "a/b"])
def test_a_name_that_is_none_removes_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STORE_NAME", name)
    assert store.main(["down"]) == 2
    assert "is no name" in capsys.readouterr().err
