"""One connection: ``hello``, then what the client says and what it is told, until one side ends."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, assert_never

from digital_human_runtime.errors import (
    BadInput,
    Busy,
    NotAuthenticated,
    RuntimeFault,
    TooLarge,
    Unavailable,
)
from digital_human_runtime.frames import SHAPES, Event, Replaced, TurnStarted
from digital_human_runtime.session.conversation import (
    Conversation,
    Ending,
    Opened,
    Principal,
    Sessions,
)

from . import wire
from .microphone import Microphone, Transcriber

_log = logging.getLogger(__name__)
HELLO_SECONDS = 5.0
SEND_SECONDS = 20.0
"""A client that takes nothing for so long is given up: its turn would wait with it."""


class Lost(Exception):  # noqa: N818 - named for what happened
    """The other side is gone."""


class Socket(Protocol):
    """An accepted WebSocket."""

    async def receive(self) -> str | bytes:
        """The next message; raises Lost."""

    async def send(self, message: str | bytes) -> None:
        """Send a message, waiting for a slow reader; raises Lost."""

    async def close(self, code: int) -> None:
        """Close it; may be called when the other side is gone."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What every ``welcome`` of this process says."""

    sample_rate: int
    fps: int
    window_samples: int
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class Ended:
    """How a connection ends: its close code, and whether its session ends with it."""

    code: int
    forget: bool = False


GONE = Ended(1006)
BROKEN = Ended(4000)
BYE = Ended(1000, forget=True)
FAILED = Ended(1011)
ENDINGS: dict[Ending, Ended] = {
    "closed": Ended(1000),
    "replaced": Ended(4001),
    "idle": Ended(4002),
    "drained": Ended(1012),
}
"""How a conversation ends that its own side gave up."""


