"""Pruning removes what may go, and nothing that anybody needs."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digital_human_backup import locks
from digital_human_backup.errors import BackupError, RefusedError
from digital_human_backup.format import canonical, layout
from digital_human_backup.format.manifest import Manifest
from digital_human_backup.locks import locked
from digital_human_backup.repository import Repository
from digital_human_backup.stores import FolderStore, Item
from tests.backup.conftest import Run, files

DAY = 86400


def age(folder: Path, days: float) -> None:
    """Make everything in a folder older."""
    for path in folder.rglob("*"):
        if path.is_file():
            when = path.stat().st_mtime - days * DAY
            os.utime(path, (when, when))


@pytest.fixture
def years(
    run: Run,
    config: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> list[str]:
    """Ids of 40 daily backups, the last an hour old and verified, each with a chunk of its own."""
    kept = tmp_path_factory.getbasetemp() / "years"
    if kept.exists():
        shutil.rmtree(tmp_path / "backups")
        shutil.copytree(kept, tmp_path / "backups")
        return sorted(path.stem for path in kept.glob("humans/uid-1/backups/*"))
    now = datetime.now(UTC).replace(microsecond=0)
    really = layout.new_id
    made = []
    for number in range(40):
        when = now - timedelta(days=39 - number, hours=1)
        monkeypatch.setattr(layout, "new_id", lambda _, last, when=when: really(when, last))
        (config / "..2026" / "settings.yaml").write_text(f"number: {number}\n")
        made.append(run("create", "--human", "ada", "--config", config)["id"])
    run("verify")
    age(tmp_path / "backups" / "humans" / "uid-1" / "chunks", 2)
    shutil.copytree(tmp_path / "backups", kept)
    return made


def chunks(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "backups").rglob("chunks/*/*")}


def test_old_backups_and_their_chunks_go(run: Run, years: list[str], tmp_path: Path) -> None:
    dry = run("prune", "--dry-run")
    assert (dry["removed"], dry["oldest"]) == (years[:10], None)
    assert len(run("list")) == 40
    told = run("prune")
    assert (told["removed"], told["kept"], told["oldest"]) == (years[:10], 30, years[10])
    assert told["freedBytes"] == sum(len(f"number: {number}\n") for number in range(10))
    assert len(chunks(tmp_path)) == 30
    again = run("prune")
    assert (again["removed"], again["oldest"]) == ([], years[10])
    for number, backup in ((10, years[10]), (39, years[39])):
        run("restore", backup, "--into", tmp_path / str(number))
        assert files(tmp_path / str(number) / "config")["settings.yaml"].decode() == (
            f"number: {number}\n"
        )


def test_chunks_that_a_kept_backup_shares_stay(
    run: Run, years: list[str], config: Path, tmp_path: Path
) -> None:
    (config / "..2026" / "settings.yaml").write_text("number: 3\n")
    run("create", "--human", "ada", "--config", config)
    run("verify")
    assert run("prune")["removed"] == years[:10]
    run("restore", "--into", tmp_path / "r")
    assert files(tmp_path / "r" / "config") == {"settings.yaml": b"number: 3\n"}


def test_young_garbage_stays_for_a_backup_may_be_about_to_use_it(
    run: Run, years: list[str], tmp_path: Path
) -> None:
    garbage = tmp_path / "backups/humans/uid-1/chunks/plain/garbage"
    garbage.write_text("x")
    run("prune")
    assert garbage.exists()
    age(garbage.parent, 1.1)
    assert run("prune")["freedBytes"] == 1
    assert not garbage.exists()


def test_without_a_verified_backup_nothing_goes(run: Run, years: list[str], tmp_path: Path) -> None:
    for note in (tmp_path / "backups/humans/uid-1/verified").iterdir():
        note.unlink()
    told = run("prune")
    assert (told["removed"], told["whyNoBackup"]) == (
        [],
        "no backup was verified yet: run verify",
    )


def test_a_note_about_another_manifest_does_not_count(
    run: Run, years: list[str], tmp_path: Path
) -> None:
    note = tmp_path / f"backups/humans/uid-1/verified/{years[-1]}.json"
    note.write_bytes(canonical.dump(canonical.load(note.read_bytes()) | {"manifest": "other"}))
    assert run("list")[-1]["verified"] is False
    assert run("prune")["removed"] == []


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Prefixes and names that listings leave out, as a service in trouble may."""
    hidden: set[str] = set()
    really = FolderStore.list

    def listed(self: FolderStore, prefix: str) -> Iterator[Item]:
        for item in really(self, prefix):
            if not any(word in item.key for word in hidden):
                yield item

    monkeypatch.setattr(FolderStore, "list", listed)
    return hidden


