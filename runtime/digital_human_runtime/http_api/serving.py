"""ASGI servers of this process: sockets, TLS, and an end that waits for nobody for ever."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Collection, Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from .heads import Impatient

_log = logging.getLogger(__name__)
BACKLOG = 2048
PING_SECONDS = 20.0
LARGEST_MESSAGE = 65536
"""Bytes; beyond the protocol's own limit, so that this one is told in its words."""
DEAD_MILLISECONDS = 60_000
"""After which the kernel gives up a client that takes nothing."""
CLOSE_SECONDS = 5


class CannotListen(Exception):  # noqa: N818 - named for what happened
    """The address cannot be served."""


def check_certificate(cert: Path, key: Path) -> None:
    """Raise CannotListen when a certificate and its key cannot be served."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise CannotListen(
            f"TLS cannot be served with the certificate {cert} and the key {key}: {reason}"
        ) from None


def listen(address: str) -> socket.socket:
    """A socket at ``host:port``, bound but not yet open to callers; raises CannotListen."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_MILLISECONDS)
        found.bind((host, int(port)))
    except OSError as error:
        found.close()
        raise CannotListen(f"{address} cannot be served: {error.strerror}") from None
    return found


def _times(files: tuple[Path, Path] | None) -> tuple[int, ...]:
    """When the files were written; nothing while one of them is not there."""
    try:
        return tuple(file.stat().st_mtime_ns for file in files or ())
    except OSError:
        return ()


class AsgiServer(uvicorn.Server):
    """One server on one socket; signals are the process's business, not its own."""

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        *,
        tls: tuple[Path, Path] | None = None,
        proxies: Collection[str] = (),
    ) -> None:
        self._listener = listener
        self._up = asyncio.Event()
        self._tls = tls
        self._certified = _times(tls)
        super().__init__(
            uvicorn.Config(
                app,
                http=Impatient,
                ws="websockets-sansio",
                ws_max_size=LARGEST_MESSAGE,
                ws_ping_interval=PING_SECONDS,
                ws_ping_timeout=PING_SECONDS,
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=BACKLOG,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=list(proxies),
                timeout_graceful_shutdown=CLOSE_SECONDS,
                ssl_certfile=tls[0] if tls is not None else None,
                ssl_keyfile=tls[1] if tls is not None else None,
            )
        )

    @property
    def port(self) -> int:
        """Where it is."""
        number: int = self._listener.getsockname()[1]
        return number

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    def renew_certificate(self) -> None:
        """Take up a certificate that was renewed; a half-written one changes nothing."""
        found = _times(self._tls)
        if self._tls is None or found == self._certified or self.config.ssl is None:
            return
        try:
            self.config.ssl.load_cert_chain(*self._tls)
            self._certified = found
        except (OSError, ValueError) as error:
            _log.warning("the certificate cannot be read again: %s", type(error).__name__)

    async def up(self, serving: asyncio.Task[None]) -> None:
        """Return once callers are answered; raises what ``serving`` ended with before that."""
        waiting = asyncio.create_task(self._up.wait())
        await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            serving.result()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the socket to callers; raises CannotListen when another process was faster."""
        try:
            await super().startup(sockets)
        except OSError as error:
            host, port = self._listener.getsockname()[:2]
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            raise CannotListen(f"{address} cannot be served: {error.strerror}") from None
        self._up.set()

    async def run_until_stopped(self) -> None:
        """Serve until ``should_exit`` is set."""
        await self.serve(sockets=[self._listener])
