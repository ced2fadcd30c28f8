"""A client of the conversation protocol, for tests: it hears at once and gives credit for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import websockets

from digital_human_runtime.frames import Media, Samples
from digital_human_runtime.ws_api import wire
from tests.runtime.support.serving import Running


class Client:
    """One connection."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.welcome: dict[str, Any] = {}
        self.token = ""
        self.played = 0
        self.sound: list[Samples] = []

    async def send(self, kind: str, **fields: Any) -> None:
        """Send a message."""
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def hello(self, **fields: Any) -> dict[str, Any]:
        """Greet, and return the welcome."""
        await self.send("hello", version=1, **fields)
        self.welcome = await self.text()
        self.token = self.welcome.get("token", "")
        return self.welcome

    async def next(self) -> dict[str, Any] | Media:
        """The next message; sound is taken as heard at once."""
        message = await self.socket.recv()
        if isinstance(message, bytes):
            media = wire.unpack(message)
            self.sound.append(media.samples)
            self.played = media.first_sample + len(media.samples)
            await self.send("credit", turn=media.turn, played=self.played)
            return media
        found: dict[str, Any] = json.loads(message)
        if found["type"] in {"token", "drain"}:
            self.token = found.get("token", self.token)
        return found

    async def text(self) -> dict[str, Any]:
        """The next text message."""
        while True:
            found = await self.next()
            if not isinstance(found, Media):
                return found

    async def until(self, kind: str) -> dict[str, Any]:
        """The next message of a kind; those before it are dropped."""
        while True:
            found = await self.text()
            if found["type"] == kind:
                return found

    async def ask(self, text: str, **fields: Any) -> tuple[list[dict[str, Any]], list[Media]]:
        """Ask, hear all of the answer and say so: its text messages and its media."""
        await self.send("say", text=text, **fields)
        texts: list[dict[str, Any]] = []
        media: list[Media] = []
        while not texts or texts[-1]["type"] != "end":
            found = await self.next()
            if isinstance(found, Media):
                media.append(found)
            else:
                texts.append(found)
        await self.send("finished", turn=texts[-1]["turn"], played=self.played)
        return texts, media

    async def closed(self) -> int | None:
        """The code that it is closed with, whatever comes before."""
        try:
            while True:
                await self.next()
        except websockets.ConnectionClosed:
            return self.socket.close_code


def whole(media: list[Media]) -> Samples:
    """All sound of an answer; fails when there is a gap or an overlap."""
    at = frame = 0
    for one in media:
        assert one.first_sample == at
        assert one.first_frame == frame
        at += len(one.samples)
        frame += len(one.weights)
    return np.concatenate([one.samples for one in media])


@asynccontextmanager
async def socket(
    served: Running, path: str = "websocket", **options: Any
) -> AsyncIterator[websockets.ClientConnection]:
    """An open WebSocket: on the port of its own, or with ``path`` /ws on that of HTTP."""
    url = served.url("websocket", "ws") if path == "websocket" else served.url("http", "ws") + path
    told: dict[str, Any] = {"subprotocols": [wire.SUBPROTOCOL], "open_timeout": 10} | options
    async with websockets.connect(url, **told) as found:
        yield found


@asynccontextmanager
async def talking(
    served: Running, path: str = "websocket", **options: Any
) -> AsyncIterator[Client]:
    """A client that was welcomed to a session of its own."""
    ticket = (await served.client.post("/api/sessions")).json()["ticket"]
    async with socket(served, path, **options) as found:
        client = Client(found)
        assert (await client.hello(ticket=ticket))["type"] == "welcome"
        yield client
