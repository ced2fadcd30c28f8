"""Writes the status of a backup or a restore: to exactly the object that was looked at."""

from __future__ import annotations

from typing import Any

import msgspec

from digital_human_operator.kube.errors import NotFound
from digital_human_operator.kube.resources import Resource
from digital_human_operator.names import FIELD_MANAGER
from digital_human_operator.seen import Key, Seen, seen_from

from .services import Services


async def write(
    services: Services, resource: Resource, key: Key, seen: Seen, body: dict[str, Any]
) -> bool:
    """Apply a status; False when there is no such object any more. Raises Conflict for another."""
    try:
        answer = await services.client.apply(
            resource,
            key[1],
            key[2],
            msgspec.json.encode(body),
            manager=FIELD_MANAGER,
            subresource="status",
        )
    except NotFound:
        services.seen.remove(key, seen.uid)
        return False
    services.seen.upsert(key, seen_from(msgspec.json.decode(answer)))
    return True
