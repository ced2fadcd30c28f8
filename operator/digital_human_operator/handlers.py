"""What kopf calls: every handler notes the object and queues its key, nothing else."""

from __future__ import annotations

from typing import Any

import kopf

from digital_human_operator.kinds import OWN
from digital_human_operator.seen import SeenObjects, seen_from

LISTED_PRIORITY = -100
"""Objects of the first list wait behind those that somebody changes now."""


def register(registry: kopf.OperatorRegistry, seen: SeenObjects, add: Any) -> None:
    """Register one event handler per kind; ``add(key, priority=)`` queues a key."""
    for resource in OWN:
        kopf.on.event(resource.group, resource.version, resource.plural, registry=registry)(
            _handler(resource.kind, seen, add)
        )


def _handler(kind: str, seen: SeenObjects, add: Any) -> Any:
    async def on_event(event: Any, namespace: str, name: str, **_: Any) -> None:
        key = (kind, namespace, name)
        if event["type"] == "DELETED":
            seen.remove(key, event["object"]["metadata"]["uid"])
            add(key, priority=0)
        elif seen.upsert(key, seen_from(event["object"])):
            add(key, priority=LISTED_PRIORITY if event["type"] is None else 0)

    return on_event
