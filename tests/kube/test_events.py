from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from digital_human_operator.kube import events
from digital_human_operator.kube.client import ApiClient
from digital_human_operator.kube.events import Recorder
from tests.support.fake_server import FakeServer

from .conftest import eventually

ABOUT = {"apiVersion": "v1", "kind": "Pod", "namespace": "ns", "name": "p", "uid": "u"}


@asynccontextmanager
async def recorder(client: ApiClient) -> AsyncIterator[Recorder]:
    made = Recorder(client, "example.com/operator", "pod-1")
    task = asyncio.create_task(made.run())
    yield made
    assert not task.done()
    task.cancel()


async def test_same_event_is_sent_once(server: FakeServer, client: ApiClient) -> None:
    async with recorder(client) as made:
        for _ in range(5):
            made.record(ABOUT, "Started", "It started")
        made.record(ABOUT, "Started", "It started again", type="Warning")
        await eventually(lambda: len(server.objects) == 2)
    event = next(iter(server.objects.values()))
    assert event["note"] == "It started"
    assert event["regarding"] == ABOUT
    assert event["reportingInstance"] == "pod-1"


async def test_after_the_cool_down_a_series_counts(
    server: FakeServer, client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "COOL_DOWN", 0.0)
    async with recorder(client) as made:
        made.record(ABOUT, "Failed", "No")
        await eventually(lambda: len(server.objects) == 1)
        made.record(ABOUT, "Failed", "No")
        await eventually(lambda: server.count("patch") == 1)
        name, event = next(iter(server.objects.items()))
        assert event["series"]["count"] == 2
        server.drop(name)
        made.record(ABOUT, "Failed", "No")
        await eventually(lambda: len(server.objects) == 1)


async def test_long_notes_are_cut_at_a_character(server: FakeServer, client: ApiClient) -> None:
    async with recorder(client) as made:
        made.record(ABOUT, "Long", "ü" * 1000)
        await eventually(lambda: len(server.objects) == 1)
    assert next(iter(server.objects.values()))["note"] == "ü" * 512


async def test_failures_and_floods_only_drop_events(
    server: FakeServer, client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_MAX_QUEUED", 10)
    server.faults.fail(3, 500)
    async with recorder(client) as made:
        for i in range(30):
            made.record(ABOUT, "Flood", str(i))
        await eventually(lambda: len(server.objects) == 7)
        assert made.dropped == 23
