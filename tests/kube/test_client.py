from __future__ import annotations

import asyncio

import aiohttp
import msgspec
import pytest

from digital_human_operator.kube.client import ApiClient, _lines, open_session
from digital_human_operator.kube.errors import (
    Conflict,
    Fenced,
    Gone,
    NotFound,
    ServerError,
    TooManyRequests,
    Unreachable,
)
from digital_human_operator.kube.limiter import WriteLimiter
from tests.support.fake_server import FakeServer

from .conftest import CONFIG_MAPS, config_map, credentials_of, path


async def test_pages_show_one_version(server: FakeServer, client: ApiClient) -> None:
    for i in range(7):
        server.put(path(f"c{i}"), config_map(f"c{i}"))
    pages = [p async for p in client.list_pages(CONFIG_MAPS, "ns", limit=3)]
    assert [len(p.items) for p in pages] == [3, 3, 1]
    assert len({p.resource_version for p in pages}) == 1


async def test_watch_yields_events_of_any_length(server: FakeServer, client: ApiClient) -> None:
    big = "x" * 300_000
    server.put(path("big"), config_map("big", {"a": big}))
    async for kind, raw in client.watch(CONFIG_MAPS, None, resource_version="100"):
        assert kind == "ADDED"
        assert msgspec.json.decode(raw)["data"]["a"] == big
        break


async def test_silent_watch_is_unreachable(server: FakeServer, client: ApiClient) -> None:
    server.faults.silent_watches = True
    with pytest.raises(Unreachable):
        async for _ in client.watch(CONFIG_MAPS, None, resource_version="100"):
            pass


async def test_error_event_in_a_watch_is_raised(server: FakeServer, client: ApiClient) -> None:
    watch = client.watch(CONFIG_MAPS, None, resource_version="100")
    first = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0.1)
    server._version += 10
    server.compact()
    await server._notify()
    with pytest.raises(Gone):
        await first


async def test_answers_become_typed_errors(server: FakeServer, client: ApiClient) -> None:
    with pytest.raises(NotFound):
        await client.get(CONFIG_MAPS, "ns", "none")
    server.put(path("c"), config_map("c"))
    with pytest.raises(Conflict):
        await client.delete(CONFIG_MAPS, "ns", "c", uid="another")
    server.faults.fail(1, 503)
    with pytest.raises(ServerError):
        await client.get(CONFIG_MAPS, "ns", "c")
    server.faults.fail(1, 429, retry_after=7)
    with pytest.raises(TooManyRequests) as caught:
        await client.get(CONFIG_MAPS, "ns", "c")
    assert caught.value.retry_after == 7
    server.faults.hanging = True
    with pytest.raises(Unreachable):
        await client.get(CONFIG_MAPS, "ns", "c")


async def test_refused_connection_is_unreachable() -> None:
    credentials = credentials_of(FakeServer())
    object.__setattr__(credentials, "server", "http://127.0.0.1:9")
    async with open_session(credentials) as session:
        client = ApiClient(credentials, session, user_agent="t")
        with pytest.raises(Unreachable):
            await client.get(CONFIG_MAPS, "ns", "c")


async def test_closed_gate_sends_nothing(server: FakeServer) -> None:
    credentials = credentials_of(server)
    async with open_session(credentials) as session:
        client = ApiClient(credentials, session, user_agent="t", gate=lambda: False)
        with pytest.raises(Fenced):
            await client.apply(CONFIG_MAPS, "ns", "c", b"{}", manager="m")
    assert server.log == []


async def test_gate_is_asked_again_after_waiting_for_a_place(server: FakeServer) -> None:
    credentials, limiter, is_open = credentials_of(server), WriteLimiter(1, 1, 1), True
    async with open_session(credentials) as session:
        client = ApiClient(
            credentials, session, user_agent="t", gate=lambda: is_open, limiter=limiter
        )
        async with limiter:
            write = asyncio.create_task(client.apply(CONFIG_MAPS, "ns", "c", b"{}", manager="m"))
            await asyncio.sleep(0.05)
            is_open = False
        with pytest.raises(Fenced):
            await write
    assert server.log == []


async def test_apply_is_sent_again_on_a_connection_found_closed(
    server: FakeServer, client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    original = aiohttp.ClientSession._request

    async def flaky(self: aiohttp.ClientSession, *args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise aiohttp.ServerDisconnectedError
        return await original(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(aiohttp.ClientSession, "_request", flaky)
    body = msgspec.json.encode(config_map("c"))
    await client.apply(CONFIG_MAPS, "ns", "c", body, manager="m")
    assert (calls, server.count("apply")) == (2, 1)
    calls = 0
    with pytest.raises(Unreachable):
        await client.create(CONFIG_MAPS, "ns", msgspec.json.encode(config_map("d")), manager="m")


async def test_429_halves_the_limit(server: FakeServer) -> None:
    credentials, limiter = credentials_of(server), WriteLimiter(16)
    async with open_session(credentials) as session:
        client = ApiClient(credentials, session, user_agent="t", limiter=limiter)
        server.faults.fail(1, 429, retry_after=1)
        with pytest.raises(TooManyRequests):
            await client.apply(CONFIG_MAPS, "ns", "c", b"{}", manager="m")
    assert limiter.limit == 8


async def test_observe_is_told_of_every_request(server: FakeServer) -> None:
    credentials = credentials_of(server)
    seen: list[tuple[str, str, int]] = []
    async with open_session(credentials) as session:
        client = ApiClient(
            credentials,
            session,
            user_agent="t",
            observe=lambda verb, resource, code, _: seen.append((verb, resource, code)),
        )
        await client.apply(
            CONFIG_MAPS, "ns", "c", msgspec.json.encode(config_map("c")), manager="m"
        )
        with pytest.raises(NotFound):
            await client.get(CONFIG_MAPS, "ns", "d")
    assert seen == [("apply", "configmaps", 201), ("get", "configmaps", 404)]


async def test_lines_are_split_wherever_the_chunks_end() -> None:
    class Stream:
        async def iter_any(self):  # type: ignore[no-untyped-def]
            for chunk in (b"a", b"b\nc", b"\n\nd\ne", b"f"):
                yield chunk

    assert [line async for line in _lines(Stream())] == [b"ab", b"c", b"d"]  # type: ignore[arg-type]
