"""Sessions are copied and put back by real servers: every type, TLS, users, AOF, replicas."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from digital_human_backup.errors import BackupError, DamagedError, RefusedError
from digital_human_backup.sessions import Server, checked, copy, replace
from tests.backup.conftest import Run
from tests.backup.servers import Database, database
from tools.ports import free_port

from .data import digest, execute, fill

DEBUG = "enable-debug-command yes"
SMALL_FILES = ("sh", "-c", 'trap "" XFSZ; ulimit -f 8; exec "$@"', "sh")
"""Runs a program whose files cannot grow beyond 4 KiB, as on a full disk."""
NEVER_DONE = """
import sys, time
import digital_human_backup.sessions
from digital_human_backup.__main__ import main
sys.modules["digital_human_backup.sessions.replace"]._wait = lambda *_: time.sleep(600)
main()
"""
"""The backup tool, but a restore stays in the middle: its server follows ours."""


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Database]:
    with database(tmp_path / "source", DEBUG) as started:
        fill(started)
        yield started


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Database]:
    with database(tmp_path / "target", DEBUG) as started:
        started.client().set("old", "data")
        yield started


def address(server: Database) -> tuple[str, str]:
    return "--redis", f"redis://127.0.0.1:{server.port}"


def runs(process: psutil.Process) -> bool:
    try:
        return str(process.status()) != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait(done: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(redis.RedisError):
            if done():
                return
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def test_everything_comes_back(
    run: Run, source: Database, target: Database, key_file: Path, tmp_path: Path
) -> None:
    key = ("--key-file", key_file)
    made = run("create", "--human", "ada", *address(source), *key)
    assert made["parts"]["sessions"]["files"] == 1
    assert run("list")[0]["redisKeys"] == 26
    assert run("verify", *key)["ok"]
    before = digest(source)
    told = run("restore", *address(target), *key)
    assert told["parts"] == ["sessions"]
    assert digest(target) == before == digest(source)
    assert target.client().get("old") is None
    assert target.client().get(bytes(range(256))) == bytes(range(256)) * 300
    assert 3500 < target.client().ttl("soon") <= 3600
    assert execute(target.client(), "FCALL", "f", 0) == 7
    info: Any = target.client().info("replication")
    assert info["role"] == "master"
    assert target.client().config_get("masterauth")["masterauth"] == ""
    target.client().set("works", "again")


def test_a_file_for_a_server_of_ones_own(run: Run, source: Database, tmp_path: Path) -> None:
    run("create", "--human", "ada", *address(source))
    run("restore", "--into", tmp_path / "r")
    (tmp_path / "new").mkdir()
    (tmp_path / "r/sessions/dump.rdb").rename(tmp_path / "new" / "dump.rdb")
    with database(tmp_path / "new", DEBUG) as started:
        assert digest(started) == digest(source)


def test_the_manifest_tells_what_it_was_made_of(run: Run, source: Database, tmp_path: Path) -> None:
    made = run("create", "--human", "ada", *address(source))["id"]
    path = tmp_path / f"backups/humans/uid-1/backups/{made}.json"
    facts = json.loads(path.read_text())["redis"]
    info: Any = source.client().info()
    assert facts["version"] == info["redis_version"]
    assert facts["runId"] == info["run_id"]
    assert facts["rdbVersion"] >= 10
    assert facts["databases"] == {
        "0": {"keys": 22, "expires": 3},
        "3": {"keys": 2, "expires": 1},
        "15": {"keys": 2, "expires": 1},
    }


def test_the_time_of_a_backup_is_before_its_copy(
    run: Run, source: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Erasures are compared with it: a copy that is older than it says brings somebody back."""
    module = import_module("digital_human_backup.verbs.create")
    copied: list[datetime] = []

    def watched(*words: Any) -> Any:
        assert len(list((tmp_path / "backups/humans/uid-1/locks").glob("write-*"))) == 1
        copied.append(datetime.now(UTC))
        return copy(*words)

    monkeypatch.setattr(module, "copy", watched)
    folder = tmp_path / "backups/humans/uid-1/backups"
    first = run("create", "--human", "ada", *address(source))["id"]
    (folder / f"29990101T000000Z-{first[-16:]}.json").write_text("from the future")
    second = run("create", "--human", "ada", *address(source))["id"]
    assert second.startswith("29990101T000001Z-")
    for made, when in zip((first, second), copied, strict=True):
        began = json.loads((folder / f"{made}.json").read_text())["redis"]["began"]
        assert began <= f"{when:%Y-%m-%dT%H:%M:%SZ}"


