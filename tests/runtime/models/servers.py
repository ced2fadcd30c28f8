"""Small real servers that hold a model: a web folder, a hub, both with faults on request."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from tests.support import loopback

COMMIT = "c0ffee" + "0" * 34
HOLD_SECONDS = 10.0


@dataclass
class Site:
    """What is served, and what goes wrong."""

    files: dict[str, bytes]
    fail_next: int = 0
    """So many downloads are answered with 503."""
    cut_next: int = 0
    """So many downloads break off in the middle."""
    ranges: bool = True
    token: str | None = None
    hold: int = 0
    """Parts wait until so many are under way at once, or no other comes; then all flow."""
    most: int = 0
    """Parts that were ever under way at once."""
    served: list[tuple[str, int, int]] = field(default_factory=list)
    """Path, start and length of every download that was answered whole."""

    _under_way: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def part(self) -> Iterator[None]:
        """One part is under way."""
        with self._changed:
            self._under_way += 1
            self.most = max(self.most, self._under_way)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self.hold, HOLD_SECONDS)
            self.hold = 0
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1

    @property
    def served_bytes(self) -> int:
        return sum(length for path, _, length in self.served if not path.endswith("SHA256SUMS"))


def sums(files: dict[str, bytes]) -> bytes:
    lines = [f"{hashlib.sha256(data).hexdigest()}  {path}" for path, data in files.items()]
    return "\n".join(lines).encode() + b"\n"


class Handler(BaseHTTPRequestHandler):
    """Answers for ``site``."""

    site: Site
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        if self.site.token and self.headers.get("Authorization") != f"Bearer {self.site.token}":
            return self._send(401, b"", body)
        if path.startswith("/api/models/"):
            return self._send(200, json.dumps(listing(self.site)).encode(), body)
        name = re.sub(r"^/(owner/name/resolve/[^/]+/)?", "", path)
        data = self.site.files.get(name)
        if data is None:
            return self._send(404, b"", body)
        if body and self.site.fail_next:
            self.site.fail_next -= 1
            return self._send(503, b"", body)
        if not (body and "Range" in self.headers):
            return self._send_file(name, data, body)
        with self.site.part():
            return self._send_file(name, data, body)

    def _send_file(self, name: str, data: bytes, body: bool) -> None:
        wanted = re.match(r"bytes=(\d+)-(\d+)$", self.headers.get("Range", ""))
        start, end = (int(wanted[1]), int(wanted[2]) + 1) if wanted else (0, len(data))
        if not self.site.ranges:
            start, end, wanted = 0, len(data), None
        piece = data[start:end]
        cut = body and self.site.cut_next > 0 and len(piece) > 1
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(piece)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if cut:
            self.site.cut_next -= 1
            self.wfile.write(piece[: len(piece) // 2])
            self.close_connection = True
        elif body:
            self.wfile.write(piece)
            self.site.served.append((name, start, len(piece)))

    def _send(self, code: int, data: bytes, body: bool) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)


@contextmanager
def serving(site: Site) -> Iterator[str]:
    """Serve a site on a free port; yield its address."""
    with loopback.serving(type("SiteHandler", (Handler,), {"site": site})) as address:
        yield address


def listing(site: Site) -> dict[str, object]:
    """What the hub says of a repository, with the digests of large files only."""
    return {
        "id": "owner/name",
        "sha": COMMIT,
        "siblings": [
            {
                "rfilename": name,
                "size": len(data),
                "blobId": hashlib.sha1(data).hexdigest(),  # noqa: S324 - as git names blobs
                **(
                    {
                        "lfs": {
                            "sha256": hashlib.sha256(data).hexdigest(),
                            "size": len(data),
                            "pointerSize": 134,
                        }
                    }
                    if name.endswith(".safetensors")
                    else {}
                ),
            }
            for name, data in site.files.items()
        ],
    }
