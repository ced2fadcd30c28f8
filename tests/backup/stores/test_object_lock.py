"""What object lock promises: who may write to a bucket can hide backups, and not destroy them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.backup import servers
from tests.backup.conftest import Run, files

BUCKET = "locked"


@pytest.fixture(params=["versitygw", "moto"])
def locked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Any]]:
    """A service with a bucket that keeps every version for a day, and a client."""
    with contextlib.ExitStack() as stack:
        if request.param == "moto":
            address = request.getfixturevalue("moto")
        else:
            (tmp_path / "gateway").mkdir()
            address = stack.enter_context(servers.versitygw(tmp_path / "gateway", versions=True))
        client = servers.client(address)
        client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
        wanted = {"ObjectLockEnabled": "Enabled", "Rule": rule}
        client.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration=wanted)
        yield address, client
        client.close()


def test_what_was_deleted_can_be_had_back(  # noqa: PLR0917 - fixtures
    run: Run,
    locked: tuple[str, Any],
    models: Path,
    key_file: Path,
    credentials: Path,
    tmp_path: Path,
) -> None:
    address, client = locked
    place = ["--endpoint", address, "--region", "us-east-1", "--s3-style", "path"]
    place += ["--s3-credentials", str(credentials)]
    store = f"s3://{BUCKET}/backups"
    words = (*place, "--key-file", key_file)
    made = run("create", "--human", "ada", "--models", models, *words, store=store)
    assert (
        run("create", "--human", "ada", "--models", models, *words, store=store)["sentBytes"] == 0
    )
    run("erase", "jwt:alice", *words, store=store)
    assert run("verify", *words, store=store)["ok"]
    assert run("prune", *place, store=store)["kept"] == 2

    for item in client.list_objects_v2(Bucket=BUCKET)["Contents"]:
        client.delete_object(Bucket=BUCKET, Key=item["Key"])
    assert run("list", *place, store=store) == []
    versions = client.list_object_versions(Bucket=BUCKET)
    assert {one["Key"].split("/")[1] for one in versions["Versions"]} == {"humans", "erasures"}
    for one in versions["Versions"]:
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_object(Bucket=BUCKET, Key=one["Key"], VersionId=one["VersionId"])

    for one in versions["DeleteMarkers"]:
        if "/locks/" not in one["Key"]:
            client.delete_object(Bucket=BUCKET, Key=one["Key"], VersionId=one["VersionId"])
    assert run("list", *place, store=store)[0]["id"] == made["id"]
    run("restore", "--into", tmp_path / "back", *words, store=store)
    assert files(tmp_path / "back" / "models") == files(models)
