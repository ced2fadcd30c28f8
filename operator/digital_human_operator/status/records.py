"""Which DigitalHumanBackups of scheduled runs are of no use any more: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .proofs import is_id

FAILURES = 10
"""Runs of a human that made no backup, as far as anybody knows, of which is told."""
MOST = 2000
"""Runs of a human of which is told, whatever its store keeps."""


@dataclass(frozen=True)
class Record:
    """One scheduled run that is over, of one human."""

    name: str
    """Of the DigitalHumanBackup."""
    due: str
    """When it was to start, as RFC 3339 in UTC."""
    place: object
    """Where its backup lies: equal where that is the same."""
    backup: str = ""
    """Id of the backup; empty when none is known of."""


def outlived(records: Sequence[Record], place: object, oldest: str) -> list[str]:
    """
    The names of those that may go; ``oldest`` is the first backup that ``place`` still has.

    Ids begin with the time, so what comes before is not there any more: a prune has removed it.
    """
    there = [one for one in records if not _is_pruned(one, place, oldest)]
    there.sort(key=lambda one: (one.due, one.name))
    empty = [one for one in there if not one.backup]
    useless = {one.name for one in empty[:-FAILURES]}
    kept = {one.name for one in [one for one in there if one.name not in useless][-MOST:]}
    return [one.name for one in records if one.name not in kept]


def _is_pruned(one: Record, place: object, oldest: str) -> bool:
    return bool(one.backup) and one.place == place and is_id(oldest) and one.backup < oldest
