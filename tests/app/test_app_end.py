"""The whole operator: it ends in order, loses the Lease, and does not outlive a broken part."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from digital_human_operator import app as module
from digital_human_operator.app import App
from tests.support.fake_server import FakeServer
from tests.support.world import WRITES

from .operating import LEASE, QUICK, deployment, hold, operating, put_human

pytestmark = pytest.mark.usefixtures("collector_restored")


class TestEnd:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_signal_releases_the_lease(self, server: FakeServer, number: int) -> None:
        async with operating(server) as operator:
            await operator.ready()
            assert operator.lease()["holderIdentity"] == "me"
            os.kill(os.getpid(), number)
            await operator.ended()
            assert operator.lease()["holderIdentity"] == ""

    async def test_signal_before_there_are_crds_releases_the_lease(
        self, server: FakeServer
    ) -> None:
        server.served.clear()
        async with operating(server) as operator:
            await operator.ready()
            os.kill(os.getpid(), signal.SIGTERM)
            await operator.ended()
            assert operator.lease()["holderIdentity"] == ""

    async def test_work_that_is_under_way_is_finished(self, server: FakeServer) -> None:
        async with operating(server) as operator:
            await operator.ready()
            server.faults.delay = 0.2
            put_human(server)
            await operator.until(lambda: operator.app._queue._processing)
            operator.app._stop.set()
            await operator.ended()
            assert deployment(server)  # the last child of the first reconcile
            assert operator.lease()["holderIdentity"] == ""
            released = server.log.index(("update", LEASE), -3)
            assert not [v for v, _ in server.log[released + 1 :] if v in WRITES]

    async def test_work_that_does_not_end_is_cut_off(
        self, server: FakeServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_DRAIN_SECONDS", 0.3)
        async with operating(server) as operator:
            await operator.ready()
            hang = asyncio.Event()

            async def reconcile(_: object) -> None:
                await hang.wait()

            operator.app._controllers["DigitalHuman"] = reconcile
            put_human(server)
            await operator.until(lambda: operator.app._queue._processing)
            operator.app._stop.set()
            await operator.ended()
            assert operator.lease()["holderIdentity"] == ""

    async def test_liveness_fails_while_it_ends(self, server: FakeServer) -> None:
        async with operating(server) as operator:
            await operator.ready()
            server.faults.delay = 0.5
            put_human(server)
            await operator.until(lambda: operator.app._queue._processing)
            operator.app._stop.set()
            assert await operator.get("/healthz") == (503, "shutting down")


class TestLease:
    async def test_standby_watches_and_writes_nothing(self, server: FakeServer) -> None:
        hold(server, "other")
        put_human(server)
        async with operating(server) as operator:
            await operator.until(lambda: operator.app._synced)
            await operator.until(lambda: len(operator.app._watches.seen) == 1)
            assert (await operator.get("/readyz"))[0] == 200
            await asyncio.sleep(0.3)
            assert not operator.app._may_work.is_set()
            assert not [one for one in server.log if one[0] in WRITES]

    async def test_loss_stops_the_work_until_it_leads_again(self, server: FakeServer) -> None:
        put_human(server)
        async with operating(server, **QUICK) as operator:
            await operator.until(lambda: deployment(server))
            hold(server, "thief")
            await operator.until(lambda: not operator.app._may_work.is_set())
            assert await operator.get("/healthz") == (200, "ok")
            text = (await operator.get("/metrics"))[1]
            assert 'leader_election_master_status{name="digital-human-operator"} 0.0' in text
            put_human(server, replicas=5)
            await asyncio.sleep(0.3)
            assert deployment(server)["spec"]["replicas"] != 5
            await operator.until(lambda: deployment(server)["spec"]["replicas"] == 5)  # it expired
            assert operator.lease()["holderIdentity"] == "me"

    async def test_next_lead_looks_at_everything(self, server: FakeServer) -> None:
        seen: list[str] = []

        async def note(key: tuple[str, str, str]) -> None:
            seen.append(key[2])

        for name in ("ada", "bob"):
            put_human(server, name)
        async with operating(server, **QUICK) as operator:
            operator.app._controllers["DigitalHuman"] = note
            await operator.until(lambda: sorted(seen) == ["ada", "bob"])
            hold(server, "thief")
            await operator.until(lambda: not operator.app._may_work.is_set())
            assert sorted(seen) == ["ada", "bob"]
            await operator.until(lambda: sorted(seen) == ["ada", "ada", "bob", "bob"])

    async def test_outage_of_the_api_server_is_survived(self, server: FakeServer) -> None:
        put_human(server)
        async with operating(server, **QUICK) as operator:
            await operator.until(lambda: deployment(server))
            server.faults.fail(100_000, 503)
            await server.cut_watches()
            await operator.until(lambda: not operator.app._may_work.is_set())
            server.faults.failures.clear()
            put_human(server, replicas=5)
            await operator.until(lambda: deployment(server)["spec"]["replicas"] == 5)


class TestFailure:
    @pytest.mark.parametrize("part", ["_sync", "_sweep", "_work", "_elect", "_source"])
    async def test_part_that_fails_ends_the_process(
        self, server: FakeServer, part: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fail(_: App) -> None:
            await asyncio.sleep(0.3)
            raise RuntimeError("a part is broken")

        monkeypatch.setattr(App, part, fail)
        async with operating(server) as operator:
            with pytest.raises(RuntimeError, match="a part is broken"):
                await operator.ended()
            assert operator.lease().get("holderIdentity", "") == ""

    async def test_failure_of_a_watch_loop_ends_the_process(self, server: FakeServer) -> None:
        async with operating(server) as operator:
            await operator.ready()

            async def fail() -> None:
                raise RuntimeError("a part is broken")

            operator.app._watches._group.create_task(fail())
            with pytest.raises(ExceptionGroup):
                await operator.ended()
            assert operator.lease()["holderIdentity"] == ""

    async def test_lease_that_cannot_be_read_ends_the_process(self, server: FakeServer) -> None:
        """Before this process leads: nobody else would notice that it never will."""
        server.put(LEASE, {"metadata": {}, "spec": {"holderIdentity": "", "leaseTransitions": "x"}})
        async with operating(server) as operator:
            with pytest.raises(ValueError, match="invalid literal"):
                await operator.ended()

    async def test_sweep_that_cannot_list_is_tried_again(
        self, server: FakeServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_SWEEP_SECONDS", 0.2)
        put_human(server)
        async with operating(server) as operator:
            await operator.until(lambda: len(operator.app._watches.seen) == 1)
            server.faults.fail(2, 503, verb="list")
            gone = ("DigitalHuman", "humans", "ghost")
            known = operator.app._watches.seen.get(("DigitalHuman", "humans", "ada"))
            assert known is not None
            operator.app._watches.seen.upsert(gone, known)
            await operator.until(lambda: operator.app._watches.seen.get(gone) is None)
