"""A change of anything that is watched finds the human that it belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import pytest

from digital_human_operator.handlers import LISTED_PRIORITY
from digital_human_operator.kinds import METRICS, OPTIONAL
from digital_human_operator.kube.errors import ServerError
from digital_human_operator.kube.resources import Resource
from digital_human_operator.names import (
    ANNOTATION_RECORDED,
    BACKUP,
    FIELD_MANAGER,
    LABEL_COMPONENT,
    LABEL_HUMAN,
    LABEL_JOB,
    MANAGED_BY,
    REDIS,
)
from digital_human_operator.seen import Key
from digital_human_operator.watches import STATUS_DELAY
from tests.support.world import World, a_world, address

ADA: Key = ("DigitalHuman", "humans", "ada")
LABELS = {"labels": {LABEL_HUMAN: "ada", MANAGED_BY: FIELD_MANAGER}}
ROUTES = next(r for r in OPTIONAL if r.kind == "HTTPRoute")


class Watched:
    """A world whose watches run, and what they queue."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.added: list[tuple[Key, float, int]] = []
        queue = cast("Any", world.queue)
        queue.add = partial(self._add, seconds=0)
        queue.add_after = self._add

    def _add(self, key: Key, seconds: float, *, priority: int = 0) -> None:
        self.added.append((key, seconds, priority))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.005)

    async def queued(self) -> tuple[Key, float, int]:
        """What is queued next: key, seconds, priority."""
        await self.until(lambda: bool(self.added))
        return self.added.pop(0)


@asynccontextmanager
async def watching(world: World) -> AsyncIterator[Watched]:
    watched = Watched(world)
    task = asyncio.create_task(world.watches.run())
    async with asyncio.timeout(10):
        await world.watches.wait_synced()
    try:
        yield watched
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        yield made


async def test_listed_children_wait_behind_changes(world: World) -> None:
    world.put("Service", metadata=LABELS)
    async with watching(world) as watched:
        assert await watched.queued() == (ADA, 0, LISTED_PRIORITY)
        world.put("Service", spec={"changed": "by somebody"})
        assert await watched.queued() == (ADA, 0, 0)
        world.server.drop(address("Service", "ada"))
        assert await watched.queued() == (ADA, 0, 0)


async def test_changes_of_status_are_collected(world: World) -> None:
    world.put("Deployment", metadata=LABELS, status={"readyReplicas": 0})
    async with watching(world) as watched:
        await watched.queued()
        world.put("Deployment", status={"readyReplicas": 1})
        assert await watched.queued() == (ADA, STATUS_DELAY, 0)


async def test_what_no_reconcile_looks_at_queues_nothing(world: World) -> None:
    world.put("Deployment", metadata=LABELS, status={"readyReplicas": 1})
    async with watching(world) as watched:
        await watched.queued()
        world.put("Deployment", status={"readyReplicas": 1, "unknown": "news"})
        world.put("ConfigMap", "theirs")
        world.put("Service", "marker", metadata=LABELS)
        assert await watched.queued() == (ADA, 0, 0)
        assert watched.added == []


async def test_child_that_changes_hands_queues_both_humans(world: World) -> None:
    world.put("Service", metadata=LABELS)
    async with watching(world) as watched:
        await watched.queued()
        labels = LABELS["labels"] | {LABEL_HUMAN: "bob"}
        world.put("Service", metadata={"labels": labels})
        found = {(await watched.queued())[0][2] for _ in range(2)}
        assert found == {"ada", "bob"}


async def test_pods_are_watched(world: World) -> None:
    async with watching(world) as watched:
        world.put("Pod", "ada-1", metadata=LABELS, status={"phase": "Pending"})
        assert (await watched.queued())[0] == ADA


async def test_claim_of_a_stateful_set_is_watched(world: World) -> None:
    """It lacks the label of who manages it."""
    async with watching(world) as watched:
        labels = {LABEL_HUMAN: "ada", LABEL_COMPONENT: REDIS}
        world.put("PersistentVolumeClaim", "data-ada-redis-0", metadata={"labels": labels})
        assert (await watched.queued())[0] == ADA


async def test_secret_that_a_human_refers_to_queues_it(world: World) -> None:
    async with watching(world) as watched:
        world.services.references.want("Secret", "humans", "s", ADA)
        world.put("Secret", "other", data={})
        world.put("Secret", "s", data={"k": "eA=="})
        assert await watched.queued() == (ADA, 0, 0)


async def test_kind_that_begins_to_be_served_is_watched(world: World) -> None:
    world.human()
    world.watches.served._interval = 0.02
    world.server.unserved.add(ROUTES.plural)
    for group in METRICS:  # their coming is another reason to look at every human
        world.server.served[f"/apis/{group}/v1beta1"] = []
    async with watching(world) as watched:
        watched.added.clear()
        world.server.unserved.clear()
        world.server.served[ROUTES.prefix] = [ROUTES.plural]
        assert await watched.queued() == (ADA, 2, LISTED_PRIORITY)
        world.put("HTTPRoute", metadata=LABELS)
        assert (await watched.queued())[0] == ADA
        del world.server.served[ROUTES.prefix]
        assert await watched.queued() == (ADA, 2, LISTED_PRIORITY)


