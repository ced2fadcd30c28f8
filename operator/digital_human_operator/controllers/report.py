"""Writes the status of one human: rarely, at once when it matters, never about somebody else."""

from __future__ import annotations

import time
from hashlib import blake2b

import msgspec

from digital_human_operator import status
from digital_human_operator.api.v1alpha1.status import DigitalHumanStatus
from digital_human_operator.decision import Decision
from digital_human_operator.errors import InvalidSpec
from digital_human_operator.human import Human
from digital_human_operator.kinds import HUMANS
from digital_human_operator.kube.errors import Conflict, NotFound
from digital_human_operator.kube.fights import Fights
from digital_human_operator.metrics import OBJECTS
from digital_human_operator.names import FIELD_MANAGER
from digital_human_operator.observed import Observed
from digital_human_operator.seen import Key, Seen, is_told, seen_from

from .services import Services

_SOON = (5.0, 60.0)
"""Seconds between two writes that only tell of progress: fewest, most."""
_PER_BUSY_HUMAN = 0.5
"""Seconds that each human under way adds to that interval; a first word waits for others only."""
_UNTOLD = DigitalHumanStatus(phase="Pending")
"""What the status of a new object comes to: see ``UNSEEN``."""


class Reporter:
    """Computes nothing: decides when a computed status is written, and writes it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._begun_at: dict[Key, float] = {}
        self._written_at: dict[Key, float] = {}
        self._phases: dict[Key, str] = {}
        self._busy: set[Key] = set()
        self._troubled: set[Key] = set()
        self._fights = Fights()

    def begin(self, key: Key) -> None:
        """Note since when this human is worked on: under way until its status was computed."""
        if key not in self._begun_at:
            self._begun_at[key] = time.monotonic()
            self._busy.add(key)

    async def refuse(self, key: Key, seen: Seen, error: InvalidSpec) -> None:
        """Say that the spec cannot be understood; nothing else is touched."""
        previous = _previous(seen)
        told = status.refused(seen.generation, str(error), previous, self._services.now())
        self._count(key, told)
        if told != previous and await self._write(key, seen, told):
            self._tell(key, seen, previous, told)

    async def say_farewell(self, key: Key, seen: Seen, message: str) -> None:
        """Say that a deleted human waits for its last backup."""
        previous = _previous(seen)
        told = status.farewell(seen.generation, message, previous, self._services.now())
        self._count(key, told)
        if told != previous:
            await self._write(key, seen, told)

    async def report(
        self, key: Key, seen: Seen, human: Human, decision: Decision, observed: Observed
    ) -> float | None:
        """Write what has changed; seconds after which there is more to say, or None."""
        previous = _previous(seen)
        now = self._services.now()
        computed = status.compute(human, decision, observed, previous, now)
        self._count(key, computed)
        again = status.look_again(human, computed, observed, now)
        urgency = status.urgency(previous, computed)
        if urgency is None:
            return again
        digest = _digest(computed)
        held = self._fights.hold(key, digest)
        if held:
            return held if again is None else min(held, again)
        if urgency == "soon":
            wait = self._due(key, previous) - time.monotonic()
            if wait > 0:
                return wait if again is None else min(wait, again)
        if await self._write(key, seen, computed):
            self._fights.wrote(key, digest)
            self._tell(key, seen, previous, computed)
        return again

    async def live(self, key: Key, not_older_than: int | None = None) -> tuple[str, bool]:
        """The object's uid, and whether it is on its way out, as the API server knows it now."""
        raw = await self._services.client.get(
            HUMANS, key[1], key[2], metadata_only=True, not_older_than=not_older_than
        )
        metadata = msgspec.json.decode(raw)["metadata"]
        return metadata["uid"], "deletionTimestamp" in metadata

    def forget(self, key: Key) -> None:
        """The human is gone."""
        self._begun_at.pop(key, None)
        self._written_at.pop(key, None)
        self._busy.discard(key)
        self._troubled.discard(key)
        phase = self._phases.pop(key, None)
        if phase is not None:
            OBJECTS.labels(HUMANS.kind, phase).dec()

    def _due(self, key: Key, previous: DigitalHumanStatus) -> float:
        """
        When mere progress may be written.

        A first word is due at once where nothing else is under way. What somebody has removed is
        written again at once.
        """
        least, most = _SOON
        written = self._written_at.get(key)
        if written is not None:
            if not previous.conditions:
                return written
            return written + max(least, min(most, _PER_BUSY_HUMAN * len(self._busy)))
        others = len(self._busy) - (key in self._busy)
        return self._begun_at.get(key, 0.0) + min(most, _PER_BUSY_HUMAN * others)

    async def _write(self, key: Key, seen: Seen, told: DigitalHumanStatus) -> bool:
        """Apply the status to exactly this object; False when it is not there any more."""
        _, namespace, name = key
        body = status.to_apply(namespace, name, seen.uid, told)
        try:
            answer = await self._services.client.apply(
                HUMANS,
                namespace,
                name,
                msgspec.json.encode(body),
                manager=FIELD_MANAGER,
                subresource="status",
            )
        except NotFound:
            self._services.seen.remove(key, seen.uid)
            return False
        except Conflict:
            if await self.is_gone(key, seen):
                return False
            raise
        self._written_at[key] = time.monotonic()
        self._services.seen.upsert(key, seen_from(msgspec.json.decode(answer)))
        return True

    async def is_gone(self, key: Key, seen: Seen) -> bool:
        """Whether the API server has no such object any more; it is forgotten then."""
        try:
            if (await self.live(key))[0] == seen.uid:
                return False
        except NotFound:
            pass
        self._services.seen.remove(key, seen.uid)
        return True

    def _count(self, key: Key, computed: DigitalHumanStatus) -> None:
        """Keep the gauge of objects by phase, and who is under way."""
        phase = computed.phase or "Pending"
        before = self._phases.get(key)
        if before != phase:
            if before is not None:
                OBJECTS.labels(HUMANS.kind, before).dec()
            OBJECTS.labels(HUMANS.kind, phase).inc()
            self._phases[key] = phase
        if status.is_under_way(computed):
            self._busy.add(key)
        else:
            self._busy.discard(key)

    def _tell(
        self,
        key: Key,
        seen: Seen,
        before: DigitalHumanStatus,
        after: DigitalHumanStatus,
    ) -> None:
        """Kubernetes Events, for what people want to know later: trouble, and its end."""
        regarding = {
            "apiVersion": HUMANS.api_version,
            "kind": HUMANS.kind,
            "namespace": key[1],
            "name": key[2],
            "uid": seen.uid,
        }
        for note in status.notable(before, after, troubled=key in self._troubled):
            if note.reason == "Ready":
                self._troubled.discard(key)
            else:
                self._troubled.add(key)
            self._services.recorder.record(regarding, note.reason, note.message, type=note.type)


def _digest(told: DigitalHumanStatus) -> bytes:
    """What is said, apart from since when: equal when the same has to be said again."""
    conditions = [(c.type, c.status, c.reason, c.message) for c in told.conditions]
    rest = told.model_copy(update={"conditions": []})
    return blake2b(repr((conditions, rest)).encode(), digest_size=16).digest()


def _previous(seen: Seen) -> DigitalHumanStatus:
    """What was written last; without conditions where nothing was."""
    found = seen.status_object()
    return DigitalHumanStatus.model_validate(found) if is_told(found) else _UNTOLD
