"""
The yardstick: an asyncio client that applies given objects and does nothing else.

It works with the token of a ServiceAccount, as the operator does: the API server's priority and
fairness treats both alike (an administrator's certificate would be exempt).
"""

import asyncio
import json
import ssl
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.client import Configuration
from kubernetes.config import load_kube_config

CONCURRENCY = 32
MANAGER = "bare-client"
_APPLY = "application/apply-patch+yaml"


class BareClient:
    """Server-side applies with one session and a fixed number of requests in flight."""

    def __init__(self, kubeconfig: Path) -> None:
        configuration = Configuration()
        load_kube_config(str(kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]
        self._context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if configuration.cert_file:
            self._context.load_cert_chain(str(configuration.cert_file), configuration.key_file)
        token = (configuration.api_key or {}).get("BearerToken", "").strip()
        self._headers = {"Authorization": token} if token else {}
        self._server = configuration.host
        self._gate = asyncio.Semaphore(CONCURRENCY)

    async def __aenter__(self) -> "BareClient":
        """Open the session."""
        connector = aiohttp.TCPConnector(limit=CONCURRENCY + 8, ssl=self._context)
        self._session = aiohttp.ClientSession(connector=connector, headers=self._headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the session."""
        await self._session.close()

    async def apply(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Apply one object; raises RuntimeError with the server's answer."""
        async with (
            self._gate,
            self._session.patch(
                f"{self._server}{path}",
                params={"fieldManager": MANAGER, "force": "true"},
                data=json.dumps(body).encode(),
                headers={"Content-Type": _APPLY},
            ) as answer,
        ):
            found: dict[str, Any] = await answer.json()
            if answer.status >= 400:
                raise RuntimeError(f"{path}: {found.get('message')}")
            return found

    async def get(self, path: str) -> dict[str, Any]:
        """Read one object or list; raises RuntimeError when there is none."""
        async with self._gate, self._session.get(f"{self._server}{path}") as answer:
            found: dict[str, Any] = await answer.json()
            if answer.status >= 400:
                raise RuntimeError(f"{path}: {found.get('message')}")
            return found

    async def delete(self, path: str) -> None:
        """Delete one object."""
        async with self._gate, self._session.delete(f"{self._server}{path}") as answer:
            if answer.status >= 400:
                raise RuntimeError(f"{path}: {answer.status}")
            await answer.read()

    async def items(self, path: str) -> list[dict[str, Any]]:
        """All objects of a list, in pages."""
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            suffix = f"{'&' if '?' in path else '?'}limit=500&continue={token}"
            page = await self.get(path + suffix)
            found += page["items"]
            token = page["metadata"].get("continue", "")
            if not token:
                return found

    async def until(self, done: Any, seconds: float, pause: float = 0.25) -> float:
        """Wait until ``await done()``; returns the seconds, raises TimeoutError."""
        began = time.monotonic()
        async with asyncio.timeout(seconds):
            while not await done():  # noqa: ASYNC110 - what is waited for is in the cluster
                await asyncio.sleep(pause)
        return time.monotonic() - began


async def gather(coroutines: Iterable[Any]) -> list[Any]:
    """All results; the first error ends it."""
    return list(await asyncio.gather(*coroutines))
