"""Callers of a human as they come to its Service: HTTP, WebSocket and gRPC."""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import websockets

SUBPROTOCOL = "digital-human.v1"
SECONDS = 30.0
_HEADER = struct.Struct("<BBHIQIIII")


@dataclass
class Answer:
    """What came of one question."""

    text: str = ""
    samples: int = 0
    frames: int = 0
    reason: str = ""


@dataclass
class Conversation:
    """A connection that holds a session."""

    socket: Any
    welcome: dict[str, Any]
    told: list[dict[str, Any]] = field(default_factory=list)

    @property
    def token(self) -> str:
        """What resumes it now."""
        tokens = [one["token"] for one in self.told if one["type"] in {"token", "drain"}]
        return str(tokens[-1] if tokens else self.welcome["token"])

    async def say(self, text: str) -> Answer:
        """Ask, hear the answer to its end; raises ConnectionClosed when the Pod goes."""
        await self.socket.send(json.dumps({"type": "say", "text": text}))
        answer = Answer()
        while not answer.reason:
            self._take(answer, message := await self.socket.recv())
            if isinstance(message, bytes):
                await self._heard(message)
        turn = self.told[-1]["turn"]
        finished = {"type": "finished", "turn": turn, "played": answer.samples}
        await self.socket.send(json.dumps(finished))
        return answer

    async def begin(self, text: str) -> None:
        """Ask, and return in the middle of the answer: when its first sound is here."""
        await self.socket.send(json.dumps({"type": "say", "text": text}))
        while not isinstance(message := await self.socket.recv(), bytes):
            self.note(message)

    def note(self, message: str | bytes) -> None:
        """Remember what the runtime says by itself, such as a token."""
        if isinstance(message, str):
            self.told.append(json.loads(message))

    def _take(self, answer: Answer, message: str | bytes) -> None:
        if isinstance(message, bytes):
            _, _, _, _, _, samples, _, frames, _ = _HEADER.unpack_from(message)
            answer.samples += samples
            answer.frames += frames
            return
        told = json.loads(message)
        self.told.append(told)
        if told["type"] == "text":
            answer.text += told["text"]
        if told["type"] == "error":
            raise AssertionError(f"the runtime said {told}")
        if told["type"] == "end":
            answer.reason = told["reason"]

    async def _heard(self, media: bytes) -> None:
        """Say that the sound was played, at once, so that more of it comes."""
        _, _, _, turn, first, samples, _, _, _ = _HEADER.unpack_from(media)
        credit = {"type": "credit", "turn": turn, "played": first + samples}
        await self.socket.send(json.dumps(credit))


@dataclass(frozen=True)
class Caller:
    """Somebody who knows the address of a Service or a Pod."""

    host: str
    http: int = 80
    key: str = ""

    @property
    def _headers(self) -> dict[str, str]:
        return {"X-API-Key": self.key} if self.key else {}

    async def chat(self, message: str) -> str:
        """One question over HTTP."""
        answer = await self._post("/api/chat", {"message": message})
        return str(answer["response"])

    async def ticket(self) -> str:
        """What opens a conversation."""
        return str((await self._post("/api/sessions", {}))["ticket"])

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"http://{self.host}:{self.http}{path}"
        async with httpx2.AsyncClient(timeout=SECONDS, headers=self._headers) as client:
            answer = await client.post(url, json=body)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
            return found

    @asynccontextmanager
    async def conversation(
        self, resume: dict[str, str] | None = None
    ) -> AsyncIterator[Conversation]:
        """Open a conversation, or resume one of ``{"session": ..., "token": ...}``."""
        hello: dict[str, Any] = {"type": "hello", "version": 1}
        hello |= {"resume": resume} if resume else {"ticket": await self.ticket()}
        url = f"ws://{self.host}:{self.http}/ws"
        async with websockets.connect(
            url,
            subprotocols=[websockets.Subprotocol(SUBPROTOCOL)],
            max_size=None,
            open_timeout=SECONDS,
            additional_headers=self._headers,
        ) as socket:
            await socket.send(json.dumps(hello))
            welcome = json.loads(await socket.recv())
            assert welcome["type"] == "welcome", welcome
            yield Conversation(socket, welcome)