def test_writes_meanwhile_do_not_make_a_mixture(
    run: Run, source: Database, target: Database
) -> None:
    """Two counters that are only ever written together are equal in every backup."""
    stop = threading.Event()
    client = source.client()

    def write() -> None:
        while not stop.is_set():
            with client.pipeline(transaction=True) as both:
                both.incr("one")
                both.incr("two")
                both.execute()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        wait(lambda: int(client.get("one") or 0) > 50)
        run("create", "--human", "ada", *address(source))
    finally:
        stop.set()
        thread.join()
    run("restore", *address(target))
    found = target.client().mget("one", "two")
    assert found[0] == found[1] is not None


def test_many_keys(run: Run, source: Database, target: Database) -> None:
    execute(source.client(), "DEBUG", "POPULATE", 200_000, "many", 20)
    run("create", "--human", "ada", *address(source))
    run("restore", *address(target))
    assert digest(target) == digest(source)


def test_with_aof_the_data_survive_a_restart(run: Run, source: Database, tmp_path: Path) -> None:
    folder = tmp_path / "aof"
    run("create", "--human", "ada", *address(source))
    with database(folder, DEBUG, "appendonly yes") as started:
        started.client().set("old", "data")
        run("restore", *address(started))
        started.client().set("after", "the restore")
    with database(folder, DEBUG, "appendonly yes") as started:
        assert started.client().get("after") == b"the restore"
        started.client().delete("after")
        assert digest(started) == digest(source)


def test_with_snapshots_the_data_survive_a_restart(
    run: Run, source: Database, tmp_path: Path
) -> None:
    run("create", "--human", "ada", *address(source))
    with database(tmp_path / "rdb", DEBUG, "save 3600 1") as started:
        started.client().set("old", "data")
        started.client().save()
        run("restore", *address(started))
    with database(tmp_path / "rdb", DEBUG, "save 3600 1") as started:
        assert digest(started) == digest(source)


@pytest.mark.parametrize("load", ["disabled", "swapdb"])
def test_replicas_follow(
    run: Run, source: Database, target: Database, tmp_path: Path, load: str
) -> None:
    target.client().config_set("repl-diskless-load", load)
    follow = f"replicaof 127.0.0.1 {target.port}"
    with database(tmp_path / "replica", DEBUG, follow) as replica:
        wait(lambda: replica.client().get("old") == b"data")
        run("create", "--human", "ada", *address(source))
        run("restore", *address(target))
        wait(lambda: digest(replica) == digest(source))
        with pytest.raises(RefusedError, match=r"is a replica of 127.0.0.1: name the primary"):
            run("restore", *address(replica))
        assert run("create", "--human", "ada", *address(replica))["parts"]["sessions"]["files"] == 1


def test_a_backup_of_no_keys(run: Run, target: Database, tmp_path: Path) -> None:
    with database(tmp_path / "empty", DEBUG) as empty:
        run("create", "--human", "ada", *address(empty))
    run("restore", *address(target))
    assert target.client().dbsize() == 0


