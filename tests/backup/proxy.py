"""A reverse proxy in front of an S3-compatible service, with faults on request."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.support.loopback import serving


@dataclass
class Faults:
    """What goes wrong, and what was asked for."""

    errors: list[tuple[int, str]] = field(default_factory=list)
    """Answers, status and S3 code, to the next requests, in place of the service's."""
    always: tuple[int, str] | None = None
    """The answer to every request."""
    cut: int = 0
    """So many answers to GET of an object break off in the middle."""
    spoil: int = 0
    """So many bodies are passed on with another first byte."""
    at: Callable[[int, str, str], None] = lambda number, method, path: None
    """Called before each request is passed on, with its number from 0."""
    dropped: frozenset[str] = frozenset()
    """Headers of requests, in lower case, that do not arrive."""
    requests: list[str] = field(default_factory=list)
    sent: int = 0
    """Bytes of the bodies that arrived here."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Handler(BaseHTTPRequestHandler):
    """Passes on everything, headers as they are, so that signatures stay right."""

    faults: Faults
    upstream: str
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.faults.lock:
            number = len(self.faults.requests)
            self.faults.requests.append(f"{self.command} {self.path}")
            self.faults.sent += len(body)
            if body and self.faults.spoil > 0:
                self.faults.spoil -= 1
                body = bytes([body[0] ^ 1]) + body[1:]
            fault = self.faults.errors.pop(0) if self.faults.errors else self.faults.always
        self.faults.at(number, self.command, self.path)
        if fault is not None:
            return self._refuse(*fault)
        upstream = http.client.HTTPConnection(self.upstream, timeout=30)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"connection", "expect"} | self.faults.dropped:
                    upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            return self._answer(answer, answer.read())
        finally:
            upstream.close()

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _pass_on  # noqa: N815 - http.server's names

    def _answer(self, answer: http.client.HTTPResponse, data: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with self.faults.lock:
            cut = self.command == "GET" and "list-type" not in self.path and self.faults.cut > 0
            self.faults.cut -= cut
        if cut:
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
        elif self.command != "HEAD":
            self.wfile.write(data)

    def _refuse(self, status: int, code: str) -> None:
        data = f"<Error><Code>{code}</Code><Message>said so</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@contextlib.contextmanager
def proxy(upstream: str) -> Iterator[tuple[str, Faults]]:
    """A proxy in front of ``upstream``; yields its address and its faults."""
    faults = Faults()
    words = {"faults": faults, "upstream": urlsplit(upstream).netloc}
    with serving(type("ProxyHandler", (Handler,), words)) as address:
        yield address, faults
