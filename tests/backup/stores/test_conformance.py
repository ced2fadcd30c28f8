"""Every store does the same: one suite on a folder and on three S3-compatible services."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from digital_human_backup.errors import DamagedError, ExistsError, MissingError
from digital_human_backup.parallel import each
from digital_human_backup.stores import Store

LIMIT = 2**24


def test_what_was_put_is_there(store: Store) -> None:
    data = bytes(range(256)) * 5000
    store.put("humans/1/chunks/plain/aa", data)
    assert store.get("humans/1/chunks/plain/aa", LIMIT) == data
    store.put("humans/1/chunks/plain/aa", b"")
    assert store.get("humans/1/chunks/plain/aa", LIMIT) == b""


def test_nothing_is_there_at_first(store: Store) -> None:
    assert list(store.list("humans/")) == []
    with pytest.raises(MissingError, match="holds no humans/1/x"):
        store.get("humans/1/x", LIMIT)
    store.delete("humans/1/x")


def test_listings_are_in_order_and_tell_size_and_time(store: Store) -> None:
    for key, size in {"a/2": 2, "a/10": 1, "a/b/c": 3, "ab": 4}.items():
        store.put(key, b"x" * size)
    found = list(store.list("a/"))
    assert [(item.key, item.size) for item in found] == [("a/10", 1), ("a/2", 2), ("a/b/c", 3)]
    age = datetime.now(UTC) - found[0].modified
    assert -timedelta(seconds=5) < age < timedelta(minutes=1)
    assert [item.key for item in store.list("a")] == ["a/10", "a/2", "a/b/c", "ab"]
    assert [item.key for item in store.list("a/b/")] == ["a/b/c"]


def test_listings_of_more_than_a_page_are_whole(store: Store) -> None:
    keys = [f"many/{number:04}" for number in range(1005)]
    each(lambda key: store.put(key, b""), keys, 8)
    assert [item.key for item in store.list("many/")] == keys


def test_a_new_object_replaces_none(store: Store) -> None:
    store.put("a/manifest", b"first", new=True)
    with pytest.raises(ExistsError, match="holds a/manifest already"):
        store.put("a/manifest", b"second", new=True)
    assert store.get("a/manifest", LIMIT) == b"first"


def test_of_several_writers_at_once_one_wins(store: Store) -> None:
    start = threading.Barrier(6)
    won: list[int] = []

    def write(number: int) -> None:
        start.wait()
        try:
            store.put("a/one", str(number).encode() * 10000, new=True)
        except ExistsError:
            return
        won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert won
    assert store.get("a/one", LIMIT) in {str(number).encode() * 10000 for number in won}
    with pytest.raises(ExistsError):
        store.put("a/one", b"too late", new=True)


def test_what_was_deleted_is_gone(store: Store) -> None:
    store.put("a/x", b"1")
    store.put("a/y", b"1")
    store.delete("a/x")
    store.delete("a/x")
    assert [item.key for item in store.list("a/")] == ["a/y"]


def test_an_object_larger_than_allowed_is_not_taken_in(store: Store) -> None:
    store.put("a/x", b"12345")
    assert store.get("a/x", 5) == b"12345"
    with pytest.raises(DamagedError, match="more than 4 bytes"):
        store.get("a/x", 4)
