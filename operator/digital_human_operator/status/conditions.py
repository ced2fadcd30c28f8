"""Conditions: drafts become conditions with a time that moves only when their status flips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from digital_human_operator.api.v1alpha1.status import Condition, DigitalHumanStatus

Value = Literal["True", "False", "Unknown"]

_LONGEST = 4096


class Conditioned(Protocol):
    """A status with conditions."""

    @property
    def conditions(self) -> Sequence[Condition]:
        """What it tells."""


@dataclass(frozen=True)
class Draft:
    """A condition before it has a time."""

    type: str
    status: Value
    reason: str
    message: str


def stamp(
    drafts: Iterable[Draft], generation: int, previous: Conditioned | None, now: str
) -> list[Condition]:
    """Conditions of ``drafts``: one whose status is as before keeps its time."""
    before = {c.type: c for c in previous.conditions} if previous is not None else {}
    found = []
    for draft in drafts:
        old = before.get(draft.type)
        kept = old is not None and old.status == draft.status
        found.append(
            Condition(
                type=draft.type,
                status=draft.status,
                observed_generation=generation,
                last_transition_time=old.last_transition_time if old and kept else now,
                reason=draft.reason,
                message=draft.message[:_LONGEST],
            )
        )
    return found


def find(status: DigitalHumanStatus | None, name: str) -> Condition | None:
    """A condition by type; None when it is not there."""
    if status is None:
        return None
    return next((c for c in status.conditions if c.type == name), None)


def is_true(status: DigitalHumanStatus | None, name: str) -> bool:
    """Whether a condition is there and True."""
    found = find(status, name)
    return found is not None and found.status == "True"