def test_an_empty_listing_removes_nothing(
    run: Run, years: list[str], tmp_path: Path, blind: set[str]
) -> None:
    before = chunks(tmp_path)
    blind.add("/backups/")
    told = run("prune")
    assert told["removed"] == []
    assert told["whyNoGarbage"] == "the listing shows no backup"
    assert told["oldest"] is None
    blind.add("/verified/")
    assert run("prune")["whyNoGarbage"] == "the listing shows no backup"
    blind.clear()
    assert chunks(tmp_path) == before
    assert len(run("list")) == 40


def test_a_listing_without_the_verified_backup_removes_nothing(
    run: Run, years: list[str], tmp_path: Path, blind: set[str]
) -> None:
    before = chunks(tmp_path)
    blind.add(f"/backups/{years[-1]}")
    told = run("prune")
    assert told["removed"] == []
    assert told["whyNoGarbage"] == f"{years[-1]} was verified and is not in the listing"
    assert chunks(tmp_path) == before


def test_two_listings_that_differ_remove_no_chunk(
    run: Run, years: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = chunks(tmp_path)
    really, seen = FolderStore.list, []

    def listed(self: FolderStore, prefix: str) -> Iterator[Item]:
        found = list(really(self, prefix))
        if prefix.endswith("/backups/"):
            seen.append(prefix)
            found = found[:20] + found[21:] if len(seen) == 1 else found
        yield from found

    monkeypatch.setattr(FolderStore, "list", listed)
    told = run("prune")
    assert told["whyNoGarbage"] == "two listings differ"
    assert told["oldest"] is None  # what is missing may be the oldest
    assert chunks(tmp_path) == before


def test_a_damaged_manifest_keeps_all_chunks(run: Run, years: list[str], tmp_path: Path) -> None:
    before = chunks(tmp_path)
    (tmp_path / f"backups/humans/uid-1/backups/{years[20]}.json").write_text("{")
    told = run("prune")
    assert told["whyNoGarbage"] == f"the manifest of {years[20]} is damaged"
    assert chunks(tmp_path) == before


@pytest.mark.parametrize("kind", ["write", "sweep"])
def test_nobody_prunes_while_somebody_is_at_work(
    run: Run, years: list[str], tmp_path: Path, kind: locks.Kind
) -> None:
    store = FolderStore(tmp_path / "backups")
    with (
        locked(store, "uid-1", kind),
        pytest.raises(BackupError, match=rf"Somebody else is at work .*{kind}-"),
    ):
        run("prune")
    assert run("prune")["removed"] == years[:10]


def test_backups_wait_for_who_prunes(
    run: Run, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path / "backups")
    began: list[float] = []
    with locked(store, "uid-1", "sweep"):
        monkeypatch.setattr("digital_human_backup.verbs.create.WAIT_SECONDS", 0.0)
        with pytest.raises(BackupError, match="Somebody else is at work"):
            run("create", "--human", "ada", "--config", config)

        def sleep(seconds: float) -> None:
            began.append(seconds)
            for path in (tmp_path / "backups/humans/uid-1/locks").glob("sweep-*"):
                path.unlink()

        with locked(store, "uid-1", "write", 60.0, sleep):
            assert began == [2.0]
    with locked(store, "uid-1", "write"):
        run("create", "--human", "ada", "--config", config)


def test_a_lock_of_somebody_who_was_killed_dies(run: Run, years: list[str], tmp_path: Path) -> None:
    store, folder = FolderStore(tmp_path / "backups"), tmp_path / "backups/humans/uid-1/locks"
    for kind, hours in (("write", 23), ("sweep", 1)):
        store.put(f"humans/uid-1/locks/{kind}-0123", b"{}")
        age(folder, hours / 24)
        with pytest.raises(BackupError, match="counts until it is"):
            run("prune")
        age(folder, 1.1 / 24)
        run("prune")
        assert list(folder.iterdir()) == []


def test_a_lock_takes_no_room(tmp_path: Path) -> None:
    """A full volume can be pruned."""
    with locked(FolderStore(tmp_path), "uid-1", "sweep"):
        (lock,) = (tmp_path / "humans/uid-1/locks").iterdir()
        assert lock.stat().st_size == 0


def test_who_works_too_long_stops(tmp_path: Path) -> None:
    store, now, taken = FolderStore(tmp_path), datetime.now(UTC), locks.seconds() - 3601
    lock = locks.Lock("sweep", now, taken, store, "locks/sweep-0123")
    with pytest.raises(BackupError, match="The work took longer than 1:00:00: try again"):
        lock.go_on()
    locks.Lock("write", now, taken, store, "locks/write-0123").go_on()


def test_time_that_a_machine_sleeps_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "clock_gettime", {time.CLOCK_BOOTTIME: 7.0}.__getitem__)
    assert locks.seconds() == 7.0


