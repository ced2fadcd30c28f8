"""Sessions in the memory of this process: for one Pod, and while Redis is lost."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from digital_human_runtime.frames import Message
from digital_human_runtime.pipeline import Limits

from .conversation import Interrupted
from .store import Admitted, Begun, Held, Record, Superseded

MOST_SESSIONS = 10_000
"""The session that was not used for longest is forgotten beyond this."""
CHAT = -1
"""Owner of the lock of a turn that no connection holds."""


@dataclass(frozen=True, slots=True)
class _Lock:
    owner: int
    expires: float


@dataclass(slots=True)
class _Kept:
    record: Record
    expires: float
    lock: _Lock | None = None


def _now() -> float:
    return asyncio.get_running_loop().time()


class MemoryStore:
    """Implements ``Store``. Forgets everything when the process ends."""

    kind: Literal["redis", "memory"] = "memory"
    lost = False

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._sessions: OrderedDict[str, _Kept] = OrderedDict()
        self._tickets: OrderedDict[str, tuple[float, Admitted]] = OrderedDict()

    async def ping(self) -> None:
        """Memory is always there."""

    async def close(self) -> None:
        """Forget everything."""
        self._sessions.clear()
        self._tickets.clear()

    async def keep_ticket(self, digest: str, admitted: Admitted) -> None:
        """Keep a ticket; those that have expired go."""
        now = _now()
        while self._tickets and next(iter(self._tickets.values()))[0] <= now:
            self._tickets.popitem(last=False)
        self._tickets[digest] = (now + self._limits.ticket_seconds, admitted)

    async def take_ticket(self, digest: str) -> Admitted | None:
        """Take a ticket out, once."""
        expires, admitted = self._tickets.pop(digest, (0.0, None))
        return admitted if expires > _now() else None

    async def create(self, session: str, principal: str, token: str) -> Record:
        """Make a session of generation 1."""
        record = Record(session, principal, token, generation=1, fence=0)
        self.put(record)
        return record

    def put(self, record: Record) -> None:
        """Keep a record as it is."""
        self._sessions[record.session] = _Kept(record, _now() + self._limits.session_seconds)
        self._sessions.move_to_end(record.session)
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)

    def adopt(self, session: str, generation: int | None, question: str, begun: Begun) -> None:
        """Note a turn that was begun in another store, if the session is here."""
        kept = self._kept(session)
        if kept is None:
            return
        kept.lock = _Lock(CHAT if generation is None else generation, self._lock_end())
        kept.record = replace(
            kept.record,
            fence=begun.fence,
            history=begun.history,
            interrupted=Interrupted(question, 0) if question else None,
            open=True,
        )

    def records(self) -> tuple[Record, ...]:
        """Every session that is there."""
        return tuple(kept.record for kept in self._sessions.values())

    async def load(self, session: str) -> Record | None:
        """Everything about a session, or None."""
        kept = self._kept(session)
        return kept.record if kept else None

    async def claim(
        self, session: str, token: str, new_token: str, principal: str | None
    ) -> Record | None:
        """Take a session over; see ``Store``."""
        kept = self._kept(session)
        if kept is None or not token or kept.record.token != token:
            return None
        record = kept.record
        if principal is not None and principal != record.principal:
            return None
        generation = record.generation + 1
        kept.record = replace(record, token=new_token, generation=generation)
        held = self._held(kept)
        if held is None or held.owner != CHAT:
            kept.lock = None
            kept.record = replace(kept.record, fence=record.fence + 1, open=False)
        return kept.record

    async def rotate(self, session: str, generation: int, new_token: str) -> bool:
        """Put a new token unless a newer connection owns the session."""
        kept = self._kept(session)
        if kept is None or kept.record.generation != generation:
            return False
        kept.record = replace(kept.record, token=new_token)
        return True

    async def generations(self, sessions: Sequence[str]) -> Mapping[str, int]:
        """The generation of each session that is there."""
        there = {session: self._kept(session) for session in sessions}
        return {session: kept.record.generation for session, kept in there.items() if kept}

    async def begin(
        self, session: str, generation: int | None, question: str
    ) -> Begun | Held | Superseded | None:
        """Lock the session for a turn; see ``Store``."""
        kept = self._kept(session)
        if kept is None:
            return None
        record = kept.record
        if generation is not None and generation < record.generation:
            return Superseded()
        owner = CHAT if generation is None else generation
        held = self._held(kept)
        if held is not None and (held.owner != owner or owner == CHAT):
            return Held(held.expires - _now())
        fence = record.fence + 1
        kept.lock = _Lock(owner, self._lock_end())
        offered = Interrupted(question, 0) if question else None
        kept.record = replace(record, fence=fence, interrupted=offered, open=True)
        return Begun(fence, record.history)

    async def renew(
        self, session: str, fence: int, generation: int | None, offered: Interrupted
    ) -> bool:
        """Keep the lock and note how much was heard."""
        del generation  # the lock knows its owner
        kept = self._kept(session)
        if kept is None or kept.record.fence != fence or not kept.record.open:
            return False
        if kept.record.interrupted is not None:
            kept.record = replace(kept.record, interrupted=offered)
        if kept.lock is not None:
            kept.lock = replace(kept.lock, expires=self._lock_end())
        return True

    async def finish(
        self,
        session: str,
        fence: int,
        messages: Sequence[Message],
        interrupted: Interrupted | None,
    ) -> bool:
        """Add what was said and give the lock back."""
        kept = self._kept(session)
        if kept is None or kept.record.fence != fence or not kept.record.open:
            return False
        history = (*kept.record.history, *messages)[-self._limits.history_messages :]
        kept.record = replace(kept.record, history=history, interrupted=interrupted, open=False)
        kept.lock = None
        return True

    async def restore(self, record: Record) -> bool:
        """Keep a record unless there is a newer one."""
        kept = self._kept(record.session)
        if kept is not None and kept.record.generation > record.generation:
            return False
        self.put(record)
        return True

    async def forget(self, session: str) -> None:
        """Delete a session."""
        self.drop(session)

    def drop(self, session: str) -> None:
        """Delete a session, at once."""
        self._sessions.pop(session, None)

    def _kept(self, session: str) -> _Kept | None:
        kept = self._sessions.get(session)
        if kept is None:
            return None
        now = _now()
        if kept.expires <= now:
            del self._sessions[session]
            return None
        kept.expires = now + self._limits.session_seconds
        self._sessions.move_to_end(session)
        return kept

    def _lock_end(self) -> float:
        return _now() + self._limits.lock_seconds

    def _held(self, kept: _Kept) -> _Lock | None:
        return kept.lock if kept.lock and kept.lock.expires > _now() else None
