"""The whole operator in this process, at a fake API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from digital_human_operator.app import App
from digital_human_operator.kube.client import open_session
from digital_human_operator.kube.lease import LEASES
from digital_human_operator.settings import Settings
from tests.support.fake_server import FakeServer
from tests.support.world import address, credentials_of

from .test_serve import free_address

LEASE = LEASES.path("operators", "digital-human-operator")
QUICK = {"lease_seconds": 1.5, "renew_deadline": 1.0, "retry_period": 0.1}


class Operator:
    """An operator that runs here."""

    def __init__(self, server: FakeServer, app: App, address: str) -> None:
        self.server = server
        self.app = app
        self.address = address
        self.task = asyncio.create_task(app.run())

    async def until(self, condition: Callable[[], object], seconds: float = 20) -> None:
        """Wait until ``condition`` holds, or the operator has ended."""
        async with asyncio.timeout(seconds):
            while not condition():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.01)

    async def ready(self) -> None:
        """Wait until it works."""
        await self.until(self.app._may_work.is_set)

    async def get(self, path: str) -> tuple[int, str]:
        """Status and text of its endpoint."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.address}{path}") as answer,
        ):
            return answer.status, await answer.text()

    async def ended(self) -> None:
        """Wait for its end; raises what it ended with."""
        async with asyncio.timeout(25):
            await self.task

    def lease(self) -> dict[str, Any]:
        """The spec of its Lease."""
        found: dict[str, Any] = self.server.objects.get(LEASE, {}).get("spec", {})
        return found


@asynccontextmanager
async def operating(server: FakeServer, **settings: Any) -> AsyncIterator[Operator]:
    """An operator until the end of the context; tests may end it earlier."""
    credentials = credentials_of(server)
    where = free_address()
    given = {"pod_name": "me", "pod_namespace": "operators", "metrics_address": where} | settings
    async with open_session(credentials) as session:
        operator = Operator(server, App(Settings(**given), credentials, session), where)
        try:
            yield operator
        finally:
            operator.app._stop.set()
            await asyncio.wait([operator.task], timeout=25)
            assert operator.task.done()


def put_human(server: FakeServer, name: str = "ada", **spec: Any) -> None:
    metadata: dict[str, Any] = {"name": name, "generation": 1}
    known = server.objects.get(address("DigitalHuman", name))
    if known is not None:
        generation = known["metadata"]["generation"] + 1
        metadata = known["metadata"] | {"generation": generation}
    kind = {"apiVersion": "aiqtoolkit.io/v1alpha1", "kind": "DigitalHuman"}
    obj = (known or {}) | kind | {"metadata": metadata, "spec": spec}
    server.put(address("DigitalHuman", name), obj)


def deployment(server: FakeServer, name: str = "ada") -> dict[str, Any]:
    return server.objects.get(address("Deployment", name), {})


def hold(server: FakeServer, who: str) -> None:
    """Somebody else takes the Lease, for as long as it was promised to be valid."""
    spec = {"holderIdentity": who, "leaseDurationSeconds": 1 if who == "thief" else 15}
    server.put(LEASE, {"metadata": {}, "spec": spec})
