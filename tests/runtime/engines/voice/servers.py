"""Servers that speak tones, well or badly, over HTTP: OpenAI's way and Piper's."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse

from tests.runtime.support.waiting import eventually

Behaviour = Literal[
    "normal",
    "odd",  # bytes come in pieces of an odd length
    "silent",  # takes the request and never answers
    "stalls",  # says something, then nothing more
    "cut",  # breaks the connection
    "empty",
    "html",
    "wav",  # a file where bare PCM was asked for
    "8000",  # says another rate
    "1000",  # says a rate that no voice has
    "formless",  # a WAV file that says nothing of its sound
    "stereo",
    "mp3",
    "429",
    "500",
    "old",  # Piper before it had a web page
]
SAMPLES_A_CHARACTER = 1200
PIPER_MEDIUM, PIPER_LOW = "en_US-tone-medium", "en_US-tone-low"


def pitch(text: str) -> int:
    """Of the tone of a text, in hertz."""
    return 200 + sum(text.encode("utf-8", "replace")) % 700


def tone(text: str, rate: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A tone for each text, as long as the text, with silence around it."""
    length = SAMPLES_A_CHARACTER * len(text)
    wave_ = np.sin(2 * np.pi * pitch(text) * np.arange(length) / rate) * 8000
    around = np.zeros(rate // 20)
    return np.concatenate([around, wave_, around]).astype(np.int16)


@dataclass
class Server:
    """How it behaves now, and what it has seen."""

    rate: int = 24000
    behaviour: Behaviour = "normal"
    key: str | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    open_streams: int = 0
    url: str = ""

    async def nothing_open(self) -> None:
        """Wait until every answer has ended on this side."""
        await eventually(lambda: not self.open_streams)

    async def openai_speech(self, request: Request) -> Response:
        refusal = await self._refuses(request)
        if refusal is not None:
            return refusal
        order = self.requests[-1]
        pcm = tone(order["input"], self.rate).astype("<i2").tobytes()
        if self.behaviour == "wav":
            pcm = wav(pcm, self.rate)
        rate = 8000 if self.behaviour == "8000" else self.rate
        kind = f"audio/pcm;rate={rate}"
        return StreamingResponse(self._counted(self._pieces(pcm)), media_type=kind)

    async def piper_speech(self, request: Request) -> Response:
        refusal = await self._refuses(request)
        if refusal is not None:
            return refusal
        if self.behaviour == "old" and request.url.path != "/":
            return JSONResponse({"detail": "Not Found"}, 404)
        order = self.requests[-1]
        rate = self.voices()[order.get("voice", PIPER_MEDIUM)]["audio"]["sample_rate"]
        pcm = tone(order["text"].strip(), rate).astype("<i2").tobytes()
        body = self._file(pcm, rate)
        return StreamingResponse(
            self._counted(self._pieces(body + b"LIST\x04\x00\x00\x00abcd")), media_type="audio/wav"
        )

    def _file(self, pcm: bytes, rate: int) -> bytes:
        """A WAV file, or what a broken server takes for one."""
        if self.behaviour == "mp3":
            return b"ID3 and so on"
        if self.behaviour == "formless":
            return b"RIFF\x00\x00\x00\x00WAVEdata\x04\x00\x00\x00abcd"
        told = 1000 if self.behaviour == "1000" else rate
        return wav(pcm, told, 2 if self.behaviour == "stereo" else 1)

    def voices(self) -> dict[str, Any]:
        """As Piper lists them."""
        return {
            PIPER_MEDIUM: {"audio": {"sample_rate": self.rate}},
            PIPER_LOW: {"audio": {"sample_rate": 16000}},
        }

    async def _refuses(self, request: Request) -> Response | None:
        self.requests.append(await request.json())
        self.paths.append(request.url.path)
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse({"error": {"message": "bad key sk-secret"}}, 401)
        if self.behaviour in {"429", "500"}:
            said = {"error": {"message": "no: secret words"}}
            return JSONResponse(said, int(self.behaviour))
        if self.behaviour == "silent":
            await self._until_gone(request)
        return HTMLResponse("<h1>It works!</h1>") if self.behaviour == "html" else None

    async def _until_gone(self, request: Request) -> None:
        self.open_streams += 1
        try:
            while (await request.receive())["type"] != "http.disconnect":
                pass
        finally:
            self.open_streams -= 1

    async def _counted(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self.open_streams += 1
        try:
            async for piece in pieces:
                yield piece
        finally:
            self.open_streams -= 1

    async def _pieces(self, body: bytes) -> AsyncIterator[bytes]:
        size = {"odd": 1237, "normal": 4800}.get(self.behaviour, 4800)
        if self.behaviour == "empty":
            return
        for number, at in enumerate(range(0, len(body), size)):
            if number == 2 and self.behaviour == "stalls":
                await asyncio.Event().wait()
            if number == 2 and self.behaviour == "cut":
                raise ConnectionResetError
            yield body[at : at + size]
            await asyncio.sleep(0)


def wav(pcm: bytes, rate: int, channels: int = 1) -> bytes:
    """A WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return buffer.getvalue()


@asynccontextmanager
async def serving(server: Server, port: int = 0) -> AsyncIterator[Server]:
    """Run it on a port of this machine, a free one without a number, until the block ends."""
    app = FastAPI()
    app.add_api_route("/v1/audio/speech", server.openai_speech, methods=["POST"])
    app.add_api_route("/synthesize", server.piper_speech, methods=["POST"])
    app.add_api_route("/", server.piper_speech, methods=["POST"])
    app.add_api_route("/voices", server.voices)
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical", lifespan="off")
    runner = uvicorn.Server(config)
    task = asyncio.create_task(runner._serve())
    await eventually(lambda: runner.started)
    server.url = f"http://127.0.0.1:{runner.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        runner.should_exit = True
        runner.force_exit = True
        async with asyncio.timeout(10):
            await task
