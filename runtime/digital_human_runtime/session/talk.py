"""All conversations of a process: what the servers are given."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

from digital_human_runtime.errors import NotAuthenticated, Unavailable
from digital_human_runtime.frames import Check
from digital_human_runtime.pipeline import Engines, Limits, Observer, Persona, Unobserved

from . import chat as text_only
from . import synthetic
from .admission import Admission, Gauges
from .context import Context
from .conversation import ChatDone, Conversation, Opened, Principal, Ticket
from .ending import end
from .failover import LOST_REASON, FailoverStore
from .live import LiveConversation
from .store import Admitted, Record, Store
from .synthetic import SyntheticSpeech
from .tokens import digest, is_session, new_session, new_token

log = logging.getLogger(__name__)

WATCH_SECONDS = 2.0
"""Between two looks at whether another Pod has taken a session over."""
ENDING_SECONDS = 3.0
"""For all conversations to stop at the deadline of a drain."""
MEMORY_REASON = "sessions are kept in the memory of this process: only it can resume them"


class Talk:
    """
    Implements ``Sessions``. The engines are started and closed by whoever made them.

    Life: ``start`` once, any number of conversations, ``drain`` on SIGTERM, ``close`` once.
    """

    def __init__(
        self,
        *,
        engines: Engines,
        store: Store,
        persona: Persona | None = None,
        limits: Limits | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._admission = Admission(self._limits, observer)
        self._failover = (
            FailoverStore(store, limits=self._limits, changed=self._store_changed)
            if store.kind == "redis"
            else None
        )
        self._context = Context(
            engines=engines,
            store=self._failover or store,
            persona=persona or Persona(),
            limits=self._limits,
            admission=self._admission,
            observer=observer or Unobserved(),
        )
        self._live: dict[str, LiveConversation] = {}
        self._here: set[LiveConversation] = set()
        self._watching: asyncio.Task[None] | None = None
        self._draining = False

    @property
    def gauges(self) -> Gauges:
        """How full it is now."""
        return self._admission.gauges

    @property
    def draining(self) -> bool:
        """Whether nobody new gets in any more."""
        return self._draining

    async def start(self) -> None:
        """Begin to watch the store; raises StoreLost when it does not answer at the start."""
        await self._context.store.ping()
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="sessions: watch")

    async def drain(self, seconds: float) -> None:
        """
        End all conversations well: nobody new, running turns finish, clients get a fresh token.

        Returns when all turns have ended; what still runs after ``seconds`` is interrupted.
        """
        self._draining = True
        self._admission.close()
        draining = [asyncio.create_task(one.drain(seconds)) for one in self._here]
        draining.append(asyncio.create_task(self._admission.no_turns()))  # also those of text
        await asyncio.wait(draining, timeout=seconds)
        await self._end_all()
        for task in draining:
            task.cancel()

    async def close(self) -> None:
        """End what is left, at once."""
        self._draining = True
        self._admission.close()
        await self._end_all()
        await end(self._watching)
        self._watching = None
        await self._context.store.close()

    def check(self) -> Check:
        """The line ``database`` of a health answer: degraded while the store is lost."""
        if self._failover is not None:
            return self._failover.check()
        return Check("database", ok=True, detail="memory")

    async def synthetic(self, *, through_model: bool = True) -> SyntheticSpeech:
        """
        Have a conversation that touches no session, limit or figure of users, and measure it.

        With ``through_model`` false a fixed sentence is spoken, which costs no tokens. Raises
        EngineFault when nothing was heard or an engine gave up.
        """
        context = self._context
        return await synthetic.speak(
            context.engines, context.persona, context.limits, through_model=through_model
        )

    def place(self) -> AbstractAsyncContextManager[None]:
        """Hold the place of one turn for work outside of conversations; Busy when all are taken."""
        return self._admission.turn()

    async def ticket(self, principal: Principal) -> Ticket:
        """Admit a new session; Busy or Unavailable when there is no room."""
        self._admission.check_session()
        ticket, session = new_token(), new_session()
        await self._context.store.keep_ticket(digest(ticket), Admitted(session, principal))
        return Ticket(session, ticket, self._limits.ticket_seconds)

    async def open(self, ticket: str, principal: Principal | None = None) -> Conversation:
        """Redeem a ticket, once; NotAuthenticated when it is unknown, used or expired."""
        with self._entering():
            admitted = await self._context.store.take_ticket(digest(ticket))
            if admitted is None or principal not in {None, admitted.principal}:
                raise NotAuthenticated(
                    "The ticket is unknown, used or expired; ask for a new one at /api/sessions."
                )
            token = new_token()
            record = await self._context.store.create(
                admitted.session, admitted.principal, digest(token)
            )
            conversation = self._begin(record, token)
        try:
            await conversation.greet()
        except BaseException:
            await conversation.close(forget=True)
            raise
        return conversation

    async def resume(self, session: str, token: str, principal: Principal | None) -> Conversation:
        """Take up a session after its connection was lost; NotAuthenticated when that fails."""
        with self._entering(known=session in self._live):
            refusal = NotAuthenticated(
                "The session or its token is unknown or has expired; open a new session."
            )
            store, old = self._context.store, self._live.get(session)
            known = await store.load(session) if is_session(session) else None
            if known is None or not _may(known, token, principal):
                raise refusal
            if old is not None:
                await old.end("replaced")  # so that what was heard is written down
            fresh = new_token()
            record = await store.claim(session, digest(token), digest(fresh), principal)
            if record is None:
                raise refusal
            return self._begin(record, fresh)

    def chat(
        self, principal: Principal, text: str, session: str | None
    ) -> AsyncGenerator[str | ChatDone]:
        """Answer in text only: pieces, then one ``ChatDone``; closing it cancels the answer."""
        return text_only.chat(self._context, principal, text, session)

    @contextmanager
    def _entering(self, *, known: bool = False) -> Iterator[None]:
        """Hold the place of a session; it is given back when it does not come to be."""
        self._admission.enter(known=known)
        try:
            yield
        except BaseException:
            self._admission.leave()
            raise

    def _begin(self, record: Record, token: str) -> LiveConversation:
        resumable, reason = self._resumable()
        opened = Opened(
            session=record.session,
            principal=record.principal,
            token=token,
            resumable=resumable,
            reason=reason,
            store=self._context.store.kind,
            history=record.history,
            interrupted=record.interrupted,
        )
        if self._draining:
            raise Unavailable("This Pod is going; connect again.")
        conversation = LiveConversation(self._context, record, opened, left=self._left)
        self._live[record.session] = conversation
        self._here.add(conversation)
        return conversation

    def _left(self, conversation: LiveConversation) -> None:
        self._here.discard(conversation)
        self._admission.leave()
        if self._live.get(conversation.session) is conversation:
            del self._live[conversation.session]
            if self._failover is not None:
                self._failover.release(conversation.session)

    def _resumable(self) -> tuple[bool, str]:
        if self._failover is None:
            return False, MEMORY_REASON
        return (False, LOST_REASON) if self._failover.lost else (True, "")

    def _store_changed(self, lost: bool) -> None:  # a callback
        del lost
        resumable, reason = self._resumable()
        for conversation in self._here:
            conversation.tell_resumable(resumable, reason)

    async def _end_all(self) -> None:
        ending = [asyncio.create_task(one.end("drained")) for one in self._here]
        if ending:
            await asyncio.wait(ending, timeout=ENDING_SECONDS)

    async def _watch(self) -> None:
        """End the conversations whose session a newer connection has taken, on any Pod."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            generations = await self._context.store.generations(list(self._live))
            for session, conversation in list(self._live.items()):
                if generations.get(session, 0) > conversation.generation:
                    conversation.replace()


def _may(record: Record, token: str, principal: Principal | None) -> bool:
    mine = principal is None or principal == record.principal
    return mine and record.token == digest(token)
