"""A server that speaks OpenAI's protocol on this machine, well or badly, as a test wants it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse

Behaviour = Literal[
    "normal",
    "silent",  # takes the request and never answers
    "stalls",  # says two words, then nothing more
    "cut",  # breaks the connection after two words
    "truncated",  # ends properly, but the model has not finished
    "error event",  # an error in the middle of the stream
    "empty",  # a complete answer without any text
    "html",
    "garbage",
    "429",
    "500",
    "400 context",
]


@dataclass
class Server:
    """How it behaves now, and what it has seen."""

    model: str = "tiny"
    key: str | None = None
    behaviour: Behaviour = "normal"
    words: Sequence[str] | None = None
    finish: str | None = None
    """Why its answers are over; None: as it is."""
    refused: Sequence[str] = ()
    """Parameters that it does not take."""
    behaviours: list[Behaviour] = field(default_factory=list)
    """Of the next requests, before ``behaviour`` applies again."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    open_streams: int = 0
    url: str = ""

    async def chat(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(body)
        self.authorizations.append(request.headers.get("authorization"))
        if self.key is not None and self.authorizations[-1] != f"Bearer {self.key}":
            return _error(401, "Incorrect API key provided")
        if body["model"] != self.model:
            return _error(404, f"The model `{body['model']}` does not exist")
        for parameter in self.refused:
            if parameter in body:
                return _error(400, f"Unsupported parameter: '{parameter}'", parameter)
        behaviour = self.behaviours.pop(0) if self.behaviours else self.behaviour
        if behaviour == "silent":
            return StreamingResponse(self._counted(_nothing()), media_type="text/event-stream")
        return _refusal(behaviour) or StreamingResponse(
            self._counted(self._events(behaviour, body)), media_type="text/event-stream"
        )

    async def _counted(self, events: AsyncIterator[str]) -> AsyncIterator[str]:
        self.open_streams += 1
        try:
            async for event in events:
                yield event
        finally:
            self.open_streams -= 1

    async def _events(self, behaviour: Behaviour, body: dict[str, Any]) -> AsyncIterator[str]:
        if behaviour == "garbage":
            yield "data: {not json\n\n"
            return
        words = self.words or f"You said: {body['messages'][-1]['content']} Well then.".split()
        words = [] if behaviour == "empty" else list(words)[: body.get("max_tokens", 100)]
        for number, word in enumerate(words):
            if number == 2 and behaviour in _BAD_ENDS:
                async for event in _bad_end(behaviour):
                    yield event
                return
            yield _chunk(word if number == 0 or self.words else f" {word}")
            await asyncio.sleep(0)
        reason = "length" if len(words) == body.get("max_tokens") else "stop"
        yield _chunk(None, self.finish or reason)
        yield "data: [DONE]\n\n"

    async def nothing_open(self) -> None:
        """Wait until every stream has ended on this side."""
        await until(lambda: not self.open_streams)


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something that no event tells of."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.005)


_BAD_ENDS = ("stalls", "cut", "truncated", "error event")


async def _bad_end(behaviour: Behaviour) -> AsyncIterator[str]:
    if behaviour == "stalls":
        await asyncio.Event().wait()
    if behaviour == "cut":
        raise ConnectionResetError
    if behaviour == "error event":
        yield 'data: {"error": {"message": "out of memory while saying secret words"}}\n\n'
    yield "data: [DONE]\n\n"


async def _nothing() -> AsyncIterator[str]:
    await asyncio.Event().wait()
    yield ""


def _refusal(behaviour: Behaviour) -> Response | None:
    if behaviour == "429":
        response = _error(429, "slow down")
        response.headers["Retry-After"] = "7"
        return response
    if behaviour == "500":
        return _error(500, "out of memory while saying secret words")
    if behaviour == "400 context":
        return _error(400, "This model's maximum context length is 4096 tokens")
    return HTMLResponse("<h1>It works!</h1>") if behaviour == "html" else None


def _error(status: int, message: str, param: str | None = None) -> Response:
    return JSONResponse({"error": {"message": message, "type": "error", "param": param}}, status)


def _chunk(content: str | None, finish_reason: str | None = None) -> str:
    delta = {} if content is None else {"role": "assistant", "content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "tiny",
        "choices": [choice],
    }
    return f"data: {json.dumps(chunk)}\n\n"


@asynccontextmanager
async def serving(server: Server | None = None) -> AsyncIterator[Server]:
    """Run it on a free port of this machine until the block ends."""
    server = server or Server()
    app = FastAPI()
    app.add_api_route("/v1/chat/completions", server.chat, methods=["POST"], response_model=None)

    @app.get("/v1/models", response_model=None)
    async def models(request: Request) -> Response:
        if (
            server.key is not None
            and request.headers.get("authorization") != f"Bearer {server.key}"
        ):
            return _error(401, "Incorrect API key provided")
        if server.behaviour == "silent":
            await asyncio.Event().wait()
        if server.behaviour == "500":
            return _error(500, "broken")
        model = {"id": server.model, "object": "model", "created": 1, "owned_by": "test"}
        return JSONResponse({"object": "list", "data": [model]})

    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    uvicorn_server = uvicorn.Server(config)
    task = asyncio.create_task(uvicorn_server._serve())
    await until(lambda: uvicorn_server.started)
    port = uvicorn_server.servers[0].sockets[0].getsockname()[1]
    server.url = f"http://127.0.0.1:{port}/v1"
    try:
        yield server
    finally:
        uvicorn_server.should_exit = True
        uvicorn_server.force_exit = True
        async with asyncio.timeout(10):
            await task
