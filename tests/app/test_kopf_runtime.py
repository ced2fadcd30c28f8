"""kopf itself at a fake API server: it tells of everything, writes nothing and never gives up."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from types import SimpleNamespace
from typing import Any

import aiohttp
import kopf
import pytest
from kopf._cogs.clients import api as kopf_api

from digital_human_operator import handlers, kopf_runtime
from digital_human_operator.kinds import BACKUPS, HUMANS
from digital_human_operator.kube.client import open_session
from digital_human_operator.kube.credentials import Credentials
from digital_human_operator.seen import Key, SeenObjects
from tests.support.fake_server import FakeServer
from tests.support.world import WRITES


class Source:
    """kopf, running, and what it told."""

    def __init__(self) -> None:
        self.seen = SeenObjects()
        self.stop = asyncio.Event()
        self.added: list[tuple[Key, int]] = []
        self.session: aiohttp.ClientSession | None = None

    def add(self, key: Key, *, priority: int) -> None:
        """Note what a handler queues."""
        self.added.append((key, priority))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds."""
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def quick_restart(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(kopf_runtime, "_RESTART", (0.01, 0.1))
    yield
    gc.collect()  # asyncio logs what kopf's tasks died of, and does so when they are collected


@asynccontextmanager
async def running(
    server: FakeServer, *namespaces: str, token: Callable[[], str] = lambda: "t"
) -> AsyncIterator[Source]:
    credentials = Credentials(server.url, None, token, "default")
    source = Source()
    registry = kopf.OperatorRegistry()
    handlers.register(registry, source.seen, source.add)
    async with open_session(credentials) as session:
        assert session.connector is not None
        task = asyncio.create_task(
            kopf_runtime.run(
                lambda: registry,
                ready=at_once,
                changed=never,
                credentials=credentials,
                connector=session.connector,
                namespaces=namespaces,
                memo={},
                stop=source.stop,
            )
        )
        source.session = session
        try:
            yield source
        finally:
            source.stop.set()
            async with asyncio.timeout(20):
                await task


def human(server: FakeServer, name: str = "ada", namespace: str = "humans", **spec: Any) -> Key:
    path = HUMANS.path(namespace, name)
    known = server.objects.get(path, {"metadata": {"name": name, "generation": 1}})
    server.put(
        path, {"apiVersion": HUMANS.api_version, "kind": HUMANS.kind} | known | {"spec": spec}
    )
    return (HUMANS.kind, namespace, name)


async def test_objects_are_listed_and_then_watched_without_a_write(server: FakeServer) -> None:
    listed = human(server)
    backup = (BACKUPS.kind, "humans", "b")
    server.put(BACKUPS.path("humans", "b"), {"metadata": {"name": "b"}})
    before = server._version
    async with running(server) as source:
        await source.until(lambda: len(source.seen) == 2)
        assert dict(source.added) == dict.fromkeys((listed, backup), handlers.LISTED_PRIORITY)
        source.added.clear()
        added = human(server, "bob")
        await source.until(lambda: (added, 0) in source.added)
        human(server, replicas=2)
        await source.until(lambda: (listed, 0) in source.added)
        server.drop(HUMANS.path("humans", "ada"))
        await source.until(lambda: source.seen.get(listed) is None)
        assert source.seen.get(added) is not None
    assert not WRITES & {verb for verb, _ in server.log}
    assert server._version == before + 3  # what this test did


async def test_only_the_namespaces_that_were_named_are_looked_at(server: FakeServer) -> None:
    human(server, namespace="elsewhere")
    mine = {human(server, namespace=n) for n in ("one", "two")}
    async with running(server, "one", "two") as source:
        await source.until(lambda: len(source.seen) == 2)
        assert set(source.seen) == mine
    assert not any("/elsewhere/" in path for _, path in server.log)


def watchers() -> int:
    """How many watches kopf has under way in this process."""
    return sum(task.get_name().startswith("watcher for") for task in asyncio.all_tasks())


def lives(server: FakeServer) -> int:
    """How often kopf has started, as the server sees it."""
    return server.log.count(("discover", "/apis"))


@pytest.mark.parametrize("fault", [418, 422])
async def test_events_go_on_after_an_answer_that_ends_kopf(server: FakeServer, fault: int) -> None:
    async with running(server) as source:
        await source.until(lambda: server.count("watch") == 3)
        ours = asyncio.create_task(asyncio.sleep(3600))  # younger than kopf, and none of its own
        server.faults.fail(1, fault)
        await server.cut_watches()
        await source.until(lambda: lives(server) == 2)
        bob = human(server, "bob")
        await source.until(lambda: source.seen.get(bob) is not None)
        assert watchers() == 3  # none of the first life
        assert not ours.done()
        assert source.session is not None
        assert not source.session.closed
        ours.cancel()
    assert watchers() == 0


@pytest.mark.parametrize("fault", [401, 403, 404, 429, 503])
async def test_events_go_on_after_refusals(server: FakeServer, fault: int) -> None:
    async with running(server) as source:
        await source.until(lambda: server.count("watch") == 3)
        server.faults.fail(4, fault)
        await server.cut_watches()
        bob = human(server, "bob")
        await source.until(lambda: source.seen.get(bob) is not None)
        assert source.session is not None
        assert not source.session.closed


async def test_what_was_missed_comes_with_the_next_list(server: FakeServer) -> None:
    async with running(server) as source:
        await source.until(lambda: server.count("watch") == 3)
        await server.cut_watches()
        bob = human(server, "bob")
        server.compact()
        await source.until(lambda: source.seen.get(bob) is not None)


async def test_token_is_sent_and_renewed(server: FakeServer) -> None:
    tokens = iter(f"t{i}" for i in range(1000))
    async with running(server, token=lambda: next(tokens)) as source:
        await source.until(lambda: server.count("watch") == 3)
    assert len(server.authorizations) > 3
    assert all(one.startswith("Bearer t") for one in server.authorizations)


async def at_once() -> None:
    return


async def never() -> None:
    await asyncio.Event().wait()


async def bare(stop: asyncio.Event) -> None:
    """Run whatever stands for kopf, without a server."""
    async with aiohttp.TCPConnector() as connector:
        await kopf_runtime.run(
            kopf.OperatorRegistry,
            ready=at_once,
            changed=never,
            credentials=Credentials("", None, lambda: None, ""),
            connector=connector,
            namespaces=(),
            memo={},
            stop=stop,
        )


async def failing(**_: Any) -> list[asyncio.Task[None]]:
    """kopf as it takes the signals and then fails."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)

    async def fail() -> None:
        raise RuntimeError("ended")

    return [asyncio.create_task(fail())]


async def test_signal_between_two_starts_of_kopf_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kopf_runtime, "_RESTART", (30.0, 60.0))
    monkeypatch.setattr(kopf, "spawn_tasks", failing)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    kopf_runtime.stop_on_signals(stop)
    loop.call_later(0.2, os.kill, os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(10):
        await bare(stop)
    assert stop.is_set()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)


async def test_restarts_are_ever_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    delays: list[float] = []

    async def slept(seconds: float, stop: asyncio.Event) -> None:
        delays.append(seconds)
        if len(delays) == 8:
            stop.set()

    monkeypatch.setattr(kopf_runtime, "_RESTART", (1.0, 60.0))
    monkeypatch.setattr(kopf_runtime, "_sleep", slept)
    monkeypatch.setattr(kopf, "spawn_tasks", failing)
    await bare(asyncio.Event())
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_watch_that_is_stopped_before_its_answer_leaves_no_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """kopf's own callback fails then; everything else is told as before."""
    stopper: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def slow(**_: Any) -> Any:
        stopper.set_result(None)
        await asyncio.sleep(0.01)
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr(kopf_api, "request", slow)
    asyncio.get_running_loop().set_exception_handler(kopf_runtime._report)
    settings, logger = kopf.OperatorSettings(), logging.getLogger("test")
    stream = kopf_api.stream("/", settings=settings, stopper=stopper, logger=logger)
    assert [item async for item in stream] == []
    assert caplog.records == []
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0.01)
    assert "ZeroDivisionError" in caplog.text


