from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec
import pytest

from digital_human_operator.kube.client import ApiClient
from digital_human_operator.kube.errors import Conflict, NotFound, ServerError
from digital_human_operator.kube.lease import LEASES, LeaderElection
from tests.support.fake_server import FakeServer

pytestmark = [pytest.mark.asyncio]


class LeaseServer:
    """One Lease in memory, for virtual time: sockets do not wait for a clock that jumps."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.hung: set[str] = set()
        self.failing = False
        self.applies_but_hangs = False

    def client(self, who: str) -> ApiClient:
        return cast("ApiClient", _LeaseClient(self, who))

    @property
    def holder(self) -> str:
        return self.lease["spec"]["holderIdentity"] if self.lease else ""


class _LeaseClient:
    def __init__(self, server: LeaseServer, who: str) -> None:
        self.server, self.who = server, who

    async def _arrive(self) -> None:
        await asyncio.sleep(0.01)
        if self.who in self.server.hung:
            await asyncio.sleep(3600)
        if self.server.failing:
            raise ServerError("down")

    async def get(self, *_: object) -> bytes:
        await self._arrive()
        if self.server.lease is None:
            raise NotFound("none")
        return msgspec.json.encode(self.server.lease)

    async def create(self, *args: Any, **_: object) -> bytes:
        await self._arrive()
        if self.server.lease is not None:
            raise Conflict("exists")
        return await self._store(msgspec.json.decode(args[2]))

    async def replace(self, *args: Any, **_: object) -> bytes:
        await self._arrive()
        lease = msgspec.json.decode(args[3])
        if lease["metadata"]["resourceVersion"] != str(self.server.version):
            raise Conflict("changed")
        return await self._store(lease)

    async def _store(self, lease: dict[str, Any]) -> bytes:
        self.server.version += 1
        lease["metadata"]["resourceVersion"] = str(self.server.version)
        self.server.lease = lease
        if self.server.applies_but_hangs:
            await asyncio.sleep(3600)
        return msgspec.json.encode(lease)


def candidate(server: LeaseServer, who: str) -> LeaderElection:
    loop = asyncio.get_running_loop()
    return LeaderElection(server.client(who), "ns", "lease", who, clock=loop.time)


async def without_an_answer(server: LeaseServer) -> tuple[LeaderElection, asyncio.Task[None]]:
    """A candidate whose name is on the Lease, which nobody told it."""
    server.applies_but_hangs = True
    a = candidate(server, "a")
    task = asyncio.create_task(a.run())
    await asyncio.sleep(3)
    assert server.holder == "a"
    assert not a.may_write()
    server.applies_but_hangs = False
    return a, task


async def until(event: asyncio.Event, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.timeout(seconds):
        await event.wait()
    return loop.time() - started


@pytest.mark.looptime
async def test_one_of_two_leads_and_keeps_leading() -> None:
    server = LeaseServer()
    a, b = candidate(server, "a"), candidate(server, "b")
    tasks = [asyncio.create_task(e.run()) for e in (a, b)]
    for _ in range(300):
        await asyncio.sleep(1)
        assert a.may_write() + b.may_write() == 1
    assert server.lease is not None
    assert server.lease["spec"]["leaseTransitions"] == 0
    for task in tasks:
        task.cancel()


@pytest.mark.looptime
async def test_hung_leader_stops_writing_before_the_other_starts() -> None:
    server = LeaseServer()
    a = candidate(server, "a")
    first = asyncio.create_task(a.run())
    await until(a.leading, 1)
    b = candidate(server, "b")
    second = asyncio.create_task(b.run())
    await asyncio.sleep(30)
    server.hung.add("a")
    stopped = started = 0.0
    for tick in range(400):
        await asyncio.sleep(0.1)
        assert not (a.may_write() and b.may_write())
        if not a.may_write() and not stopped:
            stopped = tick / 10
        if b.may_write() and not started:
            started = tick / 10
    assert 7 < stopped <= 10.1
    assert 12 < started <= 20
    assert a.lost.is_set()
    assert not a.leading.is_set()
    assert first.done()
    assert server.lease is not None
    assert server.lease["spec"]["leaseTransitions"] == 1
    second.cancel()


@pytest.mark.looptime
async def test_short_outage_is_survived() -> None:
    server = LeaseServer()
    a = candidate(server, "a")
    task = asyncio.create_task(a.run())
    await until(a.leading, 1)
    server.failing = True
    await asyncio.sleep(6)
    assert a.may_write()
    server.failing = False
    await asyncio.sleep(20)
    assert a.may_write()
    task.cancel()


@pytest.mark.looptime
async def test_release_lets_the_next_one_start_at_once() -> None:
    server = LeaseServer()
    a = candidate(server, "a")
    first = asyncio.create_task(a.run())
    await until(a.leading, 1)
    b = candidate(server, "b")
    second = asyncio.create_task(b.run())
    await asyncio.sleep(10)
    await a.release()
    assert not a.may_write()
    assert await until(b.leading, 5) < 3
    await asyncio.sleep(5)
    assert first.done()
    assert not a.lost.is_set()
    second.cancel()


@pytest.mark.looptime
@pytest.mark.parametrize("after", [0.005, 0.015, 0.025])
async def test_release_during_the_first_attempt_leaves_no_name(after: float) -> None:
    server = LeaseServer()
    a = candidate(server, "a")
    task = asyncio.create_task(a.run())
    await asyncio.sleep(after)
    await a.release()
    await asyncio.sleep(5)
    assert (server.holder, task.done()) == ("", True)


@pytest.mark.looptime
async def test_release_after_an_answer_was_lost_leaves_no_name() -> None:
    server = LeaseServer()
    a, task = await without_an_answer(server)
    await a.release()
    assert server.holder == ""
    task.cancel()


@pytest.mark.looptime
async def test_stolen_lease_is_lost_at_once() -> None:
    server = LeaseServer()
    a = candidate(server, "a")
    task = asyncio.create_task(a.run())
    await until(a.leading, 1)
    assert server.lease is not None
    server.lease["spec"]["holderIdentity"] = "thief"
    server.version += 1
    server.lease["metadata"]["resourceVersion"] = str(server.version)
    await until(a.lost, 4)
    assert not a.may_write()
    await task


@pytest.mark.looptime
async def test_silence_is_told_in_words(caplog: pytest.LogCaptureFixture) -> None:
    server = LeaseServer()
    server.hung.add("a")
    task = asyncio.create_task(candidate(server, "a").run())
    with caplog.at_level("INFO"):
        await asyncio.sleep(6)
    assert "the Lease cannot be had: no answer in time" in caplog.messages
    task.cancel()


@pytest.mark.looptime
async def test_silent_release_is_told_in_words(caplog: pytest.LogCaptureFixture) -> None:
    server = LeaseServer()
    a = candidate(server, "a")
    task = asyncio.create_task(a.run())
    await until(a.leading, 1)
    server.hung.add("a")
    await a.release()
    assert caplog.messages[-1].endswith("it expires by itself: no answer in time")
    task.cancel()


@pytest.mark.looptime
async def test_acquired_but_answer_lost() -> None:
    a, task = await without_an_answer(LeaseServer())
    await until(a.leading, 10)
    task.cancel()


async def test_works_over_http(server: FakeServer, client: ApiClient) -> None:
    a = LeaderElection(client, "ns", "l", "a", lease_seconds=3, renew_deadline=2, retry_period=0.05)
    b = LeaderElection(client, "ns", "l", "b", lease_seconds=3, renew_deadline=2, retry_period=0.05)
    tasks = [asyncio.create_task(a.run())]
    await until(a.leading, 2)
    tasks.append(asyncio.create_task(b.run()))
    await asyncio.sleep(0.2)
    assert (a.is_leader, b.is_leader) == (True, False)
    await a.release()
    await until(b.leading, 2)
    lease = server.objects[LEASES.path("ns", "l")]
    assert lease["spec"]["holderIdentity"] == "b"
    for task in tasks:
        task.cancel()
