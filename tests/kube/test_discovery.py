from __future__ import annotations

import asyncio

from digital_human_operator.kube.client import ApiClient
from digital_human_operator.kube.discovery import Served
from digital_human_operator.kube.resources import Resource
from tests.support.fake_server import FakeServer

from .conftest import eventually

MONITORS = Resource("monitoring.example", "v1", "Monitor", "monitors")
RULES = Resource("monitoring.example", "v1", "Rule", "rules")
ROUTES = Resource("gateway.example", "v1", "Route", "routes")


async def test_kinds_come_and_go(server: FakeServer, client: ApiClient) -> None:
    changes: list[tuple[str, bool]] = []
    server.served["/apis/monitoring.example/v1"] = ["monitors"]
    served = Served(
        client,
        [MONITORS, RULES, ROUTES],
        lambda resource, now: changes.append((resource.plural, now)),
        interval=0.02,
    )
    task = asyncio.create_task(served.run())
    await served.synced.wait()
    assert [served.has(r) for r in (MONITORS, RULES, ROUTES)] == [True, False, False]
    server.served["/apis/gateway.example/v1"] = ["routes"]
    del server.served["/apis/monitoring.example/v1"]
    await eventually(lambda: len(changes) == 3)
    assert changes == [("monitors", True), ("monitors", False), ("routes", True)]
    task.cancel()


async def test_broken_group_keeps_its_last_answer(server: FakeServer, client: ApiClient) -> None:
    server.served["/apis/monitoring.example/v1"] = ["monitors"]
    served = Served(client, [MONITORS])
    await served.refresh()
    server.faults.fail(1, 503)
    await served.refresh()
    assert served.has(MONITORS)


async def test_refusal_in_one_namespace_is_none_in_another(client: ApiClient) -> None:
    served = Served(client, [MONITORS])
    served._served.add(MONITORS)
    assert served.allow(MONITORS, "a", False)
    assert not served.allow(MONITORS, "a", False)
    assert not served.has(MONITORS, "a")
    assert served.has(MONITORS, "b")
    assert served.allow(MONITORS, None, False)
    assert not served.has(MONITORS, "b")
    assert served.allow(MONITORS, None, True)
    assert served.has(MONITORS, "b")


async def test_groups_are_absent_only_when_the_server_says_so(
    server: FakeServer, client: ApiClient
) -> None:
    told: list[frozenset[str]] = []
    groups = ("metrics.example", "custom.example")
    served = Served(client, [], groups=groups, on_absent=lambda: told.append(served.absent))
    server.faults.fail(1, 503)
    await served.refresh()
    assert served.absent == frozenset(), "nothing is known"
    server.served["/apis/metrics.example/v1"] = []
    await served.refresh()
    await served.refresh()
    assert told == [frozenset({"custom.example"})]
    server.faults.fail(1, 503)
    await served.refresh()
    assert served.absent == {"custom.example"}
    server.served["/apis/custom.example/v1"] = []
    await served.refresh()
    assert told[1:] == [frozenset()]
