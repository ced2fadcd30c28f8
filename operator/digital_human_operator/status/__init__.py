"""
From what was decided and observed to what is reported: pure, and the same for the same input.

Conditions follow kstatus; ``docs/gitops`` says how tools read them.
"""

from __future__ import annotations

from collections.abc import Sequence

from digital_human_operator.api.v1alpha1.status import DigitalHumanStatus, Phase
from digital_human_operator.decision import Decision
from digital_human_operator.human import Human
from digital_human_operator.observed import Observed

from . import backups, domain, facts, reasons, scaling, summary
from .body import to_apply
from .checks import findings
from .conditions import Draft, stamp
from .notes import Note, notable
from .phase import phase
from .refusals import explain
from .schedule import is_under_way, urgency
from .view import View

__all__ = [
    "Note",
    "compute",
    "explain",
    "farewell",
    "is_under_way",
    "look_again",
    "notable",
    "refused",
    "to_apply",
    "urgency",
]


def compute(
    human: Human,
    decision: Decision,
    observed: Observed,
    previous: DigitalHumanStatus | None,
    now: str,
) -> DigitalHumanStatus:
    """The status of one look; ``now`` is only used where a condition flips."""
    view = View(human, decision, observed, previous, now)
    found = findings(view)
    return _status(view, phase(view, found), summary.drafts(view, found), previous, now)


def look_again(
    human: Human, computed: DigitalHumanStatus, observed: Observed, now: str
) -> float | None:
    """Seconds after which time alone may change what is told; None when it does not."""
    waits = (scaling.look_again(computed, observed, now), backups.look_again(human, observed, now))
    return min((one for one in waits if one is not None), default=None)


def farewell(
    generation: int, message: str, previous: DigitalHumanStatus | None, now: str
) -> DigitalHumanStatus:
    """The status of a human that was deleted and waits for its last backup."""
    drafts = [
        Draft("Ready", "False", reasons.FINAL_BACKUP, message),
        Draft("Reconciling", "True", reasons.FINAL_BACKUP, message),
    ]
    return _resting(generation, "Draining", drafts, previous, now)


def refused(
    generation: int, message: str, previous: DigitalHumanStatus | None, now: str
) -> DigitalHumanStatus:
    """The status of a spec that cannot be understood: what was known of the rest stays."""
    text = f"{message}; the objects of this human are left as they are"
    drafts = [
        Draft("Ready", "False", reasons.INVALID_SPEC, text),
        Draft("Stalled", "True", reasons.INVALID_SPEC, text),
    ]
    return _resting(generation, "Failed", drafts, previous, now)


def _resting(
    generation: int,
    word: Phase,
    drafts: list[Draft],
    previous: DigitalHumanStatus | None,
    now: str,
) -> DigitalHumanStatus:
    """``drafts`` beside what was known before: nothing is looked at any more."""
    if previous is not None:
        known = (
            c for c in previous.conditions if c.type not in {"Ready", "Reconciling", "Stalled"}
        )
        drafts += [Draft(c.type, c.status, c.reason, c.message) for c in known]
    update = {
        "observed_generation": generation,
        "phase": word,
        "conditions": stamp(drafts, generation, previous, now),
    }
    return (previous or DigitalHumanStatus()).model_copy(update=update)


def _status(
    view: View,
    word: Phase,
    summarised: Sequence[Draft],
    previous: DigitalHumanStatus | None,
    now: str,
) -> DigitalHumanStatus:
    drafts = [*summarised, *domain.drafts(view)]
    runtime = view.runtime
    return DigitalHumanStatus(
        observed_generation=view.human.generation,
        phase=word,
        conditions=stamp(drafts, view.human.generation, previous, now),
        replicas=facts.replicas(view),
        scale_replicas=runtime.replicas if runtime is not None else 0,
        selector=facts.selector(view),
        sessions=facts.sessions(view),
        rollout=facts.rollout(view, drafts),
        scaling_decisions=scaling.decisions(view),
        endpoints=facts.endpoints(view),
        memory_plan=view.decision.memory.plan,
        models=facts.models(view),
        backup=facts.backup(view),
        asked_backup=facts.asked_backup(view),
        restore=view.decision.restore,
        effective=facts.effective(view),
        warnings=list(view.decision.warnings),
    )
