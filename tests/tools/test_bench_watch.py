"""How the operator's benchmark learns that all are ready: one watch, resumed where it ended."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tools.bench.bare import BareClient

PATH = "/apis/apps/v1/namespaces/bench/deployments"


def event(name: str, version: int, ready: bool, kind: str = "MODIFIED") -> dict[str, Any]:
    metadata = {"name": name, "resourceVersion": str(version)}
    return {"type": kind, "object": {"metadata": metadata, "ready": ready}}


class Server:
    """Lists nothing and gives the events of one watch after the other."""

    def __init__(self) -> None:
        self.watches: list[list[dict[str, Any]]] = []
        self.versions: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": []})
        self.versions.append(request.query["resourceVersion"])
        stream = web.StreamResponse()
        await stream.prepare(request)
        text = "".join(json.dumps(found) + "\n" for found in self.watches.pop(0))
        await stream.write(text[:25].encode())  # a line may come in pieces
        await asyncio.sleep(0)
        await stream.write(text[25:].encode())
        return stream


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[Server, Path]]:
    serving, app = Server(), web.Application()
    app.router.add_get(PATH, serving.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{_port(runner)}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(json.dumps(config))
    yield serving, kubeconfig
    await runner.cleanup()


def _port(runner: web.AppRunner) -> int:
    return int(runner.addresses[0][1])


async def watched(kubeconfig: Path, count: int) -> None:
    async with BareClient(kubeconfig) as client, asyncio.timeout(5):
        await client.watch(PATH, lambda found: bool(found["ready"]), count)


async def test_a_watch_that_ends_is_resumed_from_its_last_event(
    server: tuple[Server, Path],
) -> None:
    serving, kubeconfig = server
    serving.watches = [
        [event("a", 2, True, "ADDED"), event("b", 3, False, "ADDED")],
        [event("a", 4, False), event("b", 5, True), event("a", 6, True)],
    ]
    await watched(kubeconfig, 2)
    assert serving.versions == ["1", "3"]
    assert serving.watches == []


async def test_an_error_in_a_watch_ends_the_measurement(server: tuple[Server, Path]) -> None:
    serving, kubeconfig = server
    serving.watches = [[{"type": "ERROR", "object": {"code": 410}}]]
    with pytest.raises(RuntimeError, match="ERROR while it was watched"):
        await watched(kubeconfig, 1)
