"""The whole operator: it starts, works, is quiet, and says how it stands."""

from __future__ import annotations

import asyncio

import pytest

from digital_human_operator.app import App
from digital_human_operator.seen import Key, seen_from
from tests.support.fake_server import FakeServer
from tests.support.world import NAMESPACE, WRITES, address

from .kopf_server import serve_kopf
from .operating import LEASE, deployment, operating, put_human

ADA: Key = ("DigitalHuman", NAMESPACE, "ada")
pytestmark = pytest.mark.usefixtures("collector_restored")


async def test_humans_are_made_true_and_then_it_is_quiet(server: FakeServer) -> None:
    put_human(server, "old")
    async with operating(server) as operator:
        await operator.until(lambda: deployment(server, "old"))
        put_human(server, "new")
        await operator.until(lambda: deployment(server, "new"))
        put_human(server, "new", replicas=4)
        await operator.until(lambda: deployment(server, "new")["spec"]["replicas"] == 4)
        backup = address("DigitalHumanBackup", "b")
        server.put(backup, {"kind": "DigitalHumanBackup", "metadata": {"generation": 1}})
        await operator.until(lambda: "status" in server.objects[backup])
        human = address("DigitalHuman", "new")  # its first word waits while the other is under way
        await operator.until(
            lambda: server.objects[human].get("status", {}).get("observedGeneration") == 2
        )
        await operator.until(lambda: not operator.app._queue._processing)
        await asyncio.sleep(0.5)  # echoes of our own writes
        server.log.clear()
        await asyncio.sleep(0.5)
        writes = [one for one in server.log if one[0] in WRITES and one[1] != LEASE]
        assert writes == []


async def test_endpoint_says_when_it_is_ready(server: FakeServer) -> None:
    server.faults.delay = 0.3
    async with operating(server) as operator:
        await asyncio.sleep(0.1)
        assert await operator.get("/readyz") == (503, "the watches are not complete yet")
        assert await operator.get("/healthz") == (200, "ok")
        server.faults.delay = 0
        await operator.ready()
        assert await operator.get("/readyz") == (200, "ok")
        text = (await operator.get("/metrics"))[1]
        assert 'leader_election_master_status{name="digital-human-operator"} 1.0' in text
        assert "rest_client_requests_total" in text


async def test_a_human_that_is_seen_before_its_restore_gets_no_pods(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_human(server)
    told = {"observedGeneration": 1, "phase": "Creating", "digitalHuman": "ada"}
    restore = {"metadata": {"name": "back"}, "spec": {}, "status": told}
    server.put(address("DigitalHumanRestore", "back"), restore)

    async def source(app: App) -> None:  # kopf's list of restores comes late
        seen = seen_from(server.objects[address("DigitalHuman", "ada")])
        app._watches.seen.upsert(ADA, seen)
        app._queue.add(ADA)
        await app._stop.wait()

    async def leave_it(_: Key) -> None:
        """The restore stays as it is."""

    monkeypatch.setattr(App, "_source", source)
    async with operating(server) as operator:
        operator.app._controllers["DigitalHumanRestore"] = leave_it
        await operator.until(lambda: deployment(server))
        assert deployment(server)["spec"]["replicas"] == 0


async def test_nothing_is_written_before_the_watches_are_complete(server: FakeServer) -> None:
    put_human(server)
    server.faults.fail(3, 503, verb="list", path="/cronjobs")
    async with operating(server) as operator:
        await operator.until(operator.app._election.leading.is_set)
        await operator.until(lambda: len(operator.app._watches.seen) == 1)
        if not operator.app._synced:
            assert deployment(server) == {}
        await operator.until(lambda: deployment(server))


async def test_crds_may_come_later(server: FakeServer) -> None:
    server.served.clear()
    async with operating(server) as operator:
        await operator.ready()
        serve_kopf(server)
        put_human(server)
        await operator.until(lambda: deployment(server))


async def test_it_is_not_ready_while_nobody_tells_of_humans(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(**_: object) -> None:
        raise KeyError("whatever")

    monkeypatch.setattr("kopf.spawn_tasks", broken)
    async with operating(server) as operator:
        await operator.until(lambda: operator.app._synced)
        status, said = await operator.get("/readyz")
        assert status == 503
        assert "kopf has not asked for digitalhumans" in said


async def test_a_silent_event_source_is_not_ready(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with operating(server) as operator:
        await operator.ready()
        await operator.until(lambda: operator.app._ready() is None)
        heard, operator.app._asked = operator.app._asked, -1000.0
        assert "kopf has not asked for digitalhumans" in str(operator.app._ready())
        operator.app._asked = heard
        monkeypatch.setattr("digital_human_operator.app._SILENT_SECONDS", -1.0)
        assert "nothing was heard of" in str(operator.app._ready())
