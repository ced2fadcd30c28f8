"""``POST /api/sessions`` and ``POST /api/chat``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from digital_human_runtime.errors import RuntimeFault
from digital_human_runtime.session.conversation import ChatDone

from . import problems, sse
from .measured import measured
from .requests import ClientGone, admitted, body_of
from .services import Services

Pieces = AsyncGenerator[str | ChatDone]
Result = TypeVar("Result")


class ChatRequest(BaseModel):
    """A question in text."""

    model_config = ConfigDict(extra="forbid", strict=True)

    message: Annotated[str, Field(min_length=1)]
    session: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """An earlier answer's: the conversation goes on."""
    stream: bool = False
    """Server-sent events: ``delta`` with pieces of text, then ``done``, or ``error``."""


class ChatAnswer(BaseModel):
    """The answer in text, and the data of the event ``done``."""

    session: str
    response: str
    finishReason: Literal["length", "content_filter"] | None = None  # noqa: N815 - as in the protocol
    """Absent where the answer is whole: it was cut at its longest, or kept back by a server."""

    @classmethod
    def of(cls, done: ChatDone) -> ChatAnswer:
        """What a client is told of the end of an answer."""
        cut = None if done.finish == "stop" else done.finish
        return cls(session=done.session, response=done.text, finishReason=cut)

    def told(self) -> dict[str, str]:
        """As JSON."""
        return self.model_dump(exclude_none=True)


class SessionAnswer(BaseModel):
    """What opens one WebSocket, once."""

    session: str
    ticket: str
    expiresIn: float  # noqa: N815 - its name in the protocol


def router(services: Services) -> APIRouter:
    """Both endpoints."""
    routes = APIRouter(prefix="/api")

    @routes.post("/sessions", response_model=SessionAnswer, status_code=201)
    async def open_session(request: Request) -> Response:
        """Admit a conversation by WebSocket."""
        ticket = await services.sessions.ticket(await admitted(request, services))
        body = SessionAnswer(
            session=ticket.session, ticket=ticket.ticket, expiresIn=ticket.expires_seconds
        )
        return JSONResponse(body.model_dump(), 201, {"Cache-Control": "no-store"})

    @routes.post("/chat", response_model=ChatAnswer, openapi_extra=_body(ChatRequest))
    async def chat(request: Request) -> Response:
        """Answer a question in text, as JSON or as server-sent events."""
        principal = await admitted(request, services)
        asked = await body_of(request, ChatRequest)
        answer = services.sessions.chat(principal, asked.message, asked.session)
        pieces = measured(answer, services.metrics, "chat")
        if asked.stream or "text/event-stream" in request.headers.get("accept", ""):
            return sse.answer(_events(await sse.begun(pieces)))
        done = await while_connected(request, _whole(pieces))
        return JSONResponse(ChatAnswer.of(done).told(), headers={"Cache-Control": "no-store"})

    return routes


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Do ``work`` unless the client goes away before: nobody would read the answer."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone("The client went away")
        return task.result()
    finally:
        for one in (task, gone):
            one.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _whole(pieces: Pieces) -> ChatDone:
    done: ChatDone | None = None
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, ChatDone):
                done = piece
    if done is None:
        raise RuntimeFault("The answer has no end; ask again.")
    return done


async def _events(pieces: Pieces) -> AsyncGenerator[str]:
    async with aclosing(pieces):
        try:
            async for piece in pieces:
                if isinstance(piece, ChatDone):
                    yield sse.event(ChatAnswer.of(piece).told(), "done")
                else:
                    yield sse.event({"text": piece}, "delta")
        except RuntimeFault as fault:
            yield sse.event(problems.of_fault(fault), "error")


def _body(model: type[BaseModel]) -> dict[str, Any]:
    """What /docs shows: the body is read by hand, whatever its Content-Type."""
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
