"""The whole runtime in this process: real sockets on ports of their own, engines of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from digital_human_runtime import settings
from digital_human_runtime.app import Runtime
from digital_human_runtime.pipeline import Engines
from digital_human_runtime.session.talk import Talk

from .engines import engines as fakes

LOOPBACK = "127.0.0.1:0"
ADDRESSES = {
    f"DIGITAL_HUMAN_{name}_ADDRESS": LOOPBACK for name in ("HTTP", "WEBSOCKET", "GRPC", "HEALTH")
}


@dataclass
class Running:
    """A runtime that is ready, and a client for its port 8000."""

    runtime: Runtime
    client: httpx2.AsyncClient

    @property
    def talk(self) -> Talk:
        """All its conversations."""
        assert self.runtime.talk is not None
        return self.runtime.talk

    def url(self, name: str, scheme: str = "http") -> str:
        """Where a server is: http, websocket, health."""
        return f"{scheme}://127.0.0.1:{self.runtime.ports[name]}"


@asynccontextmanager
async def running(engines: Engines | None = None, /, **variables: str) -> AsyncIterator[Running]:
    """A runtime with these engines and environment variables."""
    told = settings.load(ADDRESSES | {"DIGITAL_HUMAN_DRAIN_SECONDS": "5"} | variables)
    runtime = Runtime(told, engines or fakes())
    runtime.bind()
    try:
        await runtime.start()
        url = f"http://127.0.0.1:{runtime.ports['http']}"
        async with httpx2.AsyncClient(base_url=url, timeout=20) as client:
            yield Running(runtime, client)
    finally:
        await runtime.close()
