"""OpenAI-compatible ``/v1/models`` and ``/v1/chat/completions``."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from digital_human_runtime.errors import BadInput, NotFound, RuntimeFault
from digital_human_runtime.frames import Message
from digital_human_runtime.pipeline import Finish, read
from digital_human_runtime.settings.problems import cut

from . import problems, sse
from .chat import while_connected
from .measured import measured
from .requests import admitted, body_of
from .services import Services
from .usage import usage

STARTED = int(time.time())
_LONGEST = 2**20
"""Characters of an answer: ``max_tokens`` ends it long before, unless the model runs wild."""
_REFUSED = ("tools", "functions", "response_format", "audio", "logprobs")
_TEXT = {"type": "text"}
"""The one ``response_format``."""
_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}


class TextPart(BaseModel):
    """A part of a message; only text is understood."""

    type: Literal["text"]
    text: str


def _text(content: object) -> object:
    """The content as it is; ValueError in one sentence for what is no text."""
    parts = content if isinstance(content, list) else []
    texts = all(
        isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
        for part in parts
    )
    if isinstance(content, str) or (isinstance(content, list) and texts):
        return content
    raise ValueError('must be a text, or a list of parts {"type": "text", "text": "..."}')


class ChatMessage(BaseModel):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str | list[TextPart], BeforeValidator(_text)]

    @property
    def message(self) -> Message:
        """As the language model sees it."""
        parts = self.content
        text = parts if isinstance(parts, str) else "".join(part.text for part in parts)
        return Message(_ROLES[self.role], text)


class StreamOptions(BaseModel):
    """What a stream shall hold beside the answer."""

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """What OpenAI's clients send; settings of no effect here are taken and passed over."""

    model_config = ConfigDict(extra="allow")

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=1000)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1, le=65536)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=65536)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    n: Literal[1] | None = None

    @property
    def conversation(self) -> Sequence[Message]:
        """As the language model sees it."""
        return [one.message for one in self.messages]


def router(services: Services) -> APIRouter:
    """The endpoints of the language model."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/models")
    async def models(request: Request) -> Response:
        """The one model of this human."""
        await admitted(request, services)
        return JSONResponse({"object": "list", "data": [_model(services)]})

    @routes.get("/models/{name:path}")
    async def model(request: Request, name: str) -> Response:
        """The same, by its name."""
        await admitted(request, services)
        _check_name(name, services)
        return JSONResponse(_model(services))

    @routes.post("/chat/completions")
    async def completions(request: Request) -> Response:
        """Answer a conversation that the client keeps."""
        await admitted(request, services)
        asked = await body_of(request, CompletionRequest)
        _check(asked, services)
        head = {"id": f"chatcmpl-{uuid4().hex}", "created": int(time.time()), "model": asked.model}
        finish = Finish()
        pieces = measured(_pieces(services, asked, finish), services.metrics, "completions")
        if asked.stream:
            return sse.answer(_chunks(services, asked, head, await sse.begun(pieces), finish))
        text = "".join(await while_connected(request, _all(pieces)))
        message = {"role": "assistant", "content": text}
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": finish.reason,
            "logprobs": None,
        }
        whole = {**head, "object": "chat.completion", "choices": [choice]}
        counted = await usage(services.model, asked.conversation, text, services.metrics)
        return JSONResponse(whole if counted is None else {**whole, "usage": counted})

    return routes


def _model(services: Services) -> dict[str, Any]:
    name = services.model.name
    return {"id": name, "object": "model", "created": STARTED, "owned_by": "digital-human"}


def _check_name(name: str, services: Services) -> None:
    if name != services.model.name:
        raise NotFound(f"model {cut(name)!r} is not here: this is {services.model.name!r}")


def _check(asked: CompletionRequest, services: Services) -> None:
    _check_name(asked.model, services)
    more = asked.model_extra or {}
    found = [name for name in _REFUSED if more.get(name) and more[name] != _TEXT]
    if found:
        raise BadInput(f"{found[0]} is not supported: leave it out")
    if asked.stream_options is not None and not asked.stream:
        raise BadInput("stream_options is for stream: true: leave it out")


async def _pieces(
    services: Services, asked: CompletionRequest, finish: Finish
) -> AsyncGenerator[str]:
    """The answer; a place is held for as long as it is made."""
    most = asked.max_completion_tokens or asked.max_tokens or 512
    warmth = 0.7 if asked.temperature is None else asked.temperature
    limits = replace(services.limits, answer_characters=_LONGEST)
    async with services.turn():
        stream = services.model.stream(
            asked.conversation, max_tokens=most, temperature=warmth, finished=finish.tell
        )
        async with aclosing(read(stream, limits)) as pieces:
            async for piece in pieces:
                yield piece


async def _all(pieces: AsyncGenerator[str]) -> list[str]:
    async with aclosing(pieces):
        return [piece async for piece in pieces]


async def _chunks(
    services: Services,
    asked: CompletionRequest,
    head: dict[str, Any],
    pieces: AsyncGenerator[str],
    finish: Finish,
) -> AsyncGenerator[str]:
    """The chunks of an answer; one that fails ends with OpenAI's error and without ``[DONE]``."""
    said: list[str] = []
    yield _chunk(head, {"role": "assistant", "content": ""}, None)
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                said.append(piece)
                yield _chunk(head, {"content": piece}, None)
        yield _chunk(head, {}, finish.reason)
        if asked.stream_options is not None and asked.stream_options.include_usage:
            text = "".join(said)
            counted = await usage(services.model, asked.conversation, text, services.metrics)
            if counted is not None:
                last = {"object": "chat.completion.chunk", "choices": [], "usage": counted}
                yield sse.event({**head, **last})
    except RuntimeFault as fault:
        yield sse.event(problems.of_fault(fault))
        return
    yield "data: [DONE]\n\n"


def _chunk(head: dict[str, Any], delta: dict[str, Any], reason: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
    return sse.event({**head, "object": "chat.completion.chunk", "choices": [choice]})
