"""Ready, Reconciling and Stalled, as kstatus reads them: the last two are there only while True."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from . import reasons
from .checks import Finding
from .conditions import Draft
from .view import View


def drafts(view: View, found: Sequence[Finding]) -> list[Draft]:
    """The summary of all findings."""
    if not found:
        return [_at_rest(view)]
    first = found[0]
    ready = Draft("Ready", "False", first.reason, first.message)
    if first.stalls:
        return [ready, Draft("Stalled", "True", first.reason, first.message)]
    if view.is_paused:
        paused = (one.message for one in found[1:] if one.reason == reasons.PAUSED)
        return [replace(ready, message="; ".join((first.message, *paused)))]
    if view.design.replicas == 0 and all(one.reason == reasons.SECRET_MISSING for one in found):
        return [ready]  # nothing is under way: no Pod is to start
    return [ready, Draft("Reconciling", "True", first.reason, first.message)]


def _at_rest(view: View) -> Draft:
    if view.design.suspended:
        text = "scaled to zero by spec.mode; volumes are kept"
        return Draft("Ready", "False", reasons.SUSPENDED, text)
    if view.design.replicas == 0:
        return Draft("Ready", "False", reasons.ASLEEP, "scaled to zero by spec.replicas")
    return Draft("Ready", "True", reasons.READY, "as specified, and it can talk")
