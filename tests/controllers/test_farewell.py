"""deletionPolicy FinalBackup: held back until a backup is complete, and never for ever."""

from __future__ import annotations

from typing import Any

import pytest

from digital_human_operator import names
from digital_human_operator.kube.errors import Forbidden
from digital_human_operator.seen import Key
from tests.support.world import NAMESPACE, World, address

DELETED = "2026-03-01T12:00:00Z"
SPEC: dict[str, Any] = {
    "deletionPolicy": "FinalBackup",
    "backup": {
        "schedule": "@daily",
        "destination": {"persistentVolumeClaim": {"claimName": "backups"}},
    },
}
HUMAN = "apply digitalhumans/ada"


async def a_deleted_human(world: World, **spec: Any) -> tuple[Key, str]:
    """Its key, and the name of its last backup."""
    key = world.human(**(SPEC | spec))
    await world.reconcile(key)
    uid = world.get("DigitalHuman")["metadata"]["uid"]
    world.put("DigitalHuman", metadata={"deletionTimestamp": DELETED})
    world.clock = DELETED
    world.writes()
    return key, names.final_backup("ada", uid)


def finalizers(world: World) -> list[str]:
    found: list[str] = world.get("DigitalHuman")["metadata"].get("finalizers", [])
    return found


def answer(world: World, name: str, kind: str, message: str = "m", generation: int = 1) -> None:
    """What the backup's controller says."""
    condition = {"type": kind, "status": "True", "reason": "R", "message": message}
    status = {"observedGeneration": generation, "conditions": [condition]}
    world.put("DigitalHumanBackup", name, status=status)


def told(world: World) -> list[str]:
    return [str(item.event["note"]) for item in world.services.recorder._queue]


class TestFinalizer:
    async def test_comes_before_any_child_and_costs_one_write(self, world: World) -> None:
        key = world.human(**SPEC)
        await world.reconcile(key)
        writes = world.writes()
        assert writes[0] == HUMAN
        assert writes.count(HUMAN) == 1
        assert finalizers(world) == [names.FINALIZER]
        await world.reconcile(key)
        assert world.writes() == []

    async def test_goes_with_the_policy(self, world: World) -> None:
        key = world.human(**SPEC)
        await world.reconcile(key)
        world.human(**(SPEC | {"deletionPolicy": "Retain"}))
        await world.reconcile(key)
        assert finalizers(world) == []

    @pytest.mark.parametrize("policy", ["Delete", "Retain"])
    async def test_other_policies_need_none(self, world: World, policy: str) -> None:
        key = world.human(deletionPolicy=policy)
        await world.reconcile(key)
        assert HUMAN not in world.writes()


