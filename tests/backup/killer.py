"""A program that is killed at a request to its store, without one, or as a process of its own."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

import pytest

from digital_human_backup.stores import FolderStore, Item

PROGRAM = (sys.executable, "-m", "digital_human_backup")


class KilledError(BaseException):
    """Nothing handles it, and no request comes through after it."""


class Killer:
    """Lets so many requests to the store through, and none after them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: int | None = None
        self.seen = 0
        for name in ("put", "get", "delete"):
            monkeypatch.setattr(FolderStore, name, self._watched(getattr(FolderStore, name)))
        really = FolderStore.list

        def listed(store: FolderStore, prefix: str) -> Iterator[Item]:
            self._count(lambda: None)
            yield from really(store, prefix)

        monkeypatch.setattr(FolderStore, "list", listed)

    def _watched(self, really: Callable[..., object]) -> Callable[..., object]:
        def call(store: FolderStore, *words: object, **more: object) -> object:
            return self._count(lambda: really(store, *words, **more))

        return call

    def _count(self, request: Callable[[], object]) -> object:
        self.seen += 1
        if self.left is None:
            return request()
        if self.left == 0:
            raise KilledError
        self.left -= 1
        return request()

    @contextlib.contextmanager
    def at(self, number: int) -> Iterator[None]:
        """Kill before a request has an effect, which is after the one before it has had one."""
        self.left = number
        with pytest.raises(KilledError):
            yield
        self.left = None


def requests_of(killer: Killer, work: Callable[[], object]) -> int:
    """How many requests a piece of work makes."""
    killer.seen = 0
    work()
    return killer.seen
