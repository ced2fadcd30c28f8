"""
Two who want an object to be different, and neither gives up: noticed, named and slowed down.

A single edit by somebody else is undone at once. The sixth time within a minute that the very same
thing has to be set right it is a fight: from then on we wait before each try, twice as long each
time. Something else that is wanted (a new spec) ends it, and so does a try that lasts.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from .ownership import project_fields

WINDOW = 60.0
LIMIT = 5
_FIRST_HOLD, _LAST_HOLD = 5.0, 600.0
_decode = msgspec.json.decode


@dataclass(slots=True)
class _Entry:
    """What was set right, when, how often it has been held back, and against whom."""

    digest: bytes
    times: list[float] = field(default_factory=list)
    rounds: int = 0
    until: float = 0.0
    who: str = ""


class Fights:
    """How often each thing had to be set right lately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def wrote(self, thing: Hashable, digest: bytes) -> None:
        """``thing`` was made to be ``digest`` because it was not."""
        now = self._clock()
        entry = self._entries.get(thing)
        if entry is None or entry.digest != digest or self._is_over(entry, now):
            entry = self._entries[thing] = _Entry(digest)
        entry.times = [one for one in entry.times if now - one < WINDOW] + [now]
        if entry.rounds or len(entry.times) > LIMIT:
            entry.until = now + min(_LAST_HOLD, _FIRST_HOLD * 2.0 ** min(entry.rounds, 16))
            entry.rounds += 1
        self._entries.move_to_end(thing)
        self._forget(now)

    def hold(self, thing: Hashable, digest: bytes) -> float:
        """Seconds to wait before ``thing`` is made ``digest`` once more; 0 without a fight."""
        entry = self._entries.get(thing)
        if entry is None or entry.digest != digest:
            return 0.0
        return max(0.0, entry.until - self._clock())

    def begins(self, thing: Hashable, digest: bytes) -> bool:
        """Whether the next write of ``digest`` begins a fight: time to look who it is."""
        entry = self._entries.get(thing)
        if entry is None or entry.digest != digest or entry.rounds:
            return False
        now = self._clock()
        return sum(now - one < WINDOW for one in entry.times) >= LIMIT

    def name(self, thing: Hashable, who: str) -> None:
        """Remember against whom it is."""
        self._entries[thing].who = who

    def who(self, thing: Hashable) -> str:
        """Against whom it is; empty without a fight."""
        entry = self._entries.get(thing)
        return entry.who if entry is not None and entry.rounds else ""

    def _is_over(self, entry: _Entry, now: float) -> bool:
        """Whether the last try has lasted for as long as it was held back before."""
        last = entry.times[-1] if entry.times else 0.0
        return now - last > max(WINDOW, 2 * (entry.until - last))

    def _forget(self, now: float) -> None:
        while self._entries:
            thing, entry = next(iter(self._entries.items()))
            if not self._is_over(entry, now):
                return
            del self._entries[thing]


class Entry(msgspec.Struct):
    """One entry of managedFields."""

    manager: str = ""
    operation: str = ""
    subresource: str = ""
    fieldsV1: msgspec.Raw = msgspec.Raw(b"{}")  # noqa: N815 - the API's own spelling


def rewriter(entries: Iterable[Entry], manager: str, body: dict[str, Any]) -> str:
    """
    Who has taken fields of ``body`` from ``manager``, from an object's managedFields.

    Whoever changes a field owns it from then on. When nobody else owns any, it was somebody who
    calls himself ``manager`` too.
    """
    others = {
        entry.manager
        for entry in entries
        if entry.manager != manager
        and not entry.subresource
        and _has_value(project_fields(body, _decode(entry.fieldsV1) or {}))
    }
    if others:
        return f"field manager {' and '.join(sorted(others))}"
    return f"another program with the field manager {manager}"


def _has_value(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_value(one) for one in value.values())
    if isinstance(value, list):
        return any(_has_value(one) for one in value)
    return True
