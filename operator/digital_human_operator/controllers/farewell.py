"""
The end of a human that wants a last backup: deletionPolicy FinalBackup.

A finalizer holds the object back until a DigitalHumanBackup is complete. Whatever happens, it does
not hold it back for ever: a backup that is refused, that fails, or that takes more than an hour is
told as an Event, and the human goes. Its volumes are retained in any case.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import msgspec

from digital_human_operator import names, status
from digital_human_operator.kinds import BACKUPS, HUMANS
from digital_human_operator.kube.errors import ApiError, Conflict, Forbidden, Invalid, NotFound
from digital_human_operator.names import FIELD_MANAGER
from digital_human_operator.seen import Key, Seen, seen_from

from .report import Reporter
from .requests import is_as_made
from .services import Services

DEADLINE = 3600.0
"""Seconds from the deletion until the human goes without a backup."""
_LOOK = 5.0
_log = logging.getLogger(__name__)


class Farewell:
    """Holds humans back while their last backup is made."""

    def __init__(self, services: Services, reporter: Reporter) -> None:
        self._services = services
        self._reporter = reporter

    async def prepare(self, key: Key, seen: Seen) -> None:
        """Put the finalizer on an object that wants a last backup, take it off any other."""
        wanted = seen.spec_object().get("deletionPolicy") == "FinalBackup"
        if wanted != seen.finalizer:
            await self._set_finalizer(key, seen, wanted)

    async def reconcile(self, key: Key, seen: Seen) -> float | None:
        """Go on with the farewell of a deleted object; seconds until the next look, or None."""
        if not seen.finalizer:
            return None
        name = names.final_backup(key[2], seen.uid)
        problem = await self._problem(key, seen, name)
        if problem is None and not self._is_complete(key, name):
            left = DEADLINE - self._seconds_since(seen.deleted)
            if left > 0:
                text = f"deleted: its volumes and this object wait for DigitalHumanBackup {name}"
                await self._reporter.say_farewell(key, seen, text)
                return min(_LOOK, left)
            problem = f"it was not complete {DEADLINE / 60:.0f} minutes after the deletion"
        if problem is not None:
            self._tell(key, seen, f"no final backup {name}: {problem}; the volumes are retained")
        await self._set_finalizer(key, seen, False)
        return None

    async def _problem(self, key: Key, seen: Seen, name: str) -> str | None:
        """Why there will be no backup; None while there may be one. Asks for it the first time."""
        backup = self._services.seen.get((BACKUPS.kind, key[1], name))
        destination = (seen.spec_object().get("backup") or {}).get("destination")
        spec = {"digitalHuman": key[2], "destination": destination}
        if backup is not None:
            if destination is not None and not is_as_made(backup, spec):
                return "one of that name is there for something else"
            stalled = _condition(backup, "Stalled")
            return stalled.get("message", "it failed") if _is_true(stalled) else None
        if destination is None:
            return "spec.backup does not say where to put it"
        try:
            await self._services.client.create(
                BACKUPS, key[1], _request(name, spec), manager=FIELD_MANAGER
            )
        except Conflict:
            return None  # asked for before; its state is not known here yet
        except (Invalid, NotFound, Forbidden) as error:
            return self._refused(name, seen, error)
        return None

    def _refused(self, name: str, seen: Seen, error: ApiError) -> str | None:
        """What to say of a request that was refused; raises while trying again may help."""
        over = self._seconds_since(seen.deleted) >= DEADLINE
        if isinstance(error, Forbidden) and "being terminated" not in error.message and not over:
            raise error
        return status.explain(name, error.message).message

    def _is_complete(self, key: Key, name: str) -> bool:
        backup = self._services.seen.get((BACKUPS.kind, key[1], name))
        return backup is not None and _is_true(_condition(backup, "Ready"))

    def _seconds_since(self, moment: str) -> float:
        now = datetime.fromisoformat(self._services.now())
        return (now - datetime.fromisoformat(moment)).total_seconds() if moment else 0.0

    def _tell(self, key: Key, seen: Seen, text: str) -> None:
        _log.warning("%s/%s: %s", key[1], key[2], text)
        regarding = {
            "apiVersion": HUMANS.api_version,
            "kind": HUMANS.kind,
            "namespace": key[1],
            "name": key[2],
            "uid": seen.uid,
        }
        self._services.recorder.record(regarding, "FinalBackupFailed", text, type="Warning")

    async def _set_finalizer(self, key: Key, seen: Seen, wanted: bool) -> None:
        """Apply our finalizer, or let go of it; an object that is gone by now is none of ours."""
        metadata: dict[str, Any] = {"name": key[2], "uid": seen.uid}
        if wanted:
            metadata["finalizers"] = [names.FINALIZER]
        body = {"apiVersion": HUMANS.api_version, "kind": HUMANS.kind, "metadata": metadata}
        try:
            answer = await self._services.client.apply(
                HUMANS, key[1], key[2], msgspec.json.encode(body), manager=FIELD_MANAGER
            )
        except NotFound:
            self._services.seen.remove(key, seen.uid)
            return
        except Conflict:
            if await self._reporter.is_gone(key, seen):
                return
            raise
        self._services.seen.upsert(key, seen_from(msgspec.json.decode(answer)))


def _request(name: str, spec: dict[str, Any]) -> bytes:
    """The backup; without an owner, for it outlives the human."""
    metadata = {"name": name, "labels": {names.LABEL_HUMAN: spec["digitalHuman"]}}
    body = {"apiVersion": BACKUPS.api_version, "kind": BACKUPS.kind}
    return msgspec.json.encode(body | {"metadata": metadata, "spec": spec})


def _condition(seen: Seen, name: str) -> dict[str, Any]:
    """A condition about the present spec; empty when there is none."""
    found = seen.status_object()
    if found.get("observedGeneration") != seen.generation:
        return {}
    return next((c for c in found.get("conditions", []) if c["type"] == name), {})


def _is_true(condition: dict[str, Any]) -> bool:
    return condition.get("status") == "True"
