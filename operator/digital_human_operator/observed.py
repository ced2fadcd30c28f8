"""
What is known about the children of one human: the frozen snapshot that status is computed from.

``EXTRACTORS`` take it from the watch events of each kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from digital_human_operator.extractors import EXTRACTORS
from digital_human_operator.states import PodState

__all__ = ["EXTRACTORS", "Asked", "Observed"]


@dataclass(frozen=True)
class Asked:
    """What came of the annotation that asks for a backup."""

    reason: str
    message: str
    token: str = ""
    backup: str = ""
    """The DigitalHumanBackup; empty while there is none."""


@dataclass(frozen=True)
class Observed:
    """Everything that is known about the children of one human at one moment."""

    children: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    """(kind, name) -> state; None for kinds without one."""
    pods: tuple[PodState, ...] = ()
    foreign: tuple[str, ...] = ()
    """Objects that have the name of a child and belong to somebody else: left alone."""
    failed: tuple[tuple[str, str, str], ...] = ()
    """Refused applies as (child, reason, message)."""
    waiting: tuple[tuple[str, str], ...] = ()
    """Applies that failed for now and are tried again, as (child, message)."""
    contested: tuple[tuple[str, str], ...] = ()
    """Children that somebody else rewrites again and again, as (child, who)."""
    missing: tuple[str, ...] = ()
    """One sentence per referred Secret or ConfigMap key that is not there."""
    paused_differences: int | None = None
    """While paused: how many objects differ from the spec."""
    asked: Asked | None = None
    """The backup that an annotation asks for."""

    def get(self, kind: str, name: str) -> Any:
        """State of one child; None when there is none."""
        return self.children.get((kind, name))

    def only(self, kind: str) -> Any:
        """State of the first child of a kind that there is at most one of."""
        return next((self.children[k] for k in sorted(self.children) if k[0] == kind), None)
