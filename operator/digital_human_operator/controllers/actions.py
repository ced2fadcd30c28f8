"""
DigitalHumanBackup and DigitalHumanRestore: an honest answer until they are acted on.

The kinds are served so that manifests can be written and reviewed; this version says in status
that it does not run them.
"""

from __future__ import annotations

import msgspec

from digital_human_operator.kinds import BACKUPS, RESTORES
from digital_human_operator.kube.errors import NotFound
from digital_human_operator.names import FIELD_MANAGER
from digital_human_operator.seen import Key, Seen, seen_from

from .services import Services

MESSAGES = {
    "DigitalHumanBackup": "this version does not run backups on request: use spec.backup.schedule"
    " of the DigitalHuman",
    "DigitalHumanRestore": "this version does not run restores: nothing was changed",
}
_RESOURCES = {"DigitalHumanBackup": BACKUPS, "DigitalHumanRestore": RESTORES}


class ActionController:
    """Writes the status of one backup or restore."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def reconcile(self, key: Key) -> float | None:
        """Say once that nothing will happen."""
        seen = self._services.seen.get(key)
        if seen is None or seen.deleting or _is_told(seen):
            return None
        kind, namespace, name = key
        resource = _RESOURCES[kind]
        body = {
            "apiVersion": resource.api_version,
            "kind": kind,
            "metadata": {"name": name, "uid": seen.uid},
            "status": {
                "observedGeneration": seen.generation,
                "phase": "Unsupported",
                "conditions": [
                    self._condition(kind, "Ready", "False", seen),
                    self._condition(kind, "Stalled", "True", seen),
                ],
            },
        }
        try:
            answer = await self._services.client.apply(
                resource,
                namespace,
                name,
                msgspec.json.encode(body),
                manager=FIELD_MANAGER,
                subresource="status",
            )
        except NotFound:
            self._services.seen.remove(key, seen.uid)
            return None
        self._services.seen.upsert(key, seen_from(msgspec.json.decode(answer)))
        return None

    def _condition(self, kind: str, name: str, value: str, seen: Seen) -> dict[str, object]:
        return {
            "type": name,
            "status": value,
            "observedGeneration": seen.generation,
            "lastTransitionTime": self._services.now(),
            "reason": "Unsupported",
            "message": MESSAGES[kind],
        }


def _is_told(seen: Seen) -> bool:
    return seen.status_object().get("observedGeneration") == seen.generation
