"""Errors as problem documents (RFC 9457); for OpenAI's clients with their ``error`` beside it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from digital_human_runtime.errors import RuntimeFault

_log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
NOTHING = "There is nothing at this path: /openapi.json lists what there is"
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def document(status: int, code: str, detail: str, retry_after: float | None) -> dict[str, Any]:
    """The body of a problem; ``code`` is the word that the WebSocket uses too."""
    found: dict[str, Any] = {
        "type": f"urn:digital-human:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "error": {"message": detail, "type": _openai_type(status), "param": None, "code": code},
    }
    return found if retry_after is None else {**found, "retryAfter": retry_after}


def of_fault(fault: RuntimeFault) -> dict[str, Any]:
    """The body of a problem for an error of ours."""
    return document(fault.status, fault.code, fault.message, fault.retry_after)


def response(status: int, code: str, detail: str, retry_after: float | None = None) -> JSONResponse:
    """The whole answer, with Retry-After and WWW-Authenticate where they belong."""
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    body = document(status, code, detail, retry_after)
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI, failed: Callable[[str], None] = lambda _code: None) -> None:
    """Let every error of an app be such a document; ``failed`` is told of our own mistakes."""

    async def of_bug(request: Request, error: Exception) -> Response:
        failed("internal")
        _log.error("a request to %s failed", request.url.path, exc_info=error)
        return response(500, "internal", "Something went wrong here; it is in the log.")

    app.add_exception_handler(RuntimeFault, _of_fault)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(Exception, of_bug)


async def _of_fault(_request: Request, fault: Exception) -> Response:
    assert isinstance(fault, RuntimeFault)  # noqa: S101 - what it is registered for
    return response(fault.status, fault.code, fault.message, fault.retry_after)


async def _of_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    code = _CODES.get(error.status_code, "http_error")
    unsaid = error.detail == HTTPStatus.NOT_FOUND.phrase  # as the framework has it
    found = response(error.status_code, code, NOTHING if unsaid else str(error.detail))
    found.headers.update(error.headers or {})  # such as Allow
    return found


async def _of_validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "The request"
    return response(400, "bad_input", f"{where}: {first['msg']}")


def _openai_type(status: int) -> str:
    if status == HTTPStatus.UNAUTHORIZED:
        return "authentication_error"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "invalid_request_error" if status < 500 else "server_error"