class Connection:
    """Runs one conversation over one socket. ``run`` returns when it is over; nothing is left."""

    def __init__(
        self,
        socket: Socket,
        sessions: Sessions,
        terms: Terms,
        transcriber: Transcriber | None = None,
        take: Callable[[Principal], Awaitable[None]] | None = None,
    ) -> None:
        self._socket = socket
        self._sessions = sessions
        self._terms = terms
        self._transcriber = transcriber
        self._take = take
        self._microphone = Microphone()
        self._asked: deque[wire.Say] = deque(maxlen=64)
        """Questions whose turn has not been announced yet."""
        self._understanding: asyncio.Task[None] | None = None

    async def run(self, *, ticket: str | None, principal: Principal | None) -> None:
        """Greet, converse, close. ``principal`` is the one of the connection, where it is known."""
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                message = await self._socket.receive()
            conversation = await self._greet(message, ticket, principal)
        except TimeoutError:
            await self._refuse(NotAuthenticated("hello did not come within 5 seconds"))
            return
        except RuntimeFault as fault:
            await self._refuse(fault)
            return
        except Lost:
            return
        await self._converse(conversation)

    async def _greet(
        self, message: str | bytes, ticket: str | None, principal: str | None
    ) -> Conversation:
        if not isinstance(message, str):
            raise wire.Malformed("The first message must be hello")
        hello = wire.decode(message)
        if not isinstance(hello, wire.Hello):
            raise wire.Malformed("The first message must be hello")
        if hello.version not in wire.VERSIONS:
            spoken = ", ".join(str(version) for version in wire.VERSIONS)
            raise wire.UnsupportedVersion(f"version {hello.version} is not spoken here: {spoken}")
        if hello.resume is not None:
            return await self._sessions.resume(hello.resume.session, hello.resume.token, principal)
        ticket = hello.ticket or ticket
        if ticket is None:
            raise NotAuthenticated("hello needs a ticket of POST /api/sessions, or resume")
        return await self._sessions.open(ticket, principal)

    async def _refuse(self, fault: RuntimeFault) -> None:
        try:
            await self._send(wire.dumps(wire.error(fault)))
            await self._socket.close(_close_code(fault))
        except Lost:
            return

    async def _converse(self, conversation: Conversation) -> None:
        ended = GONE
        try:
            await self._send(wire.dumps(self._welcome(conversation.opened)))
            ended = await self._first_end(conversation)
        except Lost:
            ended = GONE
        except Exception:  # noqa: BLE001 - whatever it is, it ends this connection only
            _log.exception("a conversation failed")
            ended = FAILED
        finally:
            await asyncio.shield(conversation.close(forget=ended.forget))
        if ended is not GONE:
            await self._socket.close(ended.code)

    async def _first_end(self, conversation: Conversation) -> Ended:
        """Run what hears and what tells until one of them says the end."""
        tasks = [
            asyncio.create_task(self._hear(conversation), name="hear"),
            asyncio.create_task(self._tell(conversation), name="tell"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(task for task in tasks if task in done).result()
        finally:
            ending = [task for task in (*tasks, self._understanding) if task is not None]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    async def _hear(self, conversation: Conversation) -> Ended:
        while True:
            message = await self._socket.receive()
            try:
                command = self._understood(message)
                if command is None:
                    continue
                if isinstance(command, wire.Bye):
                    return BYE
                await self._obey(conversation, command)
            except wire.Malformed as fault:
                await self._send(wire.dumps(wire.error(fault)))
                return BROKEN
            except RuntimeFault as fault:
                await self._send(wire.dumps(wire.error(fault)))

    def _understood(self, message: str | bytes) -> wire.Command | None:
        """The command of a message; sound is kept and gives none."""
        if isinstance(message, str):
            return wire.decode(message)
        if self._transcriber is None:
            raise wire.Malformed("Binary messages are sound, and no microphone is taken here")
        self._microphone.hear(wire.samples_of(message))
        return None

    async def _obey(self, conversation: Conversation, command: wire.Command) -> None:
        match command:
            case wire.Say():
                await self._say(conversation, command, counted=False)
            case wire.Played(type="interrupt", turn=turn, played=played):
                await conversation.interrupt(turn, played)
            case wire.Played(type="finished", turn=turn, played=played):
                await conversation.finished(turn, played)
            case wire.Played(turn=turn, played=played):
                conversation.credit(turn, played)
            case wire.Listen(state=state):
                await self._listen(conversation, start=state == "start")
            case wire.Ping():
                await self._send(wire.dumps(wire.PONG))
            case wire.Hello():
                raise wire.Malformed("hello was said before")
            case wire.Bye():
                return
            case _:
                assert_never(command)

    async def _say(self, conversation: Conversation, say: wire.Say, *, counted: bool) -> None:
        self._asked.append(say)
        try:
            if not counted:
                await self._count(conversation)
            await conversation.say(say.text)
        except RuntimeFault as fault:
            self._asked.remove(say)
            await self._send(wire.dumps(wire.error(fault, say.id)))

    async def _count(self, conversation: Conversation) -> None:
        """Count a question; raises Busy when it is one too many."""
        if self._take is not None:
            await self._take(conversation.opened.principal)

    async def _listen(self, conversation: Conversation, *, start: bool) -> None:
        if self._transcriber is None:
            raise BadInput("No microphone is taken here: type instead")
        if start:
            self._microphone.start()
            return
        if self._understanding is not None and not self._understanding.done():
            raise Busy("What you said before is still being understood: wait a moment")
        understanding = self._understand(conversation, self._transcriber, self._microphone.stop())
        self._understanding = asyncio.create_task(understanding, name="understand")

    async def _understand(
        self, conversation: Conversation, transcriber: Transcriber, pcm: bytes
    ) -> None:
        """Ask what was spoken; meanwhile the client goes on to be heard."""
        try:
            await self._count(conversation)
            text = await transcriber.transcribe(pcm) if pcm else ""
            if not text:
                raise BadInput("Nothing was understood: say it again")
            await self._say(conversation, wire.Say(type="say", text=text), counted=True)
        except RuntimeFault as fault:
            with suppress(Lost):
                await self._send(wire.dumps(wire.error(fault)))
        except Lost:
            return

    async def _tell(self, conversation: Conversation) -> Ended:
        async for event in conversation.events():
            if not isinstance(event, Replaced):
                await self._send(wire.encode(event, self._identity(event)))
        return ENDINGS[conversation.ended or "closed"]

    def _identity(self, event: Event) -> str | int | None:
        """The ``id`` of the question that a new turn answers."""
        if not isinstance(event, TurnStarted):
            return None
        for say in self._asked:
            if say.text.strip() == event.question.strip():
                self._asked.remove(say)
                return say.id
        return None

    async def _send(self, message: str | bytes) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.send(message)
        except TimeoutError:
            _log.info("a client took nothing for %d s and is given up", SEND_SECONDS)
            raise Lost from None

    def _welcome(self, opened: Opened) -> dict[str, object]:
        found: dict[str, object] = {
            "type": "welcome",
            "version": 1,
            "session": opened.session,
            "token": opened.token,
            "resumable": opened.resumable,
            "store": opened.store,
            "sampleRate": self._terms.sample_rate,
            "fps": self._terms.fps,
            "shapes": list(SHAPES),
            "windowSamples": self._terms.window_samples,
            "idleSeconds": self._terms.idle_seconds,
            "history": [{"role": one.role, "content": one.content} for one in opened.history],
            "input": {"speech": self._transcriber is not None},
            "pings": True,
        }
        if not opened.resumable or opened.reason:
            found["reason"] = opened.reason
        if opened.interrupted is not None:
            found["interrupted"] = {
                "question": opened.interrupted.question,
                "heardSamples": opened.interrupted.heard_samples,
            }
        return found


def _close_code(fault: RuntimeFault) -> int:
    match fault:
        case NotAuthenticated():
            return 4003
        case Busy() | Unavailable():
            return 1013
        case wire.Malformed() | wire.UnsupportedVersion() | BadInput() | TooLarge():
            return 4000
        case _:
            return 1011
