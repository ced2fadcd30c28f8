"""A restore as a clone of which something is lost: words of a Pod, the mark on the clone."""

from __future__ import annotations

import asyncio

import pytest

from digital_human_operator import names
from tests.support.world import World, address

from .cloning import (
    BOB,
    KIND,
    READING,
    RESTORED,
    RUN,
    SPEC,
    condition,
    end,
    status,
    told_to,
    until_created,
    until_reading,
    until_restoring,
    words,
)


class TestLostWords:
    """The Pod that reads the object is gone before anybody has seen what it told."""

    @pytest.fixture(autouse=True)
    def at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nobody waits for words that may still come."""
        monkeypatch.setattr("digital_human_operator.controllers.requests._LAST_WORD", 0.0)

    async def lose(self, world: World, job: str) -> None:
        """The Job is complete, and its Pod is gone."""
        end(world, job, [])
        world.server.drop(address("Pod", f"{job}-p"))

    async def test_it_is_read_again(self, world: World) -> None:
        key = await until_reading(world)
        await self.lose(world, READING)
        assert await world.reconcile(key) == 5.0
        assert (status(world)["phase"], status(world)["readings"]) == ("Reading", 2)
        assert "again" in condition(world)["message"]
        assert not world.get("DigitalHuman", "bob")
        await world.reconcile(key)
        second = names.reading_run("back", 2)
        assert told_to(world, second) == told_to(world, READING)
        end(world, second, words(SPEC))
        await world.reconcile(key)
        assert status(world)["phase"] == "Creating"
        assert world.get("DigitalHuman", "bob")["spec"]["persona"] == SPEC["persona"]

    async def test_a_pod_that_told_nothing_is_lost_too(self, world: World) -> None:
        key = await until_reading(world)
        end(world, READING, [])
        await world.reconcile(key)
        assert status(world)["readings"] == 2

    async def test_an_operator_that_starts_anew_does_not_read_more_often(
        self, world: World
    ) -> None:
        key = await until_reading(world)
        await self.lose(world, READING)
        await world.reconcile(key)
        again = World(world.server, world.services.client)
        for kind, name in ((KIND, "back"), ("DigitalHuman", "ada")):
            again.put(kind, name)
        again.put("DigitalHumanBackup", "nightly")
        await again.reconcile(key)
        await again.reconcile(key)
        assert status(again)["readings"] == 2
        assert not again.get("Job", names.reading_run("back", 3))

    async def test_it_ends_after_three_readings(self, world: World) -> None:
        key = await until_reading(world)
        for number in (1, 2):
            await self.lose(world, names.reading_run("back", number))
            assert await world.reconcile(key) == 5.0
            await world.reconcile(key)
        await self.lose(world, names.reading_run("back", 3))
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "ObjectUnread"
        assert "3 times" in condition(world)["message"]
        assert not world.get("Job", names.reading_run("back", 4))

    async def test_each_reading_has_its_time_to_tell(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = await until_reading(world)
        monkeypatch.setattr("digital_human_operator.controllers.requests._LAST_WORD", 0.05)
        for number in (1, 2):
            await self.lose(world, names.reading_run("back", number))
            before = status(world)
            await world.reconcile(key)
            assert status(world) == before  # its words may come yet
            await asyncio.sleep(0.06)
            await world.reconcile(key)
            assert status(world)["readings"] == number + 1
            await world.reconcile(key)

    async def test_a_backup_without_sessions_is_known_as_one_when_the_pod_is_gone(
        self, world: World
    ) -> None:
        key = await until_created(world, held=("objects", "config"))
        assert sorted(status(world)["parts"]) == ["config", "objects"]
        world.server.drop(address("Pod", f"{READING}-p"))
        assert await world.reconcile(key) is None
        assert status(world)["phase"] == "Succeeded"
        assert not world.get("Job", RUN)
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1

    async def test_what_a_start_between_two_writes_has_lost_is_read_again(
        self, world: World
    ) -> None:
        key = await until_created(world, held=("objects", "config"))
        told = status(world)
        del told["parts"]
        world.put(KIND, "back", status=told)
        world.server.drop(address("Pod", f"{READING}-p"))
        await world.reconcile(key)
        assert (status(world)["phase"], status(world)["readings"]) == ("Creating", 2)
        await world.reconcile(key)
        end(world, names.reading_run("back", 2), words(SPEC, ("objects", "config")))
        await world.reconcile(key)
        await world.reconcile(key)
        assert status(world)["phase"] == "Succeeded"
        made = [one for one in world.server.objects if "/digitalhumans/bob" in one]
        assert len(made) == 1

    @pytest.mark.parametrize("kind", ["Complete", "Failed"])
    async def test_a_backup_of_which_nobody_can_tell_is_taken_for_one_with_sessions(
        self, world: World, kind: str
    ) -> None:
        key = await until_created(world)
        await world.start(BOB)
        world.put("StatefulSet", "bob-redis", status={"readyReplicas": 1, "observedGeneration": 1})
        told = status(world) | {"readings": 3}
        del told["parts"]
        world.put(KIND, "back", status=told)
        await world.reconcile(key)
        assert "read again" in condition(world)["message"]
        assert not world.get("Job", RUN)
        end(world, names.reading_run("back", 3), [], kind)
        await world.reconcile(key)
        assert world.get("Job", RUN)


class TestMark:
    """The annotation by which a clone is known, which `kubectl replace` takes away."""

    def strip(self, world: World) -> None:
        world.put("DigitalHuman", "bob", metadata={"annotations": {}})

    async def test_without_it_the_clone_is_held_and_filled_all_the_same(self, world: World) -> None:
        key = await until_created(world)
        assert status(world)["cloneUid"] == world.get("DigitalHuman", "bob")["metadata"]["uid"]
        self.strip(world)
        assert await world.reconcile(key) == 5.0
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 0
        world.put("StatefulSet", "bob-redis", status={"readyReplicas": 1, "observedGeneration": 1})
        await world.reconcile(key)
        assert status(world)["phase"] == "Restoring"
        end(world, RUN, [RESTORED])
        await world.reconcile(key)
        assert status(world)["phase"] == "Succeeded"
        await world.reconcile(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1

    async def test_without_it_a_clone_that_was_not_filled_stays_without_pods(
        self, world: World
    ) -> None:
        key = await until_restoring(world)
        end(world, RUN, [{"event": "failed", "message": "Redis is too old."}], "Failed")
        assert await world.reconcile(key) is None
        self.strip(world)
        for pod in (f"{READING}-p", f"{RUN}-p"):
            world.server.drop(address("Pod", pod))
        await world.reconcile(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 0
        again = World(world.server, world.services.client)
        again.put("DigitalHuman", "bob")  # the restore was not seen yet
        await again.reconcile(BOB)
        assert again.get("Deployment", "bob")["spec"]["replicas"] == 0

    async def test_who_has_copied_it_is_no_clone(self, world: World) -> None:
        key = await until_restoring(world)
        end(world, RUN, [{"event": "failed", "message": "Redis is too old."}], "Failed")
        await world.reconcile(key)
        marks = world.get("DigitalHuman", "bob")["metadata"]["annotations"]
        for path in [one for one in world.server.objects if "/bob" in one]:
            world.server.drop(path)
        for pod in (f"{READING}-p", f"{RUN}-p"):
            world.server.drop(address("Pod", pod))
        world.services.seen.remove(BOB)
        world.put("DigitalHuman", "bob", metadata={"annotations": marks}, spec=SPEC)
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1

    async def test_another_one_under_its_name_is_not_filled(self, world: World) -> None:
        key = await until_created(world)
        marks = world.get("DigitalHuman", "bob")["metadata"]["annotations"]
        world.server.drop(address("DigitalHuman", "bob"))
        world.services.seen.remove(BOB)
        world.put("DigitalHuman", "bob", metadata={"annotations": marks}, spec=SPEC)
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "CloneDeleted"
        assert "another one has its name" in condition(world)["message"]
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1
