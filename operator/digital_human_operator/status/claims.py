"""
The claims of a human: whose volume is there, and what to do about one that has none.

StorageClasses are the cluster's, and the operator may not read them. So a claim that waits is told
with the class that it names, and with the two commands that say what is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from digital_human_operator import names
from digital_human_operator.states import PvcState

from . import reasons
from .conditions import Draft, Value
from .view import View, is_settled

_SAID_OF_VOLUMES = re.compile(r"persistent ?volume|binding volumes|free storage", re.IGNORECASE)
_WORST: tuple[Value, ...] = ("False", "Unknown", "True")


@dataclass(frozen=True)
class Claim:
    """A claim of ours."""

    name: str
    state: PvcState | None
    """None while there is none, as far as we know."""
    components: frozenset[str]
    """Whose Pods mount it."""
    awaited: bool
    """Whether Pods that mount it are still to start."""

    @property
    def is_pending(self) -> bool:
        """Whether it waits for its volume."""
        return self.state is not None and self.state.phase == "Pending"

    @property
    def text(self) -> str:
        """What it waits for, and how to see why."""
        wanted = self.state.storage_class if self.state is not None else None
        what = f"of StorageClass {wanted}" if wanted else "of the cluster's default StorageClass"
        if wanted == "":
            what = "that somebody makes by hand, as its StorageClass is empty"
        return (
            f"claim {self.name} waits for a volume {what}; if that lasts, see"
            f" `kubectl get storageclass` and `kubectl describe pvc {self.name}`"
        )


def claims(view: View) -> list[Claim]:
    """The claim with the weights and that of a managed Redis, if they are ours."""
    human, found = view.human.name, []
    if view.has_claim:
        awaited = not view.is_complete and view.design.replicas != 0
        users = frozenset({names.RUNTIME, names.FETCH})
        found.append(Claim(names.models(human), view.claim, users, awaited))
    # One that the StatefulSet controller has found ready-made need not have our label.
    if view.has_redis and (view.redis_claim is not None or not is_settled(view.redis)):
        awaited = not is_settled(view.redis)
        users = frozenset({names.REDIS})
        found.append(Claim(names.redis_claim(human), view.redis_claim, users, awaited))
    return found


def unbound(view: View, component: str, scheduler: str) -> Claim | None:
    """The claim that the scheduler means when it cannot place a Pod; None when it means none."""
    if not _SAID_OF_VOLUMES.search(scheduler):
        return None
    ours = (claim for claim in claims(view) if component in claim.components)
    return next((claim for claim in ours if claim.is_pending), None)


def bound(view: View) -> Draft | None:
    """Whether every claim has its volume; None without claims."""
    drafts = [_bound(claim) for claim in claims(view)]
    if not drafts:
        return None
    worst = min(drafts, key=lambda draft: _WORST.index(draft.status))
    told = "; ".join(draft.message for draft in drafts if draft.status == worst.status)
    return Draft(worst.type, worst.status, worst.reason, told)


def _bound(claim: Claim) -> Draft:
    state, name = claim.state, claim.name
    if state is None:
        text = f"claim {name} does not exist yet"
        return Draft("StorageBound", "Unknown", "Pending", text)
    if state.problem:
        return Draft("StorageBound", "False", "ResizeFailed", state.problem)
    if state.phase == "Bound":
        text = f"claim {name} has {state.capacity or 'its volume'}"
        return Draft("StorageBound", "True", "Bound", text)
    if state.phase == "Lost":
        return Draft("StorageBound", "False", "Lost", lost(claim))
    return Draft("StorageBound", "False", state.phase or "Pending", claim.text)


def lost(claim: Claim) -> str:
    """What to say of a claim whose volume somebody has deleted."""
    return f"the volume of claim {claim.name} does not exist any more"


def trouble(claim: Claim) -> tuple[str, str] | None:
    """Reason and message of what keeps Pods from starting; None when this claim does not."""
    if not claim.awaited or claim.state is None:
        return None
    if claim.state.phase == "Lost":
        return reasons.VOLUME_LOST, lost(claim)
    return (reasons.VOLUME_PENDING, claim.text) if claim.is_pending else None
