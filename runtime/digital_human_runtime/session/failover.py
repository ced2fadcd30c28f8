"""A store that survives the loss of the one behind it: sessions go on from memory meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Literal, TypeVar

from digital_human_runtime.frames import Check, Message
from digital_human_runtime.pipeline import Limits

from .conversation import Interrupted
from .ending import end
from .memory_store import MemoryStore
from .store import Admitted, Begun, Held, Record, Store, StoreLost, Superseded

T = TypeVar("T")
log = logging.getLogger(__name__)

LOST_REASON = "the session store is out of reach: until it is back, only this process can resume"
PROBES = (0.5, 1.0, 2.0, 4.0, 5.0)
"""Seconds between two probes of a lost store; the last one is repeated."""


class _Lost:
    """The store could not be asked."""


_LOST: Final = _Lost()


class FailoverStore:
    """
    Implements ``Store`` on another one and a copy in memory of the sessions that live here.

    ``changed`` is called when the store behind is lost, and when it is back and has been told
    everything that happened meanwhile.
    """

    def __init__(
        self, behind: Store, *, limits: Limits, changed: Callable[[bool], None] | None = None
    ) -> None:
        self._behind = behind
        self._memory = MemoryStore(limits)
        self._changed = changed or (lambda _lost: None)
        self._leaving: set[str] = set()
        self._forgotten: set[str] = set()
        self._probing: asyncio.Task[None] | None = None
        self.lost = False

    @property
    def kind(self) -> Literal["redis", "memory"]:
        """Of the store behind."""
        return self._behind.kind

    def check(self) -> Check:
        """A lost store leaves the process ready, but degraded."""
        detail = LOST_REASON if self.lost else self.kind
        return Check("database", ok=True, detail=detail, degraded=self.lost)

    async def ping(self) -> None:
        """Ask the store behind."""
        await self._behind.ping()

    async def close(self) -> None:
        """Stop probing and close both."""
        await end(self._probing)
        await self._behind.close()
        await self._memory.close()

    def release(self, session: str) -> None:
        """The session is no longer here: its copy goes once the store behind has everything."""
        if self.lost:
            self._leaving.add(session)
        else:
            self._memory.drop(session)

    async def keep_ticket(self, digest: str, admitted: Admitted) -> None:
        """Keep it behind, or in memory."""
        if isinstance(await self._ask(lambda: self._behind.keep_ticket(digest, admitted)), _Lost):
            await self._memory.keep_ticket(digest, admitted)

    async def take_ticket(self, digest: str) -> Admitted | None:
        """Take it from memory, where those of an outage are, or from behind."""
        if (admitted := await self._memory.take_ticket(digest)) is not None:
            return admitted
        found = await self._ask(lambda: self._behind.take_ticket(digest))
        return None if isinstance(found, _Lost) else found

    async def create(self, session: str, principal: str, token: str) -> Record:
        """Make it in both."""
        await self._ask(lambda: self._behind.create(session, principal, token))
        return await self._memory.create(session, principal, token)

    async def load(self, session: str) -> Record | None:
        """From behind; from memory while that is lost or does not know it."""
        found = await self._ask(lambda: self._behind.load(session))
        if found is None or isinstance(found, _Lost):
            return await self._memory.load(session)
        return found

    async def claim(
        self, session: str, token: str, new_token: str, principal: str | None
    ) -> Record | None:
        """Behind, and copy what is found; in memory while that is lost."""
        found = await self._ask(lambda: self._behind.claim(session, token, new_token, principal))
        if isinstance(found, _Lost):
            found = await self._memory.claim(session, token, new_token, principal)
            self._leaving.discard(session)
            return found
        if found is not None:
            self._memory.put(found)
        return found

    async def rotate(self, session: str, generation: int, new_token: str) -> bool:
        """In both; the store behind decides."""
        mine = await self._memory.rotate(session, generation, new_token)
        found = await self._ask(lambda: self._behind.rotate(session, generation, new_token))
        return mine if isinstance(found, _Lost) else found

    async def generations(self, sessions: Sequence[str]) -> Mapping[str, int]:
        """From behind; sessions that it has forgotten are written again."""
        found = await self._ask(lambda: self._behind.generations(sessions))
        if isinstance(found, _Lost):
            return await self._memory.generations(sessions)
        gone = [session for session in sessions if session not in found]
        for session in gone:
            await self._write_again(session)
        return found

    async def begin(
        self, session: str, generation: int | None, question: str
    ) -> Begun | Held | Superseded | None:
        """Behind, in memory too; a session that was forgotten behind is written again first."""
        found = await self._ask(lambda: self._behind.begin(session, generation, question))
        if found is None and await self._write_again(session):
            found = await self._ask(lambda: self._behind.begin(session, generation, question))
        if isinstance(found, _Lost) or (found is None and self.lost):  # lost while writing again
            return await self._memory.begin(session, generation, question)
        if isinstance(found, Begun):
            self._memory.adopt(session, generation, question, found)
        return found

    async def renew(
        self, session: str, fence: int, generation: int | None, offered: Interrupted
    ) -> bool:
        """In both; the store behind decides."""
        mine = await self._memory.renew(session, fence, generation, offered)
        found = await self._ask(lambda: self._behind.renew(session, fence, generation, offered))
        if found is False and mine:
            found = await self._write_again(session)
        return mine if self.lost else found is True

    async def finish(
        self,
        session: str,
        fence: int,
        messages: Sequence[Message],
        interrupted: Interrupted | None,
    ) -> bool:
        """In both; the store behind decides."""
        mine = await self._memory.finish(session, fence, messages, interrupted)
        found = await self._ask(lambda: self._behind.finish(session, fence, messages, interrupted))
        if found is False and mine:
            found = await self._write_again(session)
        return mine if self.lost else found is True

    async def restore(self, record: Record) -> bool:
        """In both; the store behind decides."""
        found = await self._ask(lambda: self._behind.restore(record))
        mine = await self._memory.restore(record)
        return mine if isinstance(found, _Lost) else found

    async def forget(self, session: str) -> None:
        """In both."""
        await self._memory.forget(session)
        if isinstance(await self._ask(lambda: self._behind.forget(session)), _Lost):
            self._forgotten.add(session)

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T | _Lost:
        """Ask the store behind, unless it is known to be lost."""
        if self.lost:
            return _LOST
        try:
            return await question()
        except StoreLost as reason:
            self._lose(reason)
            return _LOST

    def _lose(self, reason: StoreLost) -> None:
        if self.lost:
            return
        self.lost = True
        log.warning("The session store is lost, sessions go on from memory: %s", reason)
        self._probing = asyncio.create_task(self._probe(), name="session store: probe")
        self._changed(True)

    async def _probe(self) -> None:
        attempt = 0
        while self.lost:
            await asyncio.sleep(PROBES[min(attempt, len(PROBES) - 1)])
            attempt += 1
            with suppress(StoreLost):
                await self._behind.ping()
                await self._write_all()
                self.lost = False
        log.info("The session store is back; sessions were written again")
        for session in self._leaving:
            self._memory.drop(session)
        self._leaving.clear()
        self._changed(False)

    async def _write_all(self) -> None:
        """Tell the store behind what happened without it, also what happens meanwhile."""
        while self._forgotten:
            session = next(iter(self._forgotten))
            await self._behind.forget(session)
            self._forgotten.discard(session)
        written: dict[str, Record] = {}
        while behind_hand := [r for r in self._memory.records() if written.get(r.session) != r]:
            for record in behind_hand:
                await self._behind.restore(record)
                written[record.session] = record

    async def _write_again(self, session: str) -> bool:
        """Write a session that the store behind does not know: it came back without its data."""
        record = await self._memory.load(session)
        if record is None or await self._ask(lambda: self._behind.load(session)) is not None:
            return False
        return await self._ask(lambda: self._behind.restore(record)) is True
