from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from digital_human_operator.kube.client import ApiClient
from digital_human_operator.kube.live import Decoder, Live
from digital_human_operator.kube.reflector import Reflector
from digital_human_operator.kube.store import Store
from tests.support.fake_server import FakeServer

from .conftest import CONFIG_MAPS, config_map, eventually, path

Log = list[tuple[str, str, bool]]


class Watched:
    def __init__(self, client: ApiClient, namespace: str | None = None) -> None:
        self.store = Store(CONFIG_MAPS)
        self.log: Log = []
        self.access: list[bool] = []
        self.reflector = Reflector(
            client,
            self.store,
            Decoder("m", "app"),
            namespace=namespace,
            label_selector="app=x",
            on_change=self._changed,
            on_access=self.access.append,
            backoff=(0.02, 0.1),
        )

    def _changed(self, old: Live | None, new: Live | None, initial: bool) -> None:
        kind = "added" if old is None else "deleted" if new is None else "changed"
        seen = new or old
        assert seen is not None
        self.log.append((kind, seen.name, initial))

    def names(self) -> set[str]:
        return {live.name for live in self.store}


@asynccontextmanager
async def watched(client: ApiClient, namespace: str | None = None) -> AsyncIterator[Watched]:
    made = Watched(client, namespace)
    task = asyncio.create_task(made.reflector.run())
    try:
        async with asyncio.timeout(5):
            await made.reflector.synced.wait()
        yield made
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_follows_additions_changes_and_deletions(
    server: FakeServer, client: ApiClient
) -> None:
    server.put(path("a"), config_map("a"))
    async with watched(client) as seen:
        server.put(path("b"), config_map("b"))
        server.put(path("b"), config_map("b", {"a": "c"}))
        server.drop(path("a"))
        await eventually(lambda: len(seen.log) == 4)
    assert seen.log == [
        ("added", "a", True),
        ("added", "b", False),
        ("changed", "b", False),
        ("deleted", "a", False),
    ]


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_survives_failing_lists_and_watches(
    status: int, server: FakeServer, client: ApiClient
) -> None:
    server.put(path("a"), config_map("a"))
    server.faults.fail(2, status, verb="list")
    server.faults.fail(2, status, verb="watch")
    async with watched(client) as seen:
        server.put(path("b"), config_map("b"))
        await eventually(lambda: seen.names() == {"a", "b"})


async def test_resumes_a_cut_stream_without_listing_again(
    server: FakeServer, client: ApiClient
) -> None:
    async with watched(client) as seen:
        for i in range(3):
            await eventually(lambda: bool(server._streams))
            await server.cut_watches()
            server.put(path(f"c{i}"), config_map(f"c{i}"))
            await eventually(lambda i=i: f"c{i}" in seen.names())  # type: ignore[misc]
    assert server.count("list") == 1
    assert [name for _, name, _ in seen.log] == ["c0", "c1", "c2"]


async def test_reports_deletions_lost_in_a_compacted_gap(
    server: FakeServer, client: ApiClient
) -> None:
    for name in ("a", "b"):
        server.put(path(name), config_map(name))
    async with watched(client) as seen:
        await eventually(lambda: bool(server._streams))
        server.faults.fail(1, 503, verb="watch")
        await server.cut_watches()
        server.drop(path("a"))
        server.put(path("c"), config_map("c"))
        server.compact()
        await eventually(lambda: seen.names() == {"b", "c"})
    assert ("deleted", "a", False) in seen.log
    assert [n for _, n, _ in seen.log].count("b") == 1  # nothing is said about what stayed


async def test_silent_stream_is_left(server: FakeServer, client: ApiClient) -> None:
    server.faults.silent_watches = True
    async with watched(client) as seen:
        server.put(path("a"), config_map("a"))
        await asyncio.sleep(0.1)
        server.faults.silent_watches = False
        await eventually(lambda: seen.names() == {"a"})


async def test_hanging_and_slow_server(server: FakeServer, client: ApiClient) -> None:
    server.faults.delay = 0.1
    server.faults.hanging = True
    server.put(path("a"), config_map("a"))
    made = Watched(client)
    task = asyncio.create_task(made.reflector.run())
    await asyncio.sleep(0.8)
    assert not made.reflector.synced.is_set()
    server.release()
    await eventually(made.reflector.synced.is_set)
    assert made.names() == {"a"}
    task.cancel()


async def test_events_out_of_order_leave_the_newest_state(
    server: FakeServer, client: ApiClient
) -> None:
    server.faults.swap_events = True
    async with watched(client) as seen:
        await eventually(lambda: bool(server._streams))
        for value in ("1", "2", "3"):
            server.put(path("a"), config_map("a", {"v": value}))
        server.put(path("b"), config_map("b"))
        server.drop(path("b"))
        newest = int(server.objects[path("a")]["metadata"]["resourceVersion"])
        await eventually(lambda: "a" in seen.names())
        await asyncio.sleep(0.05)
        live = seen.store.get("ns", "a")
        assert live is not None
        assert live.resource_version == newest
        assert seen.names() == {"a"}