class TestFarewell:
    async def test_backup_is_asked_for_once_and_waited_for(self, world: World) -> None:
        key, name = await a_deleted_human(world)
        again = await world.reconcile(key)
        assert again == 5
        backup = world.get("DigitalHumanBackup", name)
        assert backup["spec"] == {
            "digitalHuman": "ada",
            "destination": SPEC["backup"]["destination"],
        }
        assert "ownerReferences" not in backup["metadata"]
        assert world.condition("Ready")["reason"] == "FinalBackup"
        assert name in world.condition("Ready")["message"]
        assert world.get("DigitalHuman")["status"]["phase"] == "Draining"
        world.writes()
        world.put("DigitalHumanBackup", name)  # as the watch tells of it
        assert await world.reconcile(key) == 5
        assert world.writes() == []
        assert finalizers(world) == [names.FINALIZER]

    async def test_complete_backup_lets_the_human_go(self, world: World) -> None:
        key, name = await a_deleted_human(world)
        await world.reconcile(key)
        answer(world, name, "Ready")
        world.writes()
        assert await world.reconcile(key) is None
        assert world.writes() == [HUMAN]
        assert finalizers(world) == []
        assert told(world) == []

    @pytest.mark.parametrize(
        "spec", [{"digitalHuman": "bob"}, {"digitalHuman": "ada", "include": ["config"]}]
    )
    async def test_backup_of_something_else_under_its_name_is_not_taken_for_it(
        self, world: World, spec: dict[str, Any]
    ) -> None:
        key, name = await a_deleted_human(world)
        world.put(
            "DigitalHumanBackup", name, spec={"destination": SPEC["backup"]["destination"]} | spec
        )
        answer(world, name, "Ready")
        assert await world.reconcile(key) is None
        assert finalizers(world) == []
        (text,) = told(world)
        assert f"no final backup {name}: " in text
        assert "is there for something else" in text

    async def test_answer_about_another_generation_is_none(self, world: World) -> None:
        key, name = await a_deleted_human(world)
        await world.reconcile(key)
        answer(world, name, "Ready", generation=7)
        assert await world.reconcile(key) == 5

    async def test_failed_backup_is_told_and_lets_the_human_go(self, world: World) -> None:
        key, name = await a_deleted_human(world)
        await world.reconcile(key)
        answer(world, name, "Stalled", "no such bucket")
        assert await world.reconcile(key) is None
        assert finalizers(world) == []
        assert told(world) == [f"no final backup {name}: no such bucket; the volumes are retained"]

    async def test_backup_that_cannot_be_made_lets_the_human_go(self, world: World) -> None:
        nothing = SPEC["backup"] | {"include": ["models"]}
        key, name = await a_deleted_human(world, backup=nothing)
        await world.reconcile(key)
        await world.reconcile(world.put("DigitalHumanBackup", name))
        await world.reconcile(key)
        assert finalizers(world) == []
        assert "nothing of ada is backed up" in told(world)[0]

    async def test_backup_that_is_made_lets_the_human_go(self, world: World) -> None:
        key, name = await a_deleted_human(world)
        await world.reconcile(key)
        backup = world.put("DigitalHumanBackup", name)
        await world.reconcile(backup)
        assert await world.reconcile(key) == 5
        done = {"conditions": [{"type": "Complete", "status": "True"}]}
        world.put("Job", names.backup_run(name), status=done)
        await world.reconcile(backup)
        world.backups._last_word.since[backup] -= 60  # its Pod tells nothing
        await world.reconcile(backup)
        assert await world.reconcile(key) is None
        assert finalizers(world) == []
        assert told(world)[0].startswith("the backup is made")

    async def test_deadline_ends_the_wait(self, world: World) -> None:
        key, name = await a_deleted_human(world)
        world.clock = "2026-03-01T12:59:58Z"
        assert await world.reconcile(key) == 2
        world.put("DigitalHumanBackup", name)
        world.clock = "2026-03-01T13:00:00Z"
        assert await world.reconcile(key) is None
        assert finalizers(world) == []
        assert "not complete 60 minutes after the deletion" in told(world)[0]

    async def test_namespace_that_goes_is_not_held_back(self, world: World) -> None:
        key, _ = await a_deleted_human(world)
        said = (
            f"unable to create new content in namespace {NAMESPACE} because it is being terminated"
        )
        world.server.faults.fail(1, 403, verb="create", reason="Forbidden", message=said)
        assert await world.reconcile(key) is None
        assert finalizers(world) == []
        assert "is being deleted" in told(world)[0]

    async def test_refusal_that_may_pass_is_tried_again_until_the_deadline(
        self, world: World
    ) -> None:
        key, _ = await a_deleted_human(world)
        quota = "exceeded quota: few, requested: a=1, used: a=1, limited: a=1"
        world.server.faults.fail(2, 403, verb="create", reason="Forbidden", message=quota)
        with pytest.raises(Forbidden):
            await world.reconcile(key)
        assert finalizers(world) == [names.FINALIZER]
        world.clock = "2026-03-01T13:00:00Z"
        assert await world.reconcile(key) is None
        assert "quota few" in told(world)[0]

    async def test_request_that_is_invalid_is_told(self, world: World) -> None:
        key, _ = await a_deleted_human(world)
        world.server.faults.fail(1, 422, verb="create", message="spec.destination: no")
        assert await world.reconcile(key) is None
        assert "spec.destination: no" in told(world)[0]

    async def test_request_that_was_made_before_a_restart_is_found(self, world: World) -> None:
        key, name = await a_deleted_human(world)
        world.server.put(address("DigitalHumanBackup", name), {"metadata": {}})
        assert await world.reconcile(key) == 5
        assert finalizers(world) == [names.FINALIZER]

    async def test_children_are_left_alone_meanwhile(self, world: World) -> None:
        key, _ = await a_deleted_human(world)
        before = world.children()
        world.server.drop(address("Service", "ada"))
        await world.reconcile(key)
        assert world.children() == before - {("Service", "ada")}
