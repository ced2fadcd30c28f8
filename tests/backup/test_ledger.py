"""The erasure ledger on every kind of store: who counts as erased for which backup."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

import pytest

from digital_human_backup.errors import DamagedError, ExistsError, RefusedError
from digital_human_backup.format.erasures import Entry
from digital_human_backup.format.keys import Key, KeyRing
from digital_human_backup.ledger import Ledger
from digital_human_backup.stores import Store

NEW = Key(b"n" * 32)
ALICE, BOB = b"jwt:alice", b"jwt:b\xffo\n\0b"


def later(**words: float) -> datetime:
    return datetime.now(UTC) + timedelta(**words)


def erase(ledger: Ledger, *subjects: bytes) -> None:
    """As `erase --redis` does."""
    ledger.note(subjects, 2)
    ledger.finish(ledger.unfinished(subjects), 2)


def test_an_empty_ledger_needs_no_key(store: Store) -> None:
    found = Ledger(store, "uid-1", KeyRing()).counting(None, 2)
    assert found.entries == frozenset()
    assert not found.owns(ALICE)


def test_who_was_erased_is_known_by_the_key_only(store: Store, ring: KeyRing) -> None:
    ledger = Ledger(store, "uid-1", ring)
    ledger.note([ALICE, BOB], 2)
    found = Ledger(store, "uid-1", ring).counting(None, 2)
    assert len(found.entries) == 2
    assert found.owns(ALICE)
    assert found.owns(BOB)
    assert not found.owns(b"jwt:alic")
    assert not found.owns(b"")
    assert Ledger(store, "uid-2", ring).counting(None, 2).entries == frozenset()
    names = [item.key for item in store.list("")]
    assert all(name.startswith("erasures/uid-1/") for name in names)
    assert not [name for name in names if "alice" in name or b"alice" in store.get(name, 4096)]


def test_which_backups_an_erasure_counts_for(store: Store, ring: KeyRing) -> None:
    ledger = Ledger(store, "uid-1", ring)
    ledger.note([ALICE], 2)
    for began in (None, later(hours=-1), later(days=300)):  # not done: every backup may hold them
        assert ledger.counting(began, 2).owns(ALICE)
    ledger.finish(ledger.unfinished([ALICE]), 2)
    for began in (None, later(days=-300), later(), later(seconds=50)):
        assert ledger.counting(began, 2).owns(ALICE)
    assert not ledger.counting(later(seconds=70), 2).entries  # who came back is no longer erased
    erase(ledger, ALICE)
    assert ledger.counting(later(), 2).owns(ALICE)


@pytest.mark.parametrize("hours", [-3, 3])
def test_the_later_one_of_two_clocks_counts(
    store: Store, ring: KeyRing, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """The machine's clock is behind that of the store, or ahead."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(hours=hours)

    monkeypatch.setattr("digital_human_backup.ledger.datetime", Wrong)
    ledger = Ledger(store, "uid-1", ring)
    erase(ledger, ALICE)
    assert ledger.counting(later(hours=max(0, hours), minutes=-1), 2).owns(ALICE)
    assert not ledger.counting(later(hours=max(0, hours), minutes=2), 2).entries


def test_a_second_erasure_ends_one_that_was_stopped(store: Store, ring: KeyRing) -> None:
    Ledger(store, "uid-1", ring).note([ALICE, BOB], 2)
    rotated = KeyRing((NEW, *ring.keys))
    erase(Ledger(store, "uid-1", rotated), ALICE)
    found = Ledger(store, "uid-1", rotated).counting(later(days=1), 2)
    assert not found.owns(ALICE)
    assert found.owns(BOB)


def test_an_entry_that_comes_during_an_erasure_is_not_done(store: Store, ring: KeyRing) -> None:
    ledger = Ledger(store, "uid-1", ring)
    ledger.note([ALICE], 2)
    seen = ledger.unfinished([ALICE])
    Ledger(store, "uid-1", ring).note([ALICE], 2)
    ledger.finish(seen, 2)
    assert ledger.counting(later(days=1), 2).owns(ALICE)


