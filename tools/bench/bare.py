"""
The yardstick: an asyncio client that applies given objects and does nothing else.

It works with the token of a ServiceAccount, as the operator does: the API server's priority and
fairness treats both alike (an administrator's certificate would be exempt).
"""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.client import Configuration
from kubernetes.config import load_kube_config

CONCURRENCY = 32
MANAGER = "bare-client"
_APPLY = "application/apply-patch+yaml"
_CHANGES = frozenset({"ADDED", "MODIFIED"})
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None)


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

    async def watch(self, path: str, done: Callable[[dict[str, Any]], bool], count: int) -> None:
        """
        Wait until ``done`` holds for ``count`` objects that are made or changed from now on.

        A watch costs the API server one event for each change; lists of a thousand objects, again
        and again, would take a good part of the machine from what is measured.
        """
        version = (await self.get(f"{path}?limit=1"))["metadata"]["resourceVersion"]
        reached: set[str] = set()
        while len(reached) < count:  # the server ends a watch now and then; it goes on from there
            async for event in self._changes(path, version):
                if event["type"] not in _CHANGES:
                    raise RuntimeError(f"{path}: {event['type']} while it was watched")
                metadata = event["object"]["metadata"]
                version = metadata["resourceVersion"]
                change = reached.add if done(event["object"]) else reached.discard
                change(metadata["name"])
                if len(reached) == count:
                    return

    async def _changes(self, path: str, version: str) -> AsyncIterator[dict[str, Any]]:
        """The events of one watch, one for each line."""
        query = {"watch": "1", "resourceVersion": version}
        rest = b""
        async with self._session.get(
            f"{self._server}{path}", params=query, timeout=_NO_TIMEOUT
        ) as stream:
            if (
                stream.status == HTTPStatus.TOO_MANY_REQUESTS
            ):  # the server has yet to fill its cache of a new kind
                await asyncio.sleep(1)
                return
            if stream.status >= 400:
                raise RuntimeError(f"{path}: {stream.status} {await stream.text()}")
            async for piece in stream.content.iter_any():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    yield json.loads(line)

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