async def test_stripped_label_is_a_deletion_after_relist(
    server: FakeServer, client: ApiClient
) -> None:
    server.put(path("a"), config_map("a"))
    async with watched(client) as seen:
        await eventually(lambda: bool(server._streams))
        server.faults.fail(1, 503, verb="watch")
        await server.cut_watches()
        server.put(path("a"), config_map("a", labels={}))
        server.compact()
        await eventually(lambda: seen.names() == set())


async def test_kind_that_is_not_served_counts_as_synced(
    server: FakeServer, client: ApiClient
) -> None:
    server.unserved.add("configmaps")
    async with watched(client) as seen:
        assert not seen.reflector.served
        server.unserved.clear()
        server.put(path("a"), config_map("a"))
        await eventually(lambda: seen.reflector.served)
        assert seen.names() == {"a"}


async def test_kind_that_vanishes_takes_its_objects_along(
    server: FakeServer, client: ApiClient
) -> None:
    server.put(path("a"), config_map("a"))
    async with watched(client) as seen:
        await eventually(lambda: bool(server._streams))
        server.unserved.add("configmaps")
        server.faults.fail(1, 410, verb="watch")
        await server.cut_watches()
        await eventually(lambda: ("deleted", "a", False) in seen.log)
        server.unserved.clear()
        await eventually(lambda: seen.names() == {"a"})


async def test_namespaces_share_a_store(server: FakeServer, client: ApiClient) -> None:
    server.put(path("a", "one"), config_map("a"))
    server.put(path("b", "two"), config_map("b"))
    async with watched(client, "one") as one:
        two = Watched(client, "two")
        two.reflector._store = one.store
        task = asyncio.create_task(two.reflector.run())
        await eventually(lambda: one.names() == {"a", "b"})
        await eventually(lambda: len(server._streams) == 2)
        server.faults.fail(2, 410, verb="watch")
        await server.cut_watches()
        await eventually(lambda: server.count("list") >= 4)
        assert one.names() == {"a", "b"}
        task.cancel()


async def test_own_write_is_not_reported_back(server: FakeServer, client: ApiClient) -> None:
    async with watched(client) as seen:
        await eventually(lambda: bool(server._streams))
        raw = await client.apply(
            CONFIG_MAPS, "ns", "a", b'{"metadata":{"labels":{"app":"x"}},"data":{}}', manager="m"
        )
        seen.store.upsert(Decoder("m", "app").decode(raw))
        server.put(path("b"), config_map("b"))
        await eventually(lambda: bool(seen.log))
        assert seen.log == [("added", "b", False)]


async def test_failing_listener_does_not_stop_the_watch(
    server: FakeServer, client: ApiClient
) -> None:
    async with watched(client) as seen:

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        seen.reflector._on_change = fail
        server.put(path("a"), config_map("a"))
        server.put(path("b"), config_map("b"))
        await eventually(lambda: seen.names() == {"a", "b"})


async def test_refusal_is_an_answer_and_its_end_is_told(
    server: FakeServer, client: ApiClient
) -> None:
    server.faults.fail(2, 403, verb="list")
    server.put(path("a"), config_map("a"))
    made = Watched(client)
    task = asyncio.create_task(made.reflector.run())
    await eventually(made.reflector.answered.is_set)
    assert made.access == [False]
    assert not made.reflector.synced.is_set()
    await eventually(made.reflector.synced.is_set)
    assert made.access == [False, True]
    assert made.names() == {"a"}
    task.cancel()


async def test_refusal_after_access_is_doubted_at_first(
    server: FakeServer, client: ApiClient
) -> None:
    """An API server that has just started refuses everybody until it has read the rules."""
    async with watched(client) as seen:
        await eventually(lambda: bool(server._streams))
        seen.reflector._first_backoff, seen.reflector._last_backoff = 0.01, 30.0
        server.faults.fail(3, 403, verb="watch")
        await server.cut_watches()
        server.put(path("a"), config_map("a"))
        await eventually(lambda: seen.names() == {"a"})
        assert seen.access == [True]


async def test_a_kind_that_is_not_there_yet_is_doubted_at_first(
    server: FakeServer, client: ApiClient
) -> None:
    """An API server that has just started has no kind of ours until it has read the definitions."""
    server.put(path("kept"), config_map("kept"))
    async with watched(client) as seen:
        await eventually(lambda: bool(server._streams))
        seen.reflector._first_backoff, seen.reflector._last_backoff = 0.01, 30.0
        server.faults.fail(3, 404, verb="watch")
        await server.cut_watches()
        server.put(path("a"), config_map("a"))
        await eventually(lambda: seen.names() == {"a", "kept"})
        assert seen.reflector.served
        assert [what for what, _, _ in seen.log] == ["added", "added"]


async def test_refusal_that_lasts_is_believed(server: FakeServer, client: ApiClient) -> None:
    async with watched(client) as seen:
        await eventually(lambda: bool(server._streams))
        server.faults.fail(8, 403, verb="watch")
        await server.cut_watches()
        await eventually(lambda: seen.access == [True, False])
        server.faults.failures.clear()
        await eventually(lambda: seen.access == [True, False, True])
