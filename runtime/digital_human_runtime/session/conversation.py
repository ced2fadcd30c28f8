"""
What the servers see of a conversation.

This is the seam between servers and sessions: a server takes bytes apart and puts them together,
everything else is decided below. See docs/protocol/conversation.md for the words.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol

from digital_human_runtime.frames import Event, FinishReason, Message

Principal = str
"""Who is behind a connection: ``key:<id>``, ``jwt:<subject>`` or ``anonymous``; never a secret."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Opens one connection, once."""

    session: str
    ticket: str
    expires_seconds: float


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A turn that a lost connection cut off."""

    question: str
    heard_samples: int


@dataclass(frozen=True, slots=True)
class Opened:
    """What a client is told when its connection takes a session."""

    session: str
    principal: Principal
    """Whose it is; clients are not told."""
    token: str
    resumable: bool
    reason: str
    store: Literal["redis", "memory"]
    history: tuple[Message, ...] = ()
    interrupted: Interrupted | None = None


Ending = Literal["closed", "replaced", "idle", "drained"]
"""Why a conversation is over; close codes 1000, 4001, 4002 and 1012 of the protocol."""


class Conversation(Protocol):
    """A session that one connection holds."""

    opened: Opened
    ended: Ending | None
    """Set once ``events`` has ended."""

    async def say(self, text: str) -> int:
        """Begin a turn (a running one is interrupted first) and return its number."""

    async def interrupt(self, turn: int, played: int) -> None:
        """Stop a turn; ``played`` samples of it were heard. Stale turns are ignored."""

    def credit(self, turn: int, played: int) -> None:
        """Samples of the turn heard so far; opens the window for more."""

    async def finished(self, turn: int, played: int) -> None:
        """The turn was heard to its end."""

    def events(self) -> AsyncIterator[Event]:
        """Everything for this client, in order; ends when the conversation is over."""

    async def close(self, *, forget: bool) -> None:
        """The connection is gone; ``forget`` deletes the session, else it can be resumed."""


class Sessions(Protocol):
    """All conversations of this process."""

    async def ticket(self, principal: Principal) -> Ticket:
        """Admit a new session; Busy or Unavailable when there is no room."""

    async def open(self, ticket: str, principal: Principal | None = None) -> Conversation:
        """
        Redeem a ticket, once; NotAuthenticated when it is unknown, used or expired.

        The ticket proves its principal; that of the connection must be the same where it is known.
        """

    async def resume(self, session: str, token: str, principal: Principal | None) -> Conversation:
        """
        Take up a session after its connection was lost; the newest connection wins.

        The token proves the principal it was given to; ``principal`` of the connection must be
        that one where it is known.
        """

    def chat(
        self, principal: Principal, text: str, session: str | None
    ) -> AsyncGenerator[str | ChatDone]:
        """Answer in text only: pieces, then one ``ChatDone``; closing it cancels the answer."""


@dataclass(frozen=True, slots=True)
class ChatDone:
    """The end of an answer in text."""

    session: str
    text: str
    finish: FinishReason = "stop"
    """Whether the answer is whole, or was cut."""
