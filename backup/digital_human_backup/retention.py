"""Which backups may go: a pure decision that rather keeps one too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median_low

FRESH = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup as the decision sees it."""

    id: str
    created: datetime
    verified: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """Ids of backups to remove, and one sentence when nothing may be removed."""

    remove: tuple[str, ...] = ()
    why_not: str | None = None


def decide(backups: Sequence[Kept], now: datetime, days: int, minimum: int) -> Decision:
    """
    Remove backups older than ``days``, by these rules.

    * Nothing goes unless the newest verified backup is less than a day old: when backups have
      stopped, when they cannot be read back, or when a clock has jumped, the old ones are needed.
    * Nothing goes while a gap before one of the ``minimum`` newest is far longer than those between
      the older ones: a clock has jumped, or backups had stopped, and the old ones only look old.
    * The ``minimum`` newest stay however old, and so does what is not older than the newest
      verified backup.
    """
    if days < 1 or minimum < 1:
        raise ValueError("days and minimum must be at least 1")
    verified = [one.created for one in backups if one.verified]
    if not verified:
        return Decision(why_not="no backup was verified yet: run verify")
    if now < (newest_one := max(verified)):
        return Decision(
            why_not=f"the newest verified backup is of {newest_one:%Y-%m-%d %H:%M} UTC, and the"
            f" store says that it is {now:%Y-%m-%d %H:%M}: a clock was set wrong then, or is now;"
            " until that time is over nothing goes"
        )
    if now - newest_one >= FRESH:
        return Decision(why_not="the newest verified backup is not of the last 24 hours")
    ordered = sorted(backups, key=lambda one: (one.created, one.id))
    older, newest = ordered[:-minimum], ordered[-minimum:]
    if len(older) < 2:  # there is no gap to compare with
        return Decision()
    usual = max(FRESH, 3 * median_low(_gaps(older)))
    longest = max(_gaps([older[-1], *newest]))
    if longest > usual:
        return Decision(
            why_not=f"there is a gap of {longest} between the newest backups: the clock has"
            f" jumped, or backups had stopped, so the old ones stay until {minimum} newer ones"
            " are there"
        )
    limit = min(now - timedelta(days=days), newest_one)
    return Decision(tuple(one.id for one in older if one.created < limit))


def _gaps(ordered: Sequence[Kept]) -> list[timedelta]:
    return [after.created - before.created for before, after in pairwise(ordered)]
