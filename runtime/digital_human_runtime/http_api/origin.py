"""What pages of other origins may do on port 8000: those on the allow-list as much as a program."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from digital_human_runtime.access.origins import allowed

from .problems import response

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_PREFLIGHT_SECONDS = 600


def install(app: FastAPI, listed: Collection[str]) -> None:
    """
    Refuse what pages of foreign origins send, and answer their preflights for those on the list.

    The same list as for the WebSocket. Keys and tokens come in headers that a page sets itself,
    so no credentials of the browser are allowed along.
    """
    app.add_middleware(OriginGuard, listed=listed)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[origin.lower() for origin in listed],
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-API-Key"],
        expose_headers=["Retry-After", "X-Sample-Rate"],
        max_age=_PREFLIGHT_SECONDS,
    )


class OriginGuard:
    """
    ASGI middleware: a request that changes something, from a foreign page, is answered with 403.

    A browser sends a simple POST without asking, and only hides the answer from the page: without
    this any page that somebody visits could keep a human of their network busy.
    """

    def __init__(self, app: ASGIApp, listed: Collection[str]) -> None:
        self._app = app
        self._listed = listed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is welcome; WebSockets are looked at where they are accepted."""
        if scope["type"] == "http" and scope["method"] not in _READING:
            headers = Headers(scope=scope)
            if not allowed(headers.get("origin"), headers.get("host"), self._listed):
                refusal = response(403, "origin", "Pages of this origin may not send requests here")
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)
