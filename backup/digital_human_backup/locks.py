"""Locks in a store: writing backups and sweeping garbage exclude each other."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from .errors import BackupError, ExistsError, MissingError, RefusedError
from .format import layout
from .stores import Item, Store

Kind = Literal["write", "sweep"]
DEAD = {"write": timedelta(hours=24), "sweep": timedelta(hours=2)}
"""From this age on a lock counts for nothing."""
WORK = {"write": timedelta(hours=23), "sweep": timedelta(hours=1)}
"""Who holds a lock stops by then."""
_EXCLUDES: dict[Kind, set[str]] = {"write": {"sweep"}, "sweep": {"write", "sweep"}}
_POLL_SECONDS = 2.0
_LOCK_BYTES = 4096
_LOCK = b""
"""Takes no room, so that a full store can be pruned."""


def seconds() -> float:
    """A clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class LostError(BackupError):
    """Somebody has taken the lock for dead."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that is held; ``now`` is when it was taken, on the clock of the store."""

    kind: Kind
    now: datetime
    taken: float
    store: Store
    key: str

    def go_on(self) -> None:
        """BackupError once the work takes so long that the lock may count for nothing."""
        if seconds() - self.taken > WORK[self.kind].total_seconds():
            raise BackupError(
                f"The work took longer than {WORK[self.kind]}: try again, what has arrived is kept."
            )

    def confirm(self) -> None:
        """
        LostError when the lock is not there any more.

        A clock that jumps makes a lock look old; who removes garbage removes such locks first.
        """
        try:
            self.store.get(self.key, _LOCK_BYTES)
        except MissingError as error:
            raise LostError(
                "Somebody took this work for dead, as the clock of the store has jumped or this"
                " machine has slept: try again."
            ) from error


@contextlib.contextmanager
def locked(
    store: Store,
    uid: str,
    kind: Kind,
    wait_seconds: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Lock]:
    """Hold a lock; BackupError when another one does not go within ``wait_seconds``."""
    deadline = time.monotonic() + wait_seconds
    while True:
        taken = seconds()
        key = f"{layout.locks(uid)}{kind}-{secrets.token_hex(8)}"
        store.put(key, _LOCK, new=True)
        try:
            _must_not_replace(store, key)
            own, other = _look(store, uid, kind, key)
            if other is None:
                yield Lock(kind, own.modified, taken, store, key)
                return
        finally:
            with contextlib.suppress(BackupError):
                store.delete(key)
        if time.monotonic() >= deadline:
            raise BackupError(
                f"Somebody else is at work on the backups of {uid}, since {other.modified:%H:%M:%S}"
                f" UTC ({layout.base(other.key)}): try again when that has ended. A lock that a"
                f" killed program left counts until it is {DEAD[_kind(other)]} old."
            )
        sleep(_POLL_SECONDS)


def _must_not_replace(store: Store, key: str) -> None:
    """
    RefusedError where the store writes again what was to be new.

    Some services take the condition and do not look at it; then two programs could each write a
    manifest of the same name, and both would believe that theirs is there.
    """
    try:
        store.put(key, _LOCK, new=True)
    except ExistsError:
        return
    raise RefusedError(
        f"{store.where} replaces objects that it was told not to replace (If-None-Match): use a"
        " service with conditional writes, or a newer version of this one."
    )


def dead(store: Store, uid: str, now: datetime) -> list[str]:
    """Names of the locks that count for nothing any more."""
    return [item.key for item in store.list(layout.locks(uid)) if not _alive(item, now)]


def _look(store: Store, uid: str, kind: Kind, key: str) -> tuple[Item, Item | None]:
    """Our own lock as the store lists it, and one that excludes it."""
    items = {item.key: item for item in store.list(layout.locks(uid))}
    if key not in items:
        raise BackupError(
            f"{store.where} does not list what was just written: use a store whose listings are"
            " consistent."
        )
    own = items.pop(key)
    others = (item for item in items.values() if _kind(item) in _EXCLUDES[kind])
    return own, next((item for item in others if _alive(item, own.modified)), None)


def _kind(item: Item) -> str:
    word = layout.base(item.key).partition("-")[0]
    return word if word in DEAD else "write"


def _alive(item: Item, now: datetime) -> bool:
    return now - item.modified < DEAD[_kind(item)]
