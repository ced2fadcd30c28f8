"""
While a restore replaces a human's sessions, the human has no Pods.

What is held back follows from the restore's status, so it ends with the restore whatever becomes of
it. The human's own status tells for which restore: after a start of the operator that one may not
have been seen yet.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from digital_human_operator import names
from digital_human_operator.human import Human
from digital_human_operator.kinds import RESTORES
from digital_human_operator.kube.errors import NotFound
from digital_human_operator.seen import Key, Seen, seen_from
from digital_human_operator.status import clones, restores

from .services import Services


def is_held_by(services: Services, key: Key) -> list[Key]:
    """The restores that hold a human: one, or two that began at the same moment, in order."""
    return [
        one
        for one in services.seen.of_kind(RESTORES.kind)
        if one[1] == key[1]
        and (found := services.seen.get(one)) is not None
        and _holds(services, found, key)
    ]


async def holder(services: Services, key: Key, seen: Seen) -> str | None:
    """The restore for which this human has no Pods; None when there may be some."""
    for one in is_held_by(services, key):
        return one[2]
    said = seen.status_object().get("restore")
    if said is not None and _is_at_work(services, key):
        return str(said)
    if said is None or services.seen.get((RESTORES.kind, key[1], said)) is not None:
        return None
    try:
        raw = await services.client.get(RESTORES, key[1], said)
    except NotFound:
        return None
    return said if _holds(services, seen_from(msgspec.json.decode(raw)), key) else None


def _is_at_work(services: Services, key: Key) -> bool:
    """Whether a Pod still replaces the sessions, of a restore that may be gone."""
    return any(
        pod.status.component == names.RESTORE and pod.status.phase not in {"Succeeded", "Failed"}
        for pod in services.pods.labelled(key[2])
        if pod.namespace == key[1]
    )


def held(human: Human) -> Human:
    """The human without Pods."""
    spec = human.spec.model_copy(update={"mode": "Suspended"})
    return replace(human, spec=spec, written=human.spec)


def _holds(services: Services, found: Seen, key: Key) -> bool:
    human = services.seen.get(key)
    marks = human.annotations_object() if human is not None else {}
    told, mark = found.status_object(), marks.get(names.ANNOTATION_CLONE)
    is_its_clone = human is not None and clones.is_clone_of(
        found.uid, told.get("cloneUid"), human.uid, mark
    )
    return not found.deleting and restores.holds(told, key[2], is_its_clone=is_its_clone)
