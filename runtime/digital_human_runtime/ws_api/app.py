"""The WebSocket application: Origin first, then the conversation. The same on 8080 and at /ws."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from digital_human_runtime.access.gate import ANONYMOUS, Gate
from digital_human_runtime.access.origins import allowed
from digital_human_runtime.access.rates import Rates
from digital_human_runtime.errors import NotAuthenticated
from digital_human_runtime.http_api.problems import response
from digital_human_runtime.session.conversation import Principal, Sessions

from . import wire
from .connection import Connection, Lost, Terms
from .microphone import Transcriber


class WebSocketApp:
    """An ASGI application that holds one conversation a connection."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        terms: Terms,
        gate: Gate,
        rates: Rates,
        origins: Collection[str] = (),
        transcriber: Transcriber | None = None,
    ) -> None:
        self._sessions = sessions
        self._terms = terms
        self._gate = gate
        self._rates = rates
        self._origins = origins
        self._transcriber = transcriber

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; an HTTP request is told what this port is for."""
        if scope["type"] == "http":
            await _plain()(scope, receive, send)
            return
        if scope["type"] != "websocket":
            return
        websocket = WebSocket(scope, receive, send)
        headers = dict(websocket.headers.items())
        if not allowed(headers.get("origin"), headers.get("host"), self._origins):
            await websocket.send_denial_response(
                response(403, "origin", "Pages of this origin may not connect here")
            )
            return
        try:
            principal = self._gate.known(headers)
        except NotAuthenticated as fault:
            await websocket.send_denial_response(response(401, fault.code, fault.message))
            return
        await self._converse(websocket, principal)

    async def _converse(self, websocket: WebSocket, principal: str | None) -> None:
        offered = websocket.scope.get("subprotocols", [])
        spoken = wire.SUBPROTOCOL if wire.SUBPROTOCOL in offered else None
        await websocket.accept(spoken)
        connection = Connection(
            _Accepted(websocket),
            self._sessions,
            self._terms,
            self._transcriber,
            partial(self._take, websocket.client.host if websocket.client else "unknown"),
        )
        known = None if principal == ANONYMOUS else principal
        await connection.run(ticket=wire.ticket_of(offered), principal=known)

    async def _take(self, address: str, principal: Principal) -> None:
        """Count a question of whoever the session belongs to; where nobody is known, by address."""
        await self._rates.take(f"say:{address if principal == ANONYMOUS else principal}")


class _Accepted:
    """An accepted WebSocket of the ASGI server."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._closed = False

    async def receive(self) -> str | bytes:
        """The next message; raises Lost."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            self._closed = True
            raise Lost
        text: str | None = message.get("text")
        return text if text is not None else bytes(message.get("bytes") or b"")

    async def send(self, message: str | bytes) -> None:
        """Send a message; raises Lost."""
        if self._closed:
            raise Lost
        try:
            if isinstance(message, str):
                await self._websocket.send_text(message)
            else:
                await self._websocket.send_bytes(message)
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            self._closed = True
            raise Lost from error

    async def close(self, code: int) -> None:
        """Close it, unless the other side did."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._websocket.close(code)
        except (WebSocketDisconnect, RuntimeError, OSError):
            return


def _plain() -> Response:
    answer = response(
        426, "upgrade_required", "This address speaks WebSocket: connect to it with one"
    )
    answer.headers["Upgrade"] = "websocket"
    return answer
