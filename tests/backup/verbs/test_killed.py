"""A program that is killed at any request leaves no half backup, and no half restore."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from digital_human_backup.retention import Decision, Kept
from tests.backup.conftest import Run, files, new_bucket
from tests.backup.killer import PROGRAM, Killer, requests_of
from tests.backup.proxy import proxy


def reset(tmp_path: Path) -> None:
    """The store as it was before the killed program."""
    shutil.rmtree(tmp_path / "backups")
    shutil.copytree(tmp_path / "before", tmp_path / "backups")


def test_create(  # noqa: PLR0917 - fixtures
    run: Run, killer: Killer, models: Path, config: Path, key_file: Path, tmp_path: Path
) -> None:
    words = ("create", "--human", "ada", "--models", models, "--config", config)
    words += ("--key-file", key_file, "--workers", 1)  # type: ignore[assignment]
    first = run(*words)["id"]
    old = files(models)
    (models / "llama" / "w.safetensors").write_bytes(os.urandom(2**20))
    (config / "..2026" / "settings.yaml").write_text("voice: de\n")
    new = files(models)
    shutil.copytree(tmp_path / "backups", tmp_path / "before")
    count = requests_of(killer, lambda: run(*words))
    assert count >= 10
    whole, sent = 0, []
    for number in range(count):
        reset(tmp_path)
        with killer.at(number):
            run(*words)
        listed = run("list")
        assert [row["error"] for row in listed] == [None] * len(listed)
        assert listed[0]["id"] == first
        for row in listed:
            assert run("verify", row["id"], "--key-file", key_file)["ok"]
        shutil.rmtree(tmp_path / "r", ignore_errors=True)
        run("restore", "--into", tmp_path / "r", "--key-file", key_file)
        assert files(tmp_path / "r" / "models") == (old if len(listed) == 1 else new)
        whole += len(listed) - 1
        again = run(*words)
        assert len(run("list")) == len(listed) + 1
        sent.append(again["sentChunks"])
    assert 1 <= whole <= 2  # only after the manifest was written
    assert sent == sorted(sent, reverse=True)  # what has arrived is not sent again
    assert (sent[0], sent[-1]) == (2, 0)


def test_prune(
    run: Run, killer: Killer, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[str] = []

    def decide(backups: list[Kept], *_: object) -> Decision:
        return Decision(tuple(one.id for one in backups[:-2]))

    monkeypatch.setattr("digital_human_backup.verbs.prune.decide", decide)
    monkeypatch.setattr("digital_human_backup.verbs.prune.GARBAGE_AGE", timedelta(0))
    for number in range(4):
        (config / "..2026" / "settings.yaml").write_text(f"number: {number}\n")
        removed.append(run("create", "--human", "ada", "--config", config)["id"])
        run("verify")
    shutil.copytree(tmp_path / "backups", tmp_path / "before")
    count = requests_of(killer, lambda: run("prune", "--workers", 1))
    assert [row["id"] for row in run("list")] == removed[-2:]
    for number in range(count):
        reset(tmp_path)
        with killer.at(number):
            run("prune", "--workers", 1)
        left = run("list")
        assert [row["id"] for row in left[-2:]] == removed[-2:]
        assert all(row["verified"] for row in left[-2:])
        for row in left:
            assert run("verify", row["id"])["ok"]
        shutil.rmtree(tmp_path / "backups/humans/uid-1/locks", ignore_errors=True)
        run("prune")
        assert len(run("list")) == 2
        assert len(list((tmp_path / "backups").rglob("chunks/plain/*"))) == 2


def test_restore(run: Run, killer: Killer, models: Path, tmp_path: Path) -> None:
    run("create", "--human", "ada", "--models", models)
    words = ("restore", "--into", tmp_path / "r", "--workers", 1)
    count = requests_of(killer, lambda: run(*words))
    for number in range(count):
        shutil.rmtree(tmp_path / "r", ignore_errors=True)
        with killer.at(number):
            run(*words)
        assert not (tmp_path / "r").exists()
        run(*words)
        assert files(tmp_path / "r" / "models") == files(models)


def killed(words: list[str]) -> int:
    return subprocess.run(words, capture_output=True, timeout=60, check=False).returncode


def test_a_program_killed_by_the_system_at_requests_to_a_bucket(  # noqa: PLR0917 - fixtures
    run: Run, gateway: str, models: Path, key_file: Path, credentials: Path, tmp_path: Path
) -> None:
    """The same once more with nothing of it simulated, at the requests that matter most."""
    with proxy(gateway) as (address, faults):
        place = ["--endpoint", address, "--region", "us-east-1", "--s3-style", "path"]
        place += ["--s3-credentials", str(credentials), "--key-file", str(key_file)]
        store = f"s3://{new_bucket(gateway)}/b"
        create = ["create", "--human", "ada", "--models", str(models), *place, "--workers", "1"]
        program = [*PROGRAM, *create, "--store", store, "--uid", "uid-1"]
        ended: list[int] = []

        def kill_at(method: str, word: str) -> None:
            with subprocess.Popen(program) as process:

                def kill(_: int, asked: str, path: str) -> None:
                    if asked == method and word in path:
                        process.send_signal(signal.SIGKILL)
                        process.wait(10)

                faults.at = kill
                ended.append(process.wait(60))
            faults.at = lambda number, method, path: None

        for word in ("/chunks/", "/backups/"):
            kill_at("PUT", word)
        assert ended == [-signal.SIGKILL] * 2
        found = run("list", *place[:-2], store=store)
        assert all(row["error"] is None for row in found)
        run(*create, store=store)
        run("restore", "--into", tmp_path / "r", *place, store=store)
    assert files(tmp_path / "r" / "models") == files(models)


def test_a_restore_that_was_killed_is_tidied_by_the_next(
    run: Run, models: Path, tmp_path: Path
) -> None:
    run("create", "--human", "ada", "--models", models)
    left = tmp_path / ".r.restoring-0123abcd"
    left.mkdir()
    (left / "models").mkdir()
    run("restore", "--into", tmp_path / "r")
    assert not left.exists()


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_program_that_is_asked_to_stop_tidies_up(
    gateway: str, models: Path, credentials: Path, run: Run, asked: signal.Signals
) -> None:
    with proxy(gateway) as (address, faults):
        place = ["--endpoint", address, "--region", "us-east-1", "--s3-style", "path"]
        place += ["--s3-credentials", str(credentials)]
        store = f"s3://{new_bucket(gateway)}/b"
        words = ["env", "--default-signal=HUP", *PROGRAM]  # tests may run under nohup
        words += ["create", "--human", "ada", "--models", str(models), *place]
        words += ["--store", store, "--uid", "uid-1", "--workers", "1"]
        with subprocess.Popen(words) as process:
            faults.at = lambda number, method, path: (
                process.send_signal(asked) if "/chunks/" in path else None
            )
            assert process.wait(60) == 128 + asked
        assert [line for line in faults.requests if line.startswith("DELETE") and "locks" in line]
        assert run("list", *place, store=store) == []


def test_under_nohup_a_terminal_that_is_closed_stops_nothing(
    gateway: str, models: Path, credentials: Path, run: Run
) -> None:
    with proxy(gateway) as (address, faults):
        place = ["--endpoint", address, "--region", "us-east-1", "--s3-style", "path"]
        place += ["--s3-credentials", str(credentials)]
        store = f"s3://{new_bucket(gateway)}/b"
        words = ["nohup", *PROGRAM, "create", "--human", "ada", "--models", str(models), *place]
        words += ["--store", store, "--uid", "uid-1"]
        with subprocess.Popen(words) as process:
            faults.at = lambda number, method, path: (
                process.send_signal(signal.SIGHUP) if "/chunks/" in path else None
            )
            assert process.wait(60) == 0
        assert len(run("list", *place, store=store)) == 1


def test_two_backups_at_once(  # noqa: PLR0917 - fixtures
    gateway: str, models: Path, credentials: Path, key_file: Path, run: Run, tmp_path: Path
) -> None:
    place = ["--endpoint", gateway, "--region", "us-east-1", "--s3-style", "path"]
    place += ["--s3-credentials", str(credentials), "--key-file", str(key_file)]
    store = f"s3://{new_bucket(gateway)}/b"
    words = [*PROGRAM, "create", "--human", "ada", "--models", str(models), *place]
    words += ["--store", store, "--uid", "uid-1"]
    running = [subprocess.Popen(words) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    listed = run("list", *place[:-2], store=store)
    assert len(listed) == 2
    for number, row in enumerate(listed):
        run("restore", row["id"], "--into", tmp_path / f"r{number}", *place, store=store)
        assert files(tmp_path / f"r{number}" / "models") == files(models)
