"""A restore as a clone that cannot go on: what is told, and that nobody talks without sessions."""

from __future__ import annotations

import pytest

from digital_human_operator.kube.errors import ServerError
from digital_human_operator.seen import Key
from tests.support.world import World, address

from .cloning import (
    ADA,
    BOB,
    ID,
    KIND,
    READING,
    RUN,
    SPEC,
    a_backup,
    ask,
    condition,
    end,
    status,
    until_created,
    until_reading,
    until_restoring,
    words,
)


class TestObstacles:
    async def test_a_name_that_is_taken_is_refused(self, world: World) -> None:
        world.human("bob")
        a_backup(world)
        assert await world.reconcile(ask(world)) is None
        assert condition(world)["reason"] == "NameTaken"
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1

    async def test_a_name_that_is_taken_meanwhile_is_left_alone(self, world: World) -> None:
        key = await until_reading(world)
        end(world, READING, words(SPEC))
        path = address("DigitalHuman", "bob")
        body = {"apiVersion": "aiqtoolkit.io/v1alpha1", "kind": "DigitalHuman"}
        world.server.put(path, body | {"metadata": {"name": "bob"}, "spec": {}})  # not seen yet
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "NameTaken"
        assert "without its sessions" not in condition(world)["message"]
        assert world.get("DigitalHuman", "bob")["spec"] == {}

    async def test_one_that_was_made_before_its_answer_was_lost_is_known_again(
        self, world: World
    ) -> None:
        key = await until_reading(world)
        end(world, READING, words(SPEC))
        world.server.faults.fail(1, 504, verb="create", path="digitalhumans", applied=True)
        with pytest.raises(ServerError):
            await world.reconcile(key)
        assert world.get("DigitalHuman", "bob")
        await world.reconcile(key)
        assert status(world)["phase"] == "Creating"
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 0

    async def test_a_backup_without_objects_is_refused(self, world: World) -> None:
        a_backup(world, include=["sessions"])
        assert await world.reconcile(ask(world)) is None
        assert condition(world)["reason"] == "NothingToRestore"
        assert "holds no objects" in condition(world)["message"]

    async def test_a_human_without_a_verified_backup_is_waited_for(self, world: World) -> None:
        world.human(**SPEC)
        assert await world.reconcile(ask(world, latestOf="ada")) == 5.0
        assert condition(world)["reason"] == "BackupUnknown"

    async def test_a_pod_that_fails_says_why_and_nothing_is_made(self, world: World) -> None:
        key = await until_reading(world)
        end(world, READING, [{"event": "failed", "message": "The key is missing."}], "Failed")
        assert await world.reconcile(key) is None
        assert condition(world, "Stalled")["message"] == "nothing was made: The key is missing."
        assert condition(world, "ObjectsRead")["message"] == "no human is made of it"
        assert not world.get("DigitalHuman", "bob")

    async def test_why_it_failed_may_come_after_the_end_of_its_job(self, world: World) -> None:
        key = await until_reading(world)
        world.put("Job", READING, status={"conditions": [{"type": "Failed", "status": "True"}]})
        assert await world.reconcile(key) == 5.0
        assert status(world)["phase"] == "Reading"
        end(world, READING, [{"event": "failed", "message": "The key is missing."}], "Failed")
        await world.reconcile(key)
        assert condition(world, "Stalled")["message"] == "nothing was made: The key is missing."

    async def test_an_object_of_which_a_piece_is_missing_is_not_used(self, world: World) -> None:
        key = await until_reading(world)
        end(world, READING, words(SPEC)[:-1])
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "ObjectUnread"
        assert not world.get("DigitalHuman", "bob")

    async def test_an_object_of_another_backup_is_not_used(self, world: World) -> None:
        key = await until_reading(world)
        end(world, READING, [word | {"digest": "e" * 64} for word in words(SPEC)])
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "ObjectUnread"
        assert not world.get("DigitalHuman", "bob")

    @pytest.mark.parametrize(
        ("digest", "phase"), [("d" * 64, "Creating"), ("e" * 64, "Failed"), (None, "Failed")]
    )
    async def test_of_the_latest_backup_the_digest_counts_too(
        self, world: World, digest: str | None, phase: str
    ) -> None:
        world.human(**SPEC)
        await world.start(ADA)
        newest = {"id": ID, "bytes": 1, "verified": True, "digest": digest}
        told = world.get("DigitalHuman")["status"] | {"backup": {"newest": newest}}
        world.put("DigitalHuman", "ada", status=told)
        key = ask(world, latestOf="ada")
        await world.reconcile(key)
        await world.reconcile(key)
        end(world, READING, words(SPEC))
        await world.reconcile(key)
        assert status(world)["phase"] == phase
        assert bool(world.get("DigitalHuman", "bob")) == (phase == "Creating")

    @pytest.mark.parametrize(("code", "reason"), [(422, "Invalid"), (403, "Forbidden")])
    async def test_what_the_api_server_does_not_take_is_told(
        self, world: World, code: int, reason: str
    ) -> None:
        key = await until_reading(world)
        end(world, READING, words(SPEC))
        world.server.faults.fail(
            1, code, verb="create", path="digitalhumans", reason=reason, message="spec.llm is odd"
        )
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "ObjectRefused"
        assert "spec.llm is odd" in condition(world)["message"]

    async def test_a_failed_restore_leaves_the_clone_without_pods(self, world: World) -> None:
        key = await until_restoring(world)
        end(world, RUN, [{"event": "failed", "message": "Redis is too old."}], "Failed")
        assert await world.reconcile(key) is None
        message = condition(world, "Stalled")["message"]
        assert "Redis is too old." in message
        assert "delete it, then ask for another restore" in message
        await world.reconcile(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 0
        world.server.drop(address(KIND, "back"))
        world.services.seen.remove(key)
        for pod in (f"{READING}-p", f"{RUN}-p"):
            world.server.drop(address("Pod", pod))
        await world.reconcile(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1

    async def test_a_clone_that_is_seen_later_than_its_restore_is_known(self, world: World) -> None:
        key = await until_created(world)
        world.services.seen.remove(BOB)  # two watches, in any order
        await world.reconcile(key)
        assert status(world)["phase"] == "Creating"

    async def test_a_clone_that_somebody_deletes_does_not_come_back(self, world: World) -> None:
        key = await until_created(world)
        world.server.drop(address("DigitalHuman", "bob"))
        world.services.seen.remove(BOB)
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "CloneDeleted"
        assert "and stays without Pods" not in condition(world)["message"]
        assert not world.get("DigitalHuman", "bob")

    @pytest.mark.parametrize(("code", "reason"), [(403, "Forbidden"), (422, "Invalid")])
    async def test_a_refused_job_leaves_the_clone_without_pods(
        self, world: World, code: int, reason: str
    ) -> None:
        key = await until_created(world)
        await world.start(BOB)
        world.put("StatefulSet", "bob-redis", status={"readyReplicas": 1, "observedGeneration": 1})
        text = "exceeded quota"
        world.server.faults.fail(5, code, verb="apply", path="jobs", reason=reason, message=text)
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "JobRefused"
        assert condition(world)["message"].startswith(f"{text}; DigitalHuman bob is there without")
        assert condition(world, "CloneCreated")["status"] == "True"
        await world.reconcile(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 0

    async def test_whoever_has_its_name_afterwards_is_not_held_back(self, world: World) -> None:
        key = await until_restoring(world)
        end(world, RUN, [{"event": "failed", "message": "Redis is too old."}], "Failed")
        await world.reconcile(key)
        for path in [one for one in world.server.objects if "/bob" in one]:
            world.server.drop(path)  # as the garbage collector does
        for pod in (f"{READING}-p", f"{RUN}-p"):
            world.server.drop(address("Pod", pod))
        world.services.seen.remove(BOB)
        world.human("bob", **SPEC)
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1
        assert "restore" not in world.get("DigitalHuman", "bob")["status"]

    async def test_a_restore_in_place_of_a_clone_waits_for_the_clone_to_be_filled(
        self, world: World
    ) -> None:
        await until_restoring(world)
        second = self.in_place(world)
        assert await world.reconcile(second) == 5.0
        told = world.condition("Ready", second)
        assert told["reason"] == "OtherRestore"
        assert told["message"] == "DigitalHumanRestore back is at work on bob"

    async def test_one_of_a_clone_that_was_not_filled_says_what_to_do_and_then_goes_on(
        self, world: World
    ) -> None:
        key = await until_restoring(world)
        end(world, RUN, [{"event": "failed", "message": "Redis is too old."}], "Failed")
        await world.reconcile(key)
        second = self.in_place(world)
        assert await world.reconcile(second) == 5.0
        told = world.condition("Ready", second)
        assert told["reason"] == "OtherRestore"
        assert "back has failed" in told["message"]
        assert "delete DigitalHumanRestore back" in told["message"]
        world.server.drop(address(KIND, "back"))
        world.services.seen.remove(key)
        for pod in (f"{READING}-p", f"{RUN}-p"):
            world.server.drop(address("Pod", pod))
        await world.reconcile(second)
        assert world.get(KIND, "second")["status"]["phase"] == "Draining"
        await world.reconcile(BOB)
        assert world.get("DigitalHuman", "bob")["status"]["restore"] == "second"

    def in_place(self, world: World) -> Key:
        """A restore of an earlier bob into the one that is there."""
        a_backup(world, digitalHuman="bob")
        spec = {"source": {"backup": "nightly"}, "target": {"inPlace": {}}}
        return world.put(KIND, "second", spec=spec)

    async def test_a_clone_that_never_gets_its_redis_is_given_up(self, world: World) -> None:
        key = await until_created(world)
        await world.start(BOB)
        world.clock = "2026-03-01T13:30:00Z"
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "CloneNotReady"
