"""All conversations of a process: what the servers are given."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager

from digital_human_runtime.frames import Check
from digital_human_runtime.pipeline import Engines, Limits, Observer, Persona, Unobserved

from .admission import Admission, Gauges
from .conversation import ChatDone, Conversation, Principal, Ticket
from .store import Store
from .synthetic import SyntheticSpeech


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
        self._engines = engines
        self._store = store
        self._persona = persona or Persona()
        self._limits = limits or Limits()
        self._observer = observer or Unobserved()
        self._admission = Admission(self._limits, self._observer)

    @property
    def gauges(self) -> Gauges:
        """How full it is now."""
        return self._admission.gauges

    @property
    def draining(self) -> bool:
        """Whether nobody new gets in any more."""
        raise NotImplementedError

    async def start(self) -> None:
        """Begin to watch the store; raises StoreLost when it does not answer at the start."""
        raise NotImplementedError

    async def drain(self, seconds: float) -> None:
        """
        End all conversations well: nobody new, running turns finish, clients get a fresh token.

        Returns when all turns have ended; what still runs after ``seconds`` is interrupted.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """End what is left, at once."""
        raise NotImplementedError

    def check(self) -> Check:
        """The line ``database`` of a health answer: degraded while the store is lost."""
        raise NotImplementedError

    async def synthetic(self, *, through_model: bool = True) -> SyntheticSpeech:
        """
        Have a conversation that touches no session, limit or figure of users, and measure it.

        With ``through_model`` false a fixed sentence is spoken, which costs no tokens. Raises
        EngineFault when nothing was heard or an engine gave up.
        """
        raise NotImplementedError

    def place(self) -> AbstractAsyncContextManager[None]:
        """Hold the place of one turn for work outside of conversations; Busy when all are taken."""
        return self._admission.turn()

    async def ticket(self, principal: Principal) -> Ticket:
        """Admit a new session; Busy or Unavailable when there is no room."""
        raise NotImplementedError

    async def open(self, ticket: str) -> Conversation:
        """Redeem a ticket, once; NotAuthenticated when it is unknown, used or expired."""
        raise NotImplementedError

    async def resume(self, session: str, token: str, principal: Principal | None) -> Conversation:
        """Take up a session after its connection was lost; NotAuthenticated when that fails."""
        raise NotImplementedError

    def chat(
        self, principal: Principal, text: str, session: str | None
    ) -> AsyncGenerator[str | ChatDone]:
        """Answer in text only: pieces, then one ``ChatDone``; closing it cancels the answer."""
        raise NotImplementedError
