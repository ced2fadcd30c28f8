"""A server of the conversation protocol for tests of the page: what it says is made by rule."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from digital_human_runtime.frames import SHAPES
from digital_human_runtime.http_api.page import POLICY

from .speech import FPS, SAMPLE_RATE, captions, packets

WINDOW = 33075
SUBPROTOCOL = "digital-human.v1"
ANSWER = "Here is an answer of several words."


@dataclass
class Human:
    """What a test sets, and what the page did."""

    key: str | None = None
    seconds: float = 3.0
    speech_input: bool = False
    store: str = "redis"
    history: list[dict[str, str]] = field(default_factory=list)
    greets: bool = False
    """Begins with a turn that nobody asked for."""
    stall_after: int | None = None
    """Samples after which the sound of a turn does not come any more, until told to go on."""
    slow_sound: float = 0.0
    """Seconds that the part of the page for the audio thread takes to load."""
    silent_sessions: int = 0
    """So many requests for a ticket are taken and not answered."""
    forgets: bool = False
    """Knows no session that is to be taken up again."""
    finish: str = "stop"
    """Why its answers are over."""
    refuse: dict[str, Any] | None = None
    """An error frame that answers every question."""
    heard: list[dict[str, Any]] = field(default_factory=list)
    """Every message of the page."""
    sound: list[bytes] = field(default_factory=list)
    """What came from its microphone."""
    listens_since: float = 0.0
    """When it was told, on the monotonic clock, that the microphone opens."""
    hellos: list[dict[str, Any]] = field(default_factory=list)
    turn: int = 0
    connections: int = 0
    interrupted: dict[str, Any] | None = None
    socket: WebSocket | None = None
    loop: asyncio.AbstractEventLoop | None = None
    _speaking: asyncio.Task[None] | None = None
    _played: int = 0
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _flows: asyncio.Event = field(default_factory=asyncio.Event)

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The page's messages of one type."""
        return [message for message in self.heard if message["type"] == kind]

    def run(self, coroutine: Any) -> Any:
        """Run something in the server's loop from a test's thread."""
        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def send(self, message: dict[str, Any]) -> None:
        """Tell the page something."""
        assert self.socket is not None
        await self.socket.send_text(json.dumps(message))

    async def go_on(self) -> None:
        """Let the sound flow again."""
        self._flows.set()

    async def close(self, code: int) -> None:
        """Close the page's connection with a code of the protocol."""
        assert self.socket is not None
        self._stop()
        await self.socket.close(code)

    def _stop(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
        self._speaking = None

    async def serve(self, socket: WebSocket) -> None:
        """One connection from hello to its end."""
        self.loop = asyncio.get_running_loop()
        await socket.accept(SUBPROTOCOL)
        self.socket = socket
        self.connections += 1
        self.hellos.append(await socket.receive_json())
        if self.forgets and "resume" in self.hellos[-1]:
            await self.send({"type": "error", "code": "not_authenticated", "message": "Unknown."})
            await socket.close(4003)
            return
        await self.send(self._welcome())
        self.interrupted = None
        if self.greets:
            await self._say({"text": ""})
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await self._receive(await socket.receive())
        if self.socket is socket:
            self._stop()

    def _welcome(self) -> dict[str, Any]:
        return {
            "type": "welcome",
            "version": 1,
            "session": "a-session",
            "token": f"token-{self.connections}",
            "resumable": self.store == "redis",
            "store": self.store,
            "sampleRate": SAMPLE_RATE,
            "fps": FPS,
            "shapes": list(SHAPES),
            "windowSamples": WINDOW,
            "idleSeconds": 600,
            "history": self.history,
            "interrupted": self.interrupted,
            "input": {"speech": self.speech_input},
            "pings": True,
        }

    async def _receive(self, message: Any) -> None:
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect
        if message.get("text") is None:
            self.sound.append(message["bytes"])
        else:
            await self._take(json.loads(message["text"]))

    async def _take(self, message: dict[str, Any]) -> None:
        self.heard.append(message)
        kind = message["type"]
        if kind == "listen" and message["state"] == "start":
            self.listens_since = time.monotonic()
        if kind == "ping":
            await self.send({"type": "pong"})
        elif kind == "say":
            await self._say(message)
        elif kind == "credit" and message["turn"] == self.turn:
            self._played = message["played"]
            self._more.set()
        elif kind == "interrupt" and message["turn"] == self.turn:
            await self._end("interrupted", message["played"])

    async def _say(self, message: dict[str, Any]) -> None:
        if self.refuse is not None:
            await self.send({"type": "error", **self.refuse})
            return
        await self._end("interrupted", self._played)
        self.turn += 1
        self._played = 0
        self._speaking = asyncio.create_task(self._speak(message))

    async def _speak(self, message: dict[str, Any]) -> None:
        turn = self.turn
        question = {"type": "turn", "turn": turn, "question": message["text"]}
        await self.send({**question, "id": message.get("id")})
        await self.send({"type": "text", "turn": turn, "text": ANSWER})
        await self.send(captions(turn, ANSWER, self.seconds))
        assert self.socket is not None
        for last, data in packets(turn, self.seconds):
            while last > self._played + WINDOW:
                self._more.clear()
                await self._more.wait()
            if self.stall_after is not None and last > self.stall_after:
                await self._flows.wait()
            await self.socket.send_bytes(data)
        self._speaking = None
        total = int(self.seconds * SAMPLE_RATE)
        cut = {} if self.finish == "stop" else {"finishReason": self.finish}
        await self.send(self._ended("complete", total, ANSWER) | cut)

    async def _end(self, reason: str, played: int) -> None:
        if self._speaking is None:
            return
        self._stop()
        heard = ANSWER[: ANSWER.index(" ")] if played else ""
        await self.send(self._ended(reason, played, heard))

    def _ended(self, reason: str, samples: int, heard: str) -> dict[str, Any]:
        return {
            "type": "end",
            "turn": self.turn,
            "reason": reason,
            "samples": samples,
            "heard": heard,
        }


def application(human: Human, page: Path) -> FastAPI:
    """The routes that the page needs, with the page's own policy."""
    app = FastAPI()

    @app.post("/api/sessions")
    async def sessions(request: Request) -> Response:
        if human.silent_sessions:
            human.silent_sessions -= 1
            await asyncio.sleep(30)
        if human.key is not None and request.headers.get("authorization") != f"Bearer {human.key}":
            return JSONResponse({"title": "No key"}, 401)
        return JSONResponse({"session": "a-session", "ticket": "a-ticket", "expiresIn": 60})

    @app.websocket("/ws")
    async def conversation(socket: WebSocket) -> None:
        await human.serve(socket)

    @app.middleware("http")
    async def policy(request: Request, call_next: Any) -> Any:
        if request.url.path == "/worklet.js":
            await asyncio.sleep(human.slow_sound)
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    app.mount("/", StaticFiles(directory=page, html=True))
    return app
