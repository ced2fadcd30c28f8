"""Taking requests apart: who calls, how often, how much, and what they say."""

from __future__ import annotations

import asyncio
import json
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digital_human_runtime.errors import BadInput, RuntimeFault, TimedOut, TooLarge
from digital_human_runtime.settings.problems import sentences

from .problems import response
from .services import Services

BODY_SECONDS = 20.0
"""For a body to come: a request that stalls holds a connection, and in drain the process."""
Model = TypeVar("Model", bound=BaseModel)


async def body_of(request: Request, model: type[Model]) -> Model:
    """
    The JSON body, whatever its Content-Type says: ``curl -d`` says form data.

    Raises BadInput with a sentence that names the field, TimedOut when it does not come.
    """
    try:
        found = json.loads(await _raw(request))
        # A lone surrogate, which JSON can write, has no UTF-8: nothing could send or store it.
        json.dumps(found, ensure_ascii=False).encode()
        if not isinstance(found, dict):
            raise BadInput("The body must be a JSON object")
        return model.model_validate(found)
    except ValidationError as error:
        raise BadInput("; ".join(sentences(error, model, str))) from None
    except UnicodeEncodeError:
        raise BadInput("The body holds half of a character: an escape such as \\ud800") from None
    except (ValueError, RecursionError):
        raise BadInput("The body is not JSON") from None


class ClientGone(RuntimeFault):
    """Nobody reads this: it only ends the request (nginx logs such as 499)."""

    code = "client_gone"
    status = 408


async def _raw(request: Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.body()
    except ClientDisconnect:
        raise ClientGone("The client went away") from None
    except TimeoutError:
        raise TimedOut(f"The body did not come within {BODY_SECONDS:g} s: send it again") from None


async def admitted(request: Request, services: Services) -> str:
    """The principal of a request that may go on; raises NotAuthenticated or Busy."""
    address = request.client.host if request.client else "unknown"
    try:
        principal = services.gate.principal(dict(request.headers.items()))
    except Exception:
        await services.rates.take(f"refused:{address}")  # guessing is slow
        raise
    await services.rates.take(f"{principal}:{address}" if principal == "anonymous" else principal)
    return principal


class BodyLimit:
    """ASGI middleware: a body that is larger than ``limit`` bytes is answered with 413."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what comes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = 0
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._limit:
            await self._refusal()(scope, receive, send)
            return

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limit:
                raise TooLarge(self._sentence)
            return message

        await self._app(scope, counted, send)

    @property
    def _sentence(self) -> str:
        return f"The body is larger than {self._limit} bytes"

    def _refusal(self) -> ASGIApp:
        return response(TooLarge.status, TooLarge.code, self._sentence)
