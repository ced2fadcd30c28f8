"""
DigitalHumanRestore: an honest answer until it is acted on.

The kind is served so that manifests can be written and reviewed; this version says in status that
it does not run them.
"""

from __future__ import annotations

from digital_human_operator.kinds import RESTORES
from digital_human_operator.seen import Key, Seen

from .answers import write
from .services import Services

MESSAGE = "this version does not run restores: nothing was changed"


class RestoreController:
    """Writes the status of one restore."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def reconcile(self, key: Key) -> float | None:
        """Say once that nothing will happen."""
        seen = self._services.seen.get(key)
        if seen is None or seen.deleting or _is_told(seen):
            return None
        _, namespace, name = key
        body = {
            "apiVersion": RESTORES.api_version,
            "kind": RESTORES.kind,
            "metadata": {"namespace": namespace, "name": name, "uid": seen.uid},
            "status": {
                "observedGeneration": seen.generation,
                "phase": "Unsupported",
                "conditions": [
                    self._condition("Ready", "False", seen),
                    self._condition("Stalled", "True", seen),
                ],
            },
        }
        await write(self._services, RESTORES, key, seen, body)
        return None

    def _condition(self, name: str, value: str, seen: Seen) -> dict[str, object]:
        return {
            "type": name,
            "status": value,
            "observedGeneration": seen.generation,
            "lastTransitionTime": self._services.now(),
            "reason": "Unsupported",
            "message": MESSAGE,
        }


def _is_told(seen: Seen) -> bool:
    return seen.status_object().get("observedGeneration") == seen.generation
