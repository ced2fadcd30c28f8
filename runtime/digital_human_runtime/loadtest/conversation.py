"""A listener: opens a session as a browser does, asks, hears at the pace of speech, and checks."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from . import media
from .figures import Outcome
from .lips import Lips

CREDIT_SECONDS = 0.1
BUFFER_SECONDS = 0.12
"""What a listener buffers before the first sample is heard."""


class Refused(Exception):  # noqa: N818 - named for what happened
    """The server said no, in its own words."""


@dataclass(slots=True)
class Target:
    """Where the human is and who calls."""

    url: str
    websocket: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    timeout: float = 30.0

    @property
    def socket(self) -> str:
        """Address of the WebSocket; that of port 8000 unless another one was given."""
        if self.websocket:
            return self.websocket
        parts = urlsplit(self.url)
        return f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}/ws"


class Listener:
    """One connected session."""

    def __init__(self, socket: ClientConnection, welcome: dict[str, Any], timeout: float) -> None:
        self._socket, self.welcome, self._timeout = socket, welcome, timeout
        self._asked = 0

    async def ask(self, question: str, *, pace: float = 1.0) -> Outcome:
        """
        Ask and listen to the end.

        ``pace`` is the speed of listening: 1 hears in real time, 0 acknowledges everything at once.
        """
        began = time.perf_counter()
        self._asked += 1
        turn = _Turn(self.welcome, began, pace, identity=self._asked)
        await self._send({"type": "say", "text": question, "id": self._asked})
        credits_task = asyncio.create_task(self._credit(turn))
        try:
            async with asyncio.timeout(self._timeout):
                await self._listen(turn)
        except TimeoutError:
            return turn.failed(f"no end within {self._timeout:.0f} s")
        except ConnectionClosed as error:
            return turn.failed(f"{type(error).__name__}: {error}")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return turn.failed(f"not the protocol: {type(error).__name__}: {error}")
        finally:
            credits_task.cancel()
        await self._send({"type": "finished", "turn": turn.number, "played": turn.lips.samples})
        return turn.outcome()

    async def _listen(self, turn: _Turn) -> None:
        while not turn.ended:
            message = await self._socket.recv()
            if isinstance(message, bytes):
                turn.take(media.read(message))
            else:
                turn.told(json.loads(message))

    async def _credit(self, turn: _Turn) -> None:
        while True:
            await asyncio.sleep(CREDIT_SECONDS)
            if turn.number is not None:
                played = turn.played(time.perf_counter())
                await self._send({"type": "credit", "turn": turn.number, "played": played})

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send(json.dumps(message))


class _Turn:
    """What one turn has brought so far."""

    def __init__(
        self, welcome: dict[str, Any], began: float, pace: float, *, identity: int
    ) -> None:
        self._identity = identity
        self._rate = int(welcome["sampleRate"])
        self._began, self._pace = began, pace
        self.lips = Lips(self._rate, int(welcome["fps"]), list(welcome["shapes"]))
        self.number: int | None = None
        self.ended = False
        self._fault = ""
        self._first_text: float | None = None
        self._first_audio: float | None = None
        self._heard_from: float | None = None
        self._end = 0.0
        self._underruns = 0
        self._starved = False

    def told(self, message: dict[str, Any]) -> None:
        """Take a text message; other turns, such as a greeting that we cut off, do not matter."""
        kind = message.get("type")
        ours = message.get("id") == self._identity
        if kind == "error" and (ours or "id" not in message):
            self.ended, self._fault = True, str(message.get("code"))
        elif kind == "turn":
            self.number = int(message["turn"]) if ours else self.number
        elif message.get("turn") != self.number or self.number is None:
            return
        elif kind == "text" and self._first_text is None:
            self._first_text = time.perf_counter() - self._began
        elif kind == "end":
            self.ended, self._end = True, time.perf_counter()
            if message["reason"] != "complete":
                self._fault = str(message.get("code") or message["reason"])
            else:
                self.lips.end(int(message["samples"]))

    def take(self, frame: media.MediaFrame) -> None:
        """Take sound and faces."""
        if frame.turn != self.number:
            return
        now = time.perf_counter()
        if self._first_audio is None and len(frame.samples):
            self._first_audio = now - self._began
            self._heard_from = now + BUFFER_SECONDS
        self.played(now)
        self.lips.take(frame)
        self._starved = False

    def played(self, now: float) -> int:
        """Samples heard by now; a listener who has heard all that came is starved, once."""
        have = self.lips.samples
        if self._pace == 0 or self._heard_from is None:
            return have
        due = int((now - self._heard_from) * self._rate / self._pace)
        if due > have and not self.ended and have:
            self._underruns += not self._starved
            self._starved = True
            self._heard_from += (due - have) * self._pace / self._rate
        return max(0, min(due, have))

    def failed(self, fault: str) -> Outcome:
        """The outcome of a turn that did not end well."""
        return Outcome(False, time.perf_counter() - self._began, fault, marks=self.lips.marks)

    def outcome(self) -> Outcome:
        """The outcome of a turn that ended."""
        if self._fault:
            return self.failed(self._fault)
        silent = self.lips.samples == 0
        marks = self.lips.marks
        return Outcome(
            ok=not silent and not marks,
            seconds=self._end - self._began,
            fault="no sound" if silent else "; ".join(marks),
            first_text=self._first_text,
            first_audio=self._first_audio,
            audio_seconds=self.lips.samples / self._rate,
            underruns=self._underruns,
            marks=marks,
        )


@asynccontextmanager
async def listening(target: Target, client: httpx2.AsyncClient) -> AsyncIterator[Listener]:
    """A session from ticket to bye; Refused when the server has no room or does not know us."""
    answer = await client.post(f"{target.url}/api/sessions", headers=target.headers)
    if answer.status_code >= 400:
        raise Refused(f"HTTP {answer.status_code}")
    ticket = _ticket(answer)
    try:
        async with connect(
            target.socket,
            subprotocols=["digital-human.v1"],  # type: ignore[list-item]
            compression=None,
            max_size=1 << 20,
            open_timeout=target.timeout,
        ) as socket:
            await socket.send(json.dumps({"type": "hello", "version": 1, "ticket": ticket}))
            welcome = _welcome(await asyncio.wait_for(socket.recv(), target.timeout))
            yield Listener(socket, welcome, target.timeout)
            await socket.send(json.dumps({"type": "bye"}))
    except InvalidHandshake as error:
        raise Refused(str(error)) from error


def _ticket(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["ticket"])
    except (ValueError, KeyError, TypeError):
        raise Refused("no ticket in the answer: is it a runtime of ours?") from None


def _welcome(message: str | bytes) -> dict[str, Any]:
    """The first message, with all that a listener needs of it."""
    try:
        found: dict[str, Any] = json.loads(message)
        if found.get("type") == "error":
            raise Refused(str(found.get("code")))
        return {
            **found,
            "sampleRate": int(found["sampleRate"]),
            "fps": int(found["fps"]),
            "shapes": list(found["shapes"]),
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused("no welcome in the answer: is it a runtime of ours?") from None
