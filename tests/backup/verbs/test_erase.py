"""Who was erased stays erased: through the commands, with real Redis and real stores."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from digital_human_backup.errors import BackupError, DamagedError, RefusedError
from digital_human_backup.sessions import Server
from tests.backup.conftest import Run, new_bucket, new_key
from tests.backup.killer import PROGRAM, Killer, requests_of
from tests.backup.proxy import proxy
from tests.backup.servers import Database
from tests.backup.sessions.data import digest, fill, keys, keys_of, talk
from tools.ports import free_port

NOBODY = {"subjects": 0, "sessions": 0, "tickets": 0}


def address(server: Database) -> tuple[str, str]:
    return "--redis", f"redis://127.0.0.1:{server.port}"


def alive(server: Database) -> set[str]:
    """Sessions that can be taken up."""
    client: Any = server.client(decode_responses=True)
    return {
        key.split("{")[1].rstrip("}")
        for key in client.scan_iter("*}", _type="hash")
        if client.hget(key, "principal")
    }


def ledger_of(tmp_path: Path) -> tuple[set[str], set[str]]:
    """Ids of the entries, and of those that are done."""
    names = [path.stem for path in (tmp_path / "backups/erasures").rglob("*.json")]
    return (
        {name.removesuffix("-erased") for name in names if name.endswith("-erased")},
        {name.removesuffix("-done") for name in names if name.endswith("-done")},
    )


def test_an_erased_subject_does_not_come_back(
    run: Run, redis: Database, target: Database, key_file: Path, tmp_path: Path
) -> None:
    key = ("--key-file", key_file)
    fill(redis)
    run("create", "--human", "ada", *address(redis), *key)
    told = run("erase", "jwt:alice", *address(redis), *key)
    assert (told["subjects"], told["sessions"], told["tickets"]) == (1, 2, 2)
    assert alive(redis) == {"bobs"}
    told = run("restore", *address(target), "--into", tmp_path / "r", *key)
    assert told["erased"] == {"subjects": 1, "sessions": 2, "tickets": 2}
    assert alive(target) == {"bobs"}
    assert not keys(target) & (keys_of("one") | keys_of("two"))
    assert b"alice" not in (tmp_path / "r/sessions/dump.rdb").read_bytes()
    for name in ("one", "two"):
        redis.client().delete(f"digital-human:ada:session:{{{name}}}")
    assert digest(target) == digest(redis)


@pytest.mark.parametrize("service", ["moto", "gateway"])
def test_the_ledger_lies_in_a_bucket(  # noqa: PLR0917 - fixtures
    run: Run,
    redis: Database,
    target: Database,
    key_file: Path,
    credentials: Path,
    service: str,
    request: pytest.FixtureRequest,
) -> None:
    endpoint = request.getfixturevalue(service)
    words = ["--endpoint", endpoint, "--region", "us-east-1", "--s3-style", "path"]
    words += ["--s3-credentials", str(credentials), "--key-file", str(key_file)]
    store = f"s3://{new_bucket(endpoint)}/backups"
    run("create", "--human", "ada", *address(redis), *words, store=store)
    run("erase", "jwt:bob", *address(redis), *words, store=store)
    told = run("restore", *address(target), *words, store=store)
    assert told["erased"] == {"subjects": 1, "sessions": 1, "tickets": 1}
    assert alive(target) == {"one", "two"}


def test_backups_without_encryption_have_a_ledger_too(
    run: Run, redis: Database, target: Database, key_file: Path
) -> None:
    run("create", "--human", "ada", *address(redis))
    run("erase", "jwt:alice", *address(redis), "--key-file", key_file)
    with pytest.raises(RefusedError, match=r"The erasure ledger was sealed.*holds none: add the"):
        run("restore", *address(target))
    assert keys(target) == set()
    run("restore", *address(target), "--key-file", key_file)
    assert alive(target) == {"bobs"}


def test_who_comes_back_after_the_erasure_is_kept(
    run: Run, redis: Database, target: Database, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digital_human_backup.ledger.MARGIN", timedelta(0))
    key = ("--key-file", key_file)
    old = run("create", "--human", "ada", *address(redis), *key)["id"]
    run("erase", "jwt:alice", *address(redis), *key)
    time.sleep(2.1)  # times of a store are in whole seconds
    talk(redis, "jwt:alice", "new")
    new = run("create", "--human", "ada", *address(redis), *key)["id"]
    assert run("restore", new, *address(target), *key)["erased"] == NOBODY
    assert alive(target) == {"bobs", "new"}
    assert run("restore", old, *address(target), *key)["erased"]["sessions"] == 2
    assert alive(target) == {"bobs"}


def test_an_erasure_that_is_not_done_in_redis_counts_for_later_backups(
    run: Run, redis: Database, target: Database, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digital_human_backup.ledger.MARGIN", timedelta(0))
    key = ("--key-file", key_file)
    told = run("erase", "jwt:alice", *key)
    assert (told["sessions"], told["tickets"]) == (None, None)
    assert alive(redis) == {"one", "two", "bobs"}
    time.sleep(1.1)
    run("create", "--human", "ada", *address(redis), *key)
    assert run("restore", *address(target), *key)["erased"]["sessions"] == 2
    assert alive(target) == {"bobs"}


def test_a_restore_in_place_brings_nobody_back(run: Run, redis: Database, key_file: Path) -> None:
    key = ("--key-file", key_file)
    run("create", "--human", "ada", *address(redis), *key)
    run("erase", "jwt:alice", *key)
    run("restore", *address(redis), *key)
    assert alive(redis) == {"bobs"}


def test_a_backup_without_sessions_of_the_subject(
    run: Run, redis: Database, target: Database, key_file: Path
) -> None:
    key = ("--key-file", key_file)
    run("create", "--human", "ada", *address(redis), *key)
    run("erase", "jwt:nobody", *address(redis), *key)
    before = digest(redis)
    assert run("restore", *address(target), *key)["erased"] == {**NOBODY, "subjects": 1}
    assert digest(target) == before


def test_models_need_no_ledger(
    run: Run, config: Path, redis: Database, key_file: Path, tmp_path: Path
) -> None:
    run("create", "--human", "ada", "--config", config, *address(redis))
    run("erase", "jwt:alice", "--key-file", key_file)
    assert run("restore", "--into", tmp_path / "r", "--part", "config")["erased"] is None
    with pytest.raises(RefusedError, match="The erasure ledger was sealed with the key"):
        run("restore", "--into", tmp_path / "s", "--part", "sessions")
    assert not (tmp_path / "s").exists()


def test_pruning_leaves_the_ledger(run: Run, config: Path, key_file: Path, tmp_path: Path) -> None:
    run("create", "--human", "ada", "--config", config)
    run("erase", "jwt:alice", "--key-file", key_file)
    run("verify")
    entries = sorted((tmp_path / "backups/erasures").rglob("*.json"))
    assert len(entries) == 1
    for path in entries:
        os.utime(path, (0, 0))
    run("prune", "--keep-days", 1, "--keep-minimum", 1)
    assert sorted((tmp_path / "backups/erasures").rglob("*.json")) == entries


def test_the_key_is_rotated(run: Run, redis: Database, target: Database, key_file: Path) -> None:
    words = (*address(redis), "--key-file", key_file)
    old = run("create", "--human", "ada", *words)["id"]
    run("erase", "jwt:alice", *words)
    key_file.write_text(new_key(2) + key_file.read_text())
    run("erase", "jwt:bob", *words)
    told = run("restore", old, *address(target), "--key-file", key_file)
    assert told["erased"] == {"subjects": 2, "sessions": 3, "tickets": 3}
    assert alive(target) == set()


def test_the_wrong_key(run: Run, redis: Database, target: Database, key_file: Path) -> None:
    run("create", "--human", "ada", *address(redis))
    run("erase", "jwt:alice", *address(redis), "--key-file", key_file)
    key_file.write_text(new_key(7))
    with pytest.raises(RefusedError, match=r"ledger was sealed with the key .* add the line with"):
        run("restore", *address(target), "--key-file", key_file)
    assert keys(target) == set()


def test_a_damaged_ledger_stops_a_restore(
    run: Run, redis: Database, target: Database, key_file: Path, tmp_path: Path
) -> None:
    key = ("--key-file", key_file)
    run("create", "--human", "ada", *address(redis), *key)
    run("erase", "jwt:alice", *key)
    entry = next((tmp_path / "backups/erasures").rglob("*.json"))
    entry.write_bytes(entry.read_bytes()[:-1])
    with pytest.raises(DamagedError, match="ledger is damaged: put it back from a copy"):
        run("restore", *address(target), *key)
    assert keys(target) == set()


@pytest.mark.parametrize("into", [False, True])
def test_somebody_is_erased_while_a_restore_runs(  # noqa: PLR0917 - fixtures
    run: Run,
    redis: Database,
    target: Database,
    key_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    into: bool,
) -> None:
    key = ("--key-file", key_file)
    run("create", "--human", "ada", *address(redis), *key)
    run("erase", "jwt:bob", *key)
    module = import_module("digital_human_backup.verbs.restore")
    really = module.replace

    def replaced(*words: Any) -> Any:
        """At this moment the target still holds what it held."""
        command = [*PROGRAM, "erase", "jwt:alice", *address(target), *map(str, key)]
        command += ["--store", f"file://{tmp_path / 'backups'}", "--uid", "uid-1"]
        subprocess.run(command, check=True, capture_output=True)
        return really(*words)

    monkeypatch.setattr(module, "replace", replaced)
    words = ("--into", tmp_path / "r") if into else ()
    told = run("restore", *address(target), *words, *key)
    assert told["erased"] == {"subjects": 2, "sessions": 3, "tickets": 3}
    assert alive(target) == set()
    entries, done = ledger_of(tmp_path)
    assert (len(entries), len(done)) == (3, 2)  # the restore told the ledger when it was done
    if into:
        assert b"alice" not in (tmp_path / "r/sessions/dump.rdb").read_bytes()


def test_a_program_killed_at_any_request_is_run_again(  # noqa: PLR0917 - fixtures
    run: Run, killer: Killer, redis: Database, target: Database, key_file: Path, tmp_path: Path
) -> None:
    key = ("--key-file", key_file, "--workers", 1)
    run("create", "--human", "ada", *address(redis), *key)
    words = ("erase", "jwt:alice", "jwt:carol", *address(redis), *key)
    count = requests_of(killer, lambda: run(*words))
    assert count == 5  # two entries, a listing, two notes that it is done
    for number in range(count):
        talk(redis, "jwt:alice", f"again-{number}")
        with killer.at(number):
            run(*words)
        assert run(*words)["subjects"] == 2
        assert alive(redis) == {"bobs"}
        run("restore", *address(target), *key)
        assert alive(target) == {"bobs"}
    entries, done = ledger_of(tmp_path)
    assert entries == done


def test_a_program_killed_before_it_reaches_redis(  # noqa: PLR0917 - fixtures
    run: Run, gateway: str, redis: Database, target: Database, key_file: Path, credentials: Path
) -> None:
    """Killed by the system after its entry has arrived: restores know of it already."""
    with proxy(gateway) as (place, faults):
        words = ["--endpoint", place, "--region", "us-east-1", "--s3-style", "path"]
        words += ["--s3-credentials", str(credentials), "--key-file", str(key_file)]
        store = f"s3://{new_bucket(gateway)}/b"
        run("create", "--human", "ada", *address(redis), *words, store=store)
        command = [*PROGRAM, "erase", "jwt:alice", *address(redis), *words]
        with subprocess.Popen([*command, "--store", store, "--uid", "uid-1"]) as process:

            def kill(_: int, method: str, path: str) -> None:
                if method == "GET" and "erasures" in path:
                    process.send_signal(signal.SIGKILL)
                    process.wait(10)

            faults.at = kill
            assert process.wait(60) == -signal.SIGKILL
        faults.at = lambda number, method, path: None
        assert alive(redis) == {"one", "two", "bobs"}
        run("restore", *address(target), *words, store=store)
        assert alive(target) == {"bobs"}
        assert run("erase", "jwt:alice", *address(redis), *words, store=store)["sessions"] == 2
        assert alive(redis) == {"bobs"}


def test_two_erasures_at_once(
    run: Run, redis: Database, target: Database, key_file: Path, tmp_path: Path
) -> None:
    key = ("--key-file", key_file)
    run("create", "--human", "ada", *address(redis), *key)
    place = [*address(redis), *map(str, key), "--store", f"file://{tmp_path / 'backups'}"]
    running = [
        subprocess.Popen([*PROGRAM, "erase", *who, *place, "--uid", "uid-1"])
        for who in (["jwt:alice"], ["jwt:alice", "jwt:bob"])
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    assert alive(redis) == set()
    assert run("restore", *address(target), *key)["erased"]["subjects"] == 2
    assert alive(target) == set()


def test_a_redis_that_is_not_there(run: Run, key_file: Path, tmp_path: Path) -> None:
    given = ("--redis", f"redis://127.0.0.1:{free_port()}", "--key-file", key_file)
    with pytest.raises(BackupError, match="does not answer"):
        run("erase", "jwt:alice", *given)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_redis_that_dies_meanwhile(
    run: Run, redis: Database, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry is there, so restores know; run again, it ends."""
    words = ("erase", "jwt:alice", *address(redis), "--key-file", key_file)
    really: Callable[..., Any] = Server.client

    def refused(self: Server, **changes: Any) -> Any:
        return really(Server("127.0.0.1", free_port()), **changes) if changes else really(self)

    with monkeypatch.context() as patched:
        patched.setattr(Server, "client", refused)
        with pytest.raises(BackupError, match="does not answer") as told:
            run(*words)
    assert told.value.exit_code == 1
    assert alive(redis) == {"one", "two", "bobs"}
    assert run(*words)["sessions"] == 2