@pytest.mark.parametrize("at", ["/chunks/", "/backups/"])
def test_a_backup_that_was_taken_for_dead_does_not_exist(  # noqa: PLR0917 - fixtures
    run: Run, config: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """The clock of the store jumps while it is made: its lock looks old, and so does garbage."""
    first = run("create", "--human", "ada", "--config", config)["id"]
    really, jumped = FolderStore.put, threading.Lock()

    def put(self: FolderStore, key: str, data: bytes, **more: Any) -> None:
        if at == "/chunks/":
            really(self, key, data, **more)
        if at in key and jumped.acquire(blocking=False):
            age(tmp_path / "backups", 3)
            assert run("prune")["freedBytes"] > 0
        if at != "/chunks/":
            really(self, key, data, **more)

    with monkeypatch.context() as patched:
        patched.setattr(FolderStore, "put", put)
        with pytest.raises(BackupError, match=r"took this work for dead.*try again") as told:
            run("create", "--human", "ada", "--models", models)
    assert told.value.exit_code == 1
    assert [one["id"] for one in run("list")] == [first]
    run("create", "--human", "ada", "--models", models)
    assert run("verify")["ok"]


@pytest.mark.parametrize("words", [("restore", "--into", "{}/r"), ("verify",)])
@pytest.mark.parametrize("sealed", [True, False])
def test_a_backup_that_goes_while_it_is_read_is_not_damaged(  # noqa: PLR0917 - fixtures
    run: Run,
    config: Path,
    key_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    sealed: bool,
) -> None:
    key = ("--key-file", key_file)
    made = run("create", "--human", "ada", "--config", config, *(key if sealed else ()))["id"]
    really = Repository.read

    def read(self: Repository, backup: str) -> Manifest:
        found = really(self, backup)
        self.forget(backup)
        for item in list(self.all_chunks()):
            self.store.delete(item.key)
        return found

    monkeypatch.setattr(Repository, "read", read)
    given = [word.format(tmp_path) for word in words]
    with pytest.raises(RefusedError, match=f"The backup {made} was removed while it was read"):
        run(*given, *(key if sealed and words[0] == "restore" else ()))
    assert not (tmp_path / "r").exists()


def test_a_note_is_not_left_when_the_backup_goes_meanwhile(
    run: Run, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run("create", "--human", "ada", "--config", config)["id"]
    really = FolderStore.put

    def put(self: FolderStore, key: str, data: bytes, *, new: bool = False) -> None:
        really(self, key, data, new=new)
        if "/verified/" in key:
            self.delete(layout.manifest("uid-1", made))

    monkeypatch.setattr(FolderStore, "put", put)
    with pytest.raises(RefusedError, match="was removed while it was read: use another"):
        run("verify")
    assert list((tmp_path / "backups/humans/uid-1/verified").iterdir()) == []