def test_what_has_expired_meanwhile_stays_expired(
    run: Run, source: Database, target: Database
) -> None:
    source.client().set("short", "x", px=1500)
    run("create", "--human", "ada", *address(source))
    assert run("list")[0]["redisKeys"] == 27
    wait(lambda: source.client().get("short") is None)
    assert run("verify")["ok"]
    run("restore", *address(target))
    assert digest(target) == digest(source)


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[Database, tuple[str, ...]]]:
    """A server that speaks TLS only, to users with the rights that docs/backup.md names."""
    key, cert = tmp_path / "tls.key", tmp_path / "tls.crt"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    words += ["-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2"]
    words += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(words, check=True, capture_output=True)
    port = free_port()
    server = Server("127.0.0.1", port, tls=True, user="admin", password="root pass", ca_file=cert)
    rights = "+ping +info +sync +psync +replconf +config|get +config|set +replicaof +bgsave +time"
    lines = (
        "port 0",
        f"tls-port {port}",
        f"tls-cert-file {cert}",
        f"tls-key-file {key}",
        f"tls-ca-cert-file {cert}",
        "tls-auth-clients no",
        DEBUG,
        "user default off",
        "user admin on ~* &* +@all ~* &* #" + _sha256("root pass"),
        f"user backup on {rights} #" + _sha256("a secret"),
        "user poor on +ping +info #" + _sha256("a secret"),
    )
    (tmp_path / "password").write_text("a secret\n")
    words = ["--redis", f"rediss://127.0.0.1:{port}", "--redis-ca-file", str(cert)]
    words += ["--redis-password-file", str(tmp_path / "password")]
    with database(tmp_path / "secured", *lines, server=server) as started:
        yield started, tuple(words)


