"""The avatar page: static files with a strict policy, and a clear word where it is not built."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self';"
    " style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self';"
    " connect-src 'self' blob: data:; manifest-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""Nothing from elsewhere. Heads that a user brings have textures as blobs, and decoders in wasm."""
_READING = ("GET", "HEAD")
_HASHED = re.compile(r"[.-][A-Za-z0-9_-]{8,}\.[a-z0-9]+$")
_MISSING = """<!doctype html><html lang="en"><title>Digital human</title>
<h1>The avatar page is not built</h1>
<p>Run <code>make page</code> in the repository and load this page again. The interfaces work
without it: <a href="/openapi.json">/openapi.json</a>.</p></html>"""


class Page(StaticFiles):
    """Files of the page; those with a hash in their name never change and are kept for a year."""

    def __init__(self, folder: Path, others: Sequence[BaseRoute]) -> None:
        super().__init__(directory=folder, html=True)
        self._others = tuple(others)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file, with the headers of a page that loads nothing from elsewhere."""
        wanted = {method for route in self._others for method in _methods(route, scope)}
        if wanted:
            allow = {"Allow": ", ".join(sorted(wanted))}
            raise HTTPException(405, "This path wants another method", allow)
        if scope["method"] not in _READING:
            if not await self._is_there(path):
                raise HTTPException(404)
            raise HTTPException(405, "Pages are only read", {"Allow": ", ".join(_READING)})
        response = await super().get_response(path, scope)
        lasting = _HASHED.search(path) is not None and response.status_code in {200, 304}
        response.headers.update(
            {
                "Cache-Control": "public, max-age=31536000, immutable" if lasting else "no-cache",
                "Content-Security-Policy": POLICY,
                "Cross-Origin-Opener-Policy": "same-origin",
                "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
            }
        )
        return response

    async def _is_there(self, path: str) -> bool:
        return (await asyncio.to_thread(self.lookup_path, path))[1] is not None


def _methods(route: BaseRoute, scope: Scope) -> Collection[str]:
    """The methods of a route that only another method would reach."""
    found = route.matches(scope)[0] is Match.PARTIAL
    return (getattr(route, "methods", None) or ()) if found else ()


def mount(app: FastAPI, folder: Path, others: Sequence[BaseRoute] = ()) -> None:
    """Serve the page at ``/``, after all ``others``, whose paths it leaves to them."""
    if (folder / "index.html").is_file():
        app.mount("/", Page(folder, others), name="page")
        return

    @app.get("/", include_in_schema=False)
    async def missing() -> Response:
        return HTMLResponse(_MISSING, 503, {"Cache-Control": "no-store"})