def test_process_is_not_killed_after_a_restart() -> None:
    settings = kopf.OperatorSettings()
    kopf_runtime.configure(settings)
    assert settings.process.ultimate_exiting_timeout is None


async def test_pause_before_a_restart_ends_with_the_operator() -> None:
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(5):
        await kopf_runtime._sleep(60, stop)
    await kopf_runtime._sleep(0.01, asyncio.Event())


def test_retries_of_kopf_never_end_and_wait_half_a_minute_at_most() -> None:
    delays = list(islice(kopf_runtime.EndlessBackoff(), 1000))
    assert 0.4 <= delays[0] <= 0.6
    assert all(24 <= delay <= 36 for delay in delays[20:])


def test_nothing_in_kopf_is_left_that_writes() -> None:
    settings = kopf.OperatorSettings()
    kopf_runtime.configure(settings)
    assert not settings.posting.enabled
    diffs, progress = settings.persistence.diffbase_storage, settings.persistence.progress_storage
    patch: Any = kopf.Patch()
    obj: Any = kopf.Body({"metadata": {"annotations": {"a": "b"}}})
    key: Any = "handler"
    diffs.store(body=obj, patch=patch, essence=diffs.build(body=obj))
    record: Any = progress.fetch(key=key, body=obj)
    progress.store(key=key, record=record, body=obj, patch=patch)
    progress.touch(body=obj, patch=patch, value="now")
    progress.purge(key=key, body=obj, patch=patch)
    assert diffs.fetch(body=obj) is None
    assert not patch
    assert progress.clear(essence=obj) is obj


async def test_a_user_without_a_name_is_no_hindrance(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container there is a user number, and often nothing else."""

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 65532")

    monkeypatch.setattr("getpass.getuser", nobody)
    human(server, "ada")
    async with running(server) as source:
        await source.until(lambda: len(source.added) == 1)