def _sha256(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def test_tls_and_users(
    run: Run, secured: tuple[Database, tuple[str, ...]], target: Database
) -> None:
    server, words = secured
    fill(server)
    before = digest(server)
    run("create", "--human", "ada", *words, "--redis-user", "backup")
    run("restore", *address(target))
    assert digest(target) == before
    server.client().flushall()
    run("restore", *words, "--redis-user", "backup")
    assert digest(server) == before


def test_users_without_rights(run: Run, secured: tuple[Database, tuple[str, ...]]) -> None:
    _, words = secured
    with pytest.raises(BackupError, match=r"sent no whole copy .*NOPERM.* user may SYNC"):
        run("create", "--human", "ada", *words, "--redis-user", "poor")
    with pytest.raises(RefusedError, match="refuses the password"):
        run("create", "--human", "ada", *words, "--redis-user", "nobody")
    assert run("list") == []


def test_a_server_that_asks_for_the_password_of_its_primary(
    run: Run, source: Database, target: Database
) -> None:
    target.client().config_set("masterauth", 'old "pass" word')
    target.client().config_set("masteruser", "someone")
    run("create", "--human", "ada", *address(source))
    run("restore", *address(target))
    assert digest(target) == digest(source)
    assert target.client().config_get("masterauth")["masterauth"] == 'old "pass" word'
    assert target.client().config_get("masteruser")["masteruser"] == "someone"


def test_a_restore_that_was_killed_is_run_again(
    run: Run, source: Database, target: Database, tmp_path: Path
) -> None:
    run("create", "--human", "ada", *address(source))
    target.client().config_set("masterauth", "old")
    words = [sys.executable, "-c", NEVER_DONE, "restore", *address(target)]
    words += ["--store", f"file://{tmp_path / 'backups'}", "--uid", "uid-1"]

    def role() -> str:
        info: Any = target.client().info("replication")
        return str(info["role"])

    with subprocess.Popen(words) as process:
        wait(lambda: role() == "slave", 60)
        servers = psutil.Process(process.pid).children(recursive=True)  # one, or a fork of it too
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert servers
    wait(lambda: not any(map(runs, servers)))
    assert not any(map(runs, servers))  # they would hold the sessions
    assert role() == "slave"
    wait(lambda: target.client().dbsize() is not None)
    found = target.client().get("old"), target.client().get("number")
    assert found in {(b"data", None), (None, b"12345678")}
    run("restore", *address(target))
    assert digest(target) == digest(source)
    assert role() == "master"
    assert target.client().config_get("masterauth")["masterauth"] == "old"


def test_a_server_that_dies_during_the_copy(run: Run, source: Database) -> None:
    source.client().config_set("rdb-key-save-delay", 200_000)
    process_id = int(source.client().info("server")["process_id"])

    def kill() -> None:
        wait(lambda: list(source.folder.parent.glob("pytest-scratch*/*/dump.rdb")), 30)
        subprocess.run(["kill", "-9", str(process_id)], check=True)

    (scratch := source.folder.parent / "pytest-scratch").mkdir()
    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(
        BackupError, match=r"sent no whole copy of its data|does not answer"
    ) as told:
        run("create", "--human", "ada", *address(source), "--scratch", scratch)
    thread.join()
    assert told.value.exit_code == 1
    assert run("list") == []
    assert list(scratch.iterdir()) == []


def test_a_server_that_restarts_during_the_copy(
    source: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [{"run_id": "1", "redis_version": "7"}, {"run_id": "2", "redis_version": "7"}]
    monkeypatch.setattr(Server, "info", lambda self, client: answers.pop(0))
    with pytest.raises(BackupError, match="restarted while its data was copied: try again"):
        copy(source.server, tmp_path / "dump.rdb")
    assert not (tmp_path / "dump.rdb").exists()


def test_a_copy_that_is_not_whole_is_noticed(source: Database, tmp_path: Path) -> None:
    dump = tmp_path / "dump.rdb"
    copy(source.server, dump)
    whole = dump.read_bytes()
    assert checked(dump).keys == 26
    for wrong in (
        whole[:-20],
        whole[:1000] + b"?" + whole[1001:],
        b"REDIS0010",
        b"",
        b"nonsense!!",
    ):
        dump.write_bytes(wrong)
        with pytest.raises(DamagedError, match="copy of"):
            checked(dump)


def test_other_keys_than_the_manifest_says(
    run: Run, source: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module("digital_human_backup.verbs.create")

    def miscounted(dump: Path) -> object:
        return dataclasses.replace(checked(dump), databases={"0": {"keys": 1, "expires": 0}})

    monkeypatch.setattr(module, "checked", miscounted)
    run("create", "--human", "ada", *address(source))
    for words in (("verify",), ("restore", "--into", tmp_path / "r")):
        with pytest.raises(DamagedError, match=r"was made with the keys .* and Redis loads"):
            run(*words)
    assert not (tmp_path / "r").exists()


def test_a_target_that_cannot_hold_the_data_keeps_its_own(
    run: Run, source: Database, tmp_path: Path
) -> None:
    run("create", "--human", "ada", *address(source))
    with database(tmp_path / "small", "databases 4", DEBUG) as small:
        small.client().set("old", "data")
        with pytest.raises(
            RefusedError, match=r"has a database 15, which Redis at .* has not: raise"
        ):
            run("restore", *address(small))
        assert small.client().get("old") == b"data"
    with database(tmp_path / "tight", "maxmemory 1mb", DEBUG) as tight:
        execute(source.client(), "DEBUG", "POPULATE", 50_000, "many", 20)
        run("create", "--human", "ada", *address(source))
        tight.client().set("old", "data")
        with pytest.raises(
            RefusedError, match=r"needs \d+ MiB of memory and .* raise its maxmemory"
        ):
            run("restore", *address(tight))
        assert tight.client().get("old") == b"data"


def test_a_target_without_room_on_its_disk_keeps_its_data(source: Database, tmp_path: Path) -> None:
    copy(source.server, tmp_path / "dump.rdb")
    with database(tmp_path / "full", DEBUG, wrapped=SMALL_FILES) as target:
        target.client().set("old", "data")
        target.client().config_set("masterauth", "old")
        with pytest.raises(BackupError, match=r"did not take the data in time: .*has room"):
            replace(tmp_path / "dump.rdb", target.server, seconds=3)
        assert target.client().get("old") == b"data"
        assert target.client().dbsize() == 1
        info: Any = target.client().info("replication")
        assert info["role"] == "master"
        assert target.client().config_get("masterauth")["masterauth"] == "old"


def test_servers_that_are_not_supported(run: Run, source: Database, tmp_path: Path) -> None:
    run("create", "--human", "ada", *address(source))
    with database(
        tmp_path / "cluster", "cluster-enabled yes", f"cluster-port {free_port()}"
    ) as part:
        for words in (("create", "--human", "ada"), ("restore",)):
            with pytest.raises(RefusedError, match="is part of a cluster, which is not supported"):
                run(*words, *address(part))


@pytest.fixture
def older_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have redis-server on this machine say that it is another version."""

    def say(version: str) -> None:
        program = tmp_path / "bin" / "redis-server"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=0'\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")

    return say


def test_data_that_the_programs_cannot_read_are_not_backed_up(
    run: Run, source: Database, older_programs: Callable[[str], None]
) -> None:
    older_programs("6.2.9")
    with pytest.raises(
        RefusedError, match=r"is of Redis 7.*redis-server here is 6.2, which cannot"
    ):
        run("create", "--human", "ada", *address(source))
    assert run("list") == []


def test_a_backup_that_the_programs_cannot_read_is_not_damaged(
    run: Run, source: Database, older_programs: Callable[[str], None], tmp_path: Path
) -> None:
    run("create", "--human", "ada", *address(source))
    older_programs("6.2.9")
    for words in (("verify",), ("restore", "--into", tmp_path / "r")):
        with pytest.raises(RefusedError, match=r"The backup .* is of Redis 7.* a newer one"):
            run(*words)
    run("restore", "--into", tmp_path / "r", "--no-load")


def test_a_target_that_could_not_read_the_data_keeps_its_own(
    run: Run, source: Database, target: Database, older_programs: Callable[[str], None]
) -> None:
    run("create", "--human", "ada", *address(source))
    older_programs("99.1.0")
    with pytest.raises(RefusedError, match=r"older than redis-server here .99.1.*upgrade it"):
        run("restore", "--no-load", *address(target))
    assert target.client().get("old") == b"data"


def test_a_server_that_is_not_there(run: Run) -> None:
    with pytest.raises(BackupError, match=r"does not answer .*check that it runs") as told:
        run("create", "--human", "ada", "--redis", f"redis://127.0.0.1:{free_port()}")
    assert told.value.exit_code == 1


@pytest.mark.parametrize(
    ("scheme", "how"),
    [
        ("redis", r"without TLS \(else write rediss://\)"),
        ("rediss", r"with TLS \(else write redis://\)"),
    ],
)
def test_a_server_that_says_nothing_may_speak_the_other_way(scheme: str, how: str) -> None:
    server = Server.parse(f"{scheme}://127.0.0.1:{free_port()}", None, None, None)
    with server.client() as client, pytest.raises(BackupError, match=f"check that it runs, {how},"):
        server.info(client)


@pytest.mark.timeout(60, func_only=True)  # 30 s for each of its tries, before
def test_a_server_without_tls_is_told_soon(
    run: Run, source: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digital_human_backup.sessions.server.CONNECT_SECONDS", 0.5)
    with pytest.raises(BackupError, match=r"with TLS \(else write redis://\)"):
        run("create", "--human", "ada", "--redis", address(source)[1].replace("redis:", "rediss:"))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("localhost", "is no address: write redis://host:6379"),
        ("redis://", "is no address"),
        ("redis://h:x", "is no address"),
        ("http://h:1", "is no address"),
        ("redis://:secret@h:1", "the password with --redis-password-file"),
        ("redis://h:1/3", "all databases are backed up"),
    ],
)
def test_addresses_that_are_none(given: str, sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence) as told:
        Server.parse(given, None, None, None)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("left", [None, "no certificate"])
def test_certificates_that_cannot_be_read(left: str | None, tmp_path: Path) -> None:
    if left is not None:
        (tmp_path / "ca").write_text(left)
    with pytest.raises(RefusedError, match=r"ca holds no certificate .*: check --redis-ca-file"):
        Server.parse("rediss://h:1", None, None, tmp_path / "ca")


def test_a_password_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="cannot be read: check --redis-password-file"):
        Server.parse("redis://h:1", None, tmp_path / "nothing", None)
    (tmp_path / "p").write_text(" word\n")
    assert "word" not in repr(Server.parse("redis://h:1", None, tmp_path / "p", None))