def test_a_rotated_key_opens_the_entries_of_the_old_one(store: Store, ring: KeyRing) -> None:
    erase(Ledger(store, "uid-1", ring), ALICE)
    rotated = KeyRing((NEW, *ring.keys))
    ledger = Ledger(store, "uid-1", rotated)
    assert ledger.note([BOB], 2) == NEW
    found = ledger.counting(later(), 2)
    assert {entry.key_id for entry in found.entries} == {NEW.id, ring.keys[0].id}
    assert found.owns(ALICE)
    assert found.owns(BOB)


def test_without_the_key_of_an_entry_that_counts_nothing_is_told(
    store: Store, ring: KeyRing
) -> None:
    erase(Ledger(store, "uid-1", ring), ALICE)
    for other in (KeyRing(), KeyRing((NEW,))):
        ledger = Ledger(store, "uid-1", other)
        with pytest.raises(RefusedError, match=rf"sealed with the key {ring.keys[0].id}.*add the"):
            ledger.counting(later(), 2)
        assert not ledger.counting(later(seconds=70), 2).entries  # its backups are gone


def test_a_ledger_needs_a_key(store: Store) -> None:
    with pytest.raises(RefusedError, match="erasure ledger needs a key: name one with --key-file"):
        Ledger(store, "uid-1", KeyRing()).note([ALICE], 2)
    assert list(store.list("")) == []


def test_two_erasures_at_once(store: Store, ring: KeyRing) -> None:
    start = threading.Barrier(2)

    def work(subjects: list[bytes]) -> None:
        ledger = Ledger(store, "uid-1", ring)
        start.wait()
        erase(ledger, *subjects)

    given = [[ALICE, b"jwt:one"], [ALICE, b"jwt:two"]]
    threads = [threading.Thread(target=work, args=(one,)) for one in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    ledger = Ledger(store, "uid-1", ring)
    found = ledger.counting(later(), 2)
    assert len(found.entries) == 4
    assert all(found.owns(one) for one in (ALICE, b"jwt:one", b"jwt:two"))
    assert ledger.unfinished([b"jwt:one", b"jwt:two"]) == []
    assert not ledger.counting(later(days=1), 2).owns(b"jwt:two")


def test_an_entry_is_written_once(store: Store, ring: KeyRing) -> None:
    ledger = Ledger(store, "uid-1", ring)
    ledger.note([ALICE], 2)
    name = next(item.key for item in store.list(""))
    with pytest.raises(ExistsError):
        store.put(name, b"other", new=True)


@pytest.mark.parametrize("kind", ["erased", "done"])
def test_a_damaged_ledger_is_refused(store: Store, ring: KeyRing, kind: str) -> None:
    erase(Ledger(store, "uid-1", ring), ALICE, BOB)
    name = next(item.key for item in store.list("") if item.key.endswith(f"-{kind}.json"))
    data = store.get(name, 4096)
    for wrong in (data.replace(b'"at":"2', b'"at":"1'), data[:-1], b""):
        store.put(name, wrong)
        with pytest.raises(DamagedError, match="of the erasure ledger is damaged: put it back"):
            Ledger(store, "uid-1", ring).counting(later(), 2)


def test_an_object_that_does_not_belong_there_is_refused(store: Store, ring: KeyRing) -> None:
    store.put("erasures/uid-1/notes.txt", b"")
    with pytest.raises(RefusedError, match=r"uid-1/notes.txt is no entry of the erasure ledger"):
        Ledger(store, "uid-1", ring).counting(None, 2)


def test_an_entry_of_another_human_is_none(store: Store, ring: KeyRing) -> None:
    Ledger(store, "uid-1", ring).note([ALICE], 2)
    name = next(item.key for item in store.list(""))
    entry, kind = Entry.named("uid-1", name)
    moved = Entry("uid-2", entry.key_id, entry.subject, entry.id)
    store.put(moved.name(kind), store.get(name, 4096))
    with pytest.raises(DamagedError):
        Ledger(store, "uid-2", ring).counting(None, 2)
