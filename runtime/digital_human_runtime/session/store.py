"""What a store of sessions can do; in memory and in Redis, with one conformance suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from digital_human_runtime.frames import Message

from .conversation import Interrupted


class StoreLost(Exception):  # noqa: N818  # named for what happened, as the runtime's faults
    """The store did not answer in time, or not at all."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a ticket opens."""

    session: str
    principal: str


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known of a session. Tokens are kept as digests only."""

    session: str
    principal: str
    token: str
    """Digest of the resume token; empty: cannot be resumed."""
    generation: int
    """Grows with each connection that takes the session; the newest one owns it."""
    fence: int
    """Number of the last turn; a turn with a smaller one may not write any more."""
    history: tuple[Message, ...] = ()
    interrupted: Interrupted | None = None
    open: bool = False
    """Whether turn ``fence`` has begun and not finished."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A turn that may run: its number and what was said before."""

    fence: int
    history: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """Another turn of the session runs; its lock ends after these seconds unless renewed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer connection owns the session."""


class Store(Protocol):
    """Sessions, tickets and the lock of a session's one turn. Raises StoreLost where it may."""

    @property
    def kind(self) -> Literal["redis", "memory"]:
        """What a client is told."""

    @property
    def lost(self) -> bool:
        """Whether it is out of reach now and sessions go on without it."""

    async def ping(self) -> None:
        """Return when the store answers."""

    async def close(self) -> None:
        """Give up its connections; may be called twice."""

    async def keep_ticket(self, digest: str, admitted: Admitted) -> None:
        """Keep a ticket, by its digest, for as long as tickets live."""

    async def take_ticket(self, digest: str) -> Admitted | None:
        """Take a ticket out, once."""

    async def create(self, session: str, principal: str, token: str) -> Record:
        """Make a session of generation 1."""

    async def load(self, session: str) -> Record | None:
        """Everything about a session, or None."""

    async def claim(
        self, session: str, token: str, new_token: str, principal: str | None
    ) -> Record | None:
        """
        Take a session over: one step that checks the token, puts the new one and counts up.

        A turn of the connection before loses its lock and may not write any more. None when
        there is no such session, token or principal; nothing is changed then.
        """

    async def rotate(self, session: str, generation: int, new_token: str) -> bool:
        """Put a new token; False when a newer connection owns the session or it is gone."""

    async def generations(self, sessions: Sequence[str]) -> Mapping[str, int]:
        """The generation of each session that is there; also keeps these sessions alive."""

    async def begin(
        self, session: str, generation: int | None, question: str
    ) -> Begun | Held | Superseded | None:
        """
        Lock the session for a turn, count it, and note its question as interrupted at 0.

        A connection takes the lock that it holds already; without a generation (text-only chat)
        nothing is taken. None when there is no such session.
        """

    async def renew(
        self, session: str, fence: int, generation: int | None, offered: Interrupted
    ) -> bool:
        """Keep the lock and note how much was heard; False when another turn has it."""

    async def finish(
        self,
        session: str,
        fence: int,
        messages: Sequence[Message],
        interrupted: Interrupted | None,
    ) -> bool:
        """Add what was said, once, and give the lock back; False when another turn has it."""

    async def restore(self, record: Record) -> bool:
        """Write a session that went on without the store; False when there is a newer one."""

    async def forget(self, session: str) -> None:
        """Delete a session."""