async def test_metrics_that_begin_to_be_served_have_every_human_looked_at(world: World) -> None:
    world.human()
    world.watches.served._interval = 0.02
    world.server.served["/apis/apps/v1"] = ["deployments"]
    async with watching(world) as watched:
        await watched.until(lambda: len(world.watches.served.absent) == 2)
        watched.added.clear()
        world.server.served["/apis/metrics.k8s.io/v1beta1"] = ["pods"]
        assert await watched.queued() == (ADA, 2, LISTED_PRIORITY)
        assert world.watches.served.absent == {"custom.metrics.k8s.io"}


class TestOwn:
    async def test_what_kopf_has_not_listed_yet_is_seen_and_queued(self, world: World) -> None:
        known = world.human("known")
        world.server.put(address("DigitalHuman", "ada"), {"kind": "DigitalHuman"})
        world.server.put(address("DigitalHumanRestore", "back"), {"kind": "DigitalHumanRestore"})
        watched = Watched(world)
        await world.watches.see_own()
        back = ("DigitalHumanRestore", "humans", "back")
        assert set(world.services.seen) == {known, ADA, back}
        assert watched.added == [(ADA, 0, LISTED_PRIORITY), (back, 0, LISTED_PRIORITY)]

    async def test_what_goes_while_it_is_listed_does_not_stay(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.server.put(address("DigitalHuman", "ada"), {"kind": "DigitalHuman"})
        see = world.watches._see

        def see_late(resource: Resource, body: dict[str, Any]) -> bool:
            world.server.drop(address("DigitalHuman", "ada"))
            return see(resource, body)

        monkeypatch.setattr(world.watches, "_see", see_late)
        await world.watches.see_own()
        assert world.services.seen.get(ADA) is None

    @pytest.mark.parametrize("status", [403, 404])
    async def test_a_kind_that_may_not_be_listed_keeps_nobody_from_work(
        self, world: World, status: int
    ) -> None:
        world.server.put(address("DigitalHuman", "ada"), {"kind": "DigitalHuman"})
        world.server.faults.fail(1, status, verb="list", path="/digitalhumanbackups")
        await world.watches.see_own()
        assert set(world.services.seen) == {ADA}


class TestSweep:
    async def test_human_that_is_gone_unnoticed_is_forgotten_and_queued(self, world: World) -> None:
        gone, kept = world.human("gone"), world.human("kept")
        backup = world.put("DigitalHumanBackup", "gone")
        world.server.drop(address("DigitalHuman", "gone"))
        watched = Watched(world)
        await world.watches.sweep()
        assert set(world.services.seen) == {kept, backup}
        assert [key for key, *_ in watched.added] == [gone]

    async def test_human_that_was_replaced_unnoticed_is_forgotten(self, world: World) -> None:
        world.human()
        world.server.drop(address("DigitalHuman", "ada"))
        world.server.put(address("DigitalHuman", "ada"), {"kind": "DigitalHuman"})
        await world.watches.sweep()
        assert len(world.services.seen) == 0

    async def test_human_that_appears_during_the_sweep_stays(self, world: World) -> None:
        world.server.faults.delay = 0.05
        sweep = asyncio.create_task(world.watches.sweep())
        await asyncio.sleep(0.02)
        key = world.human()
        await sweep
        assert world.services.seen.get(key) is not None

    async def test_sweep_that_fails_forgets_nothing(self, world: World) -> None:
        key = world.human()
        world.server.faults.fail(1, 500, verb="list")
        with pytest.raises(ServerError):
            await world.watches.sweep()
        assert world.services.seen.get(key) is not None


async def test_jobs_and_pods_of_a_backup_queue_what_tells_of_them(world: World) -> None:
    world.put("DigitalHumanBackup", "today")
    world.put("DigitalHumanBackup", "ada-260227-0200")
    asked = world.get("DigitalHumanBackup", "today")["metadata"]["uid"]
    owner = {"kind": "DigitalHumanBackup", "name": "today", "uid": asked, "controller": True}
    noted = {"annotations": {ANNOTATION_RECORDED: "ada-260227-0200"}}
    lost = {"annotations": {ANNOTATION_RECORDED: "deleted"}}
    jobs: dict[str, dict[str, Any]] = {"a": {"ownerReferences": [owner]}, "b": noted, "c": lost}
    for name, metadata in jobs.items():
        world.put("Job", name, metadata=LABELS | metadata)
    async with watching(world) as watched:
        await watched.until(lambda: len(watched.added) >= 5)
        watched.added.clear()

        async def queued(phase: str, job: str) -> set[str]:
            labels = LABELS["labels"] | {LABEL_COMPONENT: BACKUP, LABEL_JOB: job}
            world.put("Pod", job, metadata={"labels": labels}, status={"phase": phase})
            await watched.until(lambda: ADA in {one[0] for one in watched.added})
            found = {one[0][2] for one in watched.added}
            watched.added.clear()
            return found

        for phase in ("Pending", "Running"):
            assert await queued(phase, "a") == {"ada", "today"}
            assert await queued(phase, "b") == {"ada", "ada-260227-0200"}
            assert await queued(phase, "c") == {"ada"}
            assert await queued(phase, "unknown") == {"ada"}
