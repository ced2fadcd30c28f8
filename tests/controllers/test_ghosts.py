"""Humans that are gone, whether the watch told of it or not: nothing is made, nothing is kept."""

from __future__ import annotations

from typing import Any

import pytest

from digital_human_operator.metrics import OBJECTS
from tests.support.world import World, address

SECRET_ENV: dict[str, Any] = {
    "podTemplate": {"env": [{"name": "A", "secretKeyRef": {"name": "s", "key": "k"}}]}
}
READY = {
    "observedGeneration": 1,
    "replicas": 1,
    "updatedReplicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
    "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}],
}


def counted(phase: str = "") -> float:
    """How many humans the metric tells of."""
    return sum(
        sample.value
        for metric in OBJECTS.collect()
        for sample in metric.samples
        if phase in sample.labels["phase"]
    )


def vanish(world: World) -> None:
    """The human is deleted and its children are collected, and no watch tells of the human."""
    for kind, name in world.children() | {("DigitalHuman", "ada")}:
        world.server.drop(address(kind, name))
    world.server.log.clear()


async def test_missed_deletion_does_not_bring_children_back(world: World) -> None:
    key = world.human()
    await world.reconcile(key)
    vanish(world)
    await world.reconcile(key)
    assert world.writes() == []
    assert world.children() == set()
    assert world.services.seen.get(key) is None


@pytest.mark.parametrize("finished", [True, False])
async def test_children_that_an_orphaning_deletion_lets_go_are_not_taken_back(
    world: World, finished: bool
) -> None:
    """The garbage collector takes the owner off them before we hear that the human is to go."""
    key = world.human(**({} if finished else SECRET_ENV))
    await world.reconcile(key)
    stored = world.get("DigitalHuman")
    leaving = {"deletionTimestamp": "2026-03-01T12:00:00Z", "finalizers": ["orphan"]}
    gone = stored | {"metadata": stored["metadata"] | leaving}
    world.server.put(address("DigitalHuman", "ada"), gone)
    service = world.get("Service")
    metadata = {k: v for k, v in service["metadata"].items() if k != "ownerReferences"}
    world.server.put(address("Service", "ada"), service | {"metadata": metadata})
    world.writes()
    await world.reconcile(key)
    assert world.writes() == []
    assert world.services.seen.get(key) is not None  # the watch will tell


async def test_missed_deletion_of_an_unfinished_human_is_noticed_too(world: World) -> None:
    key = world.human(**SECRET_ENV)
    await world.reconcile(key)
    vanish(world)
    await world.reconcile(key)
    assert world.writes() == []


async def test_missed_replacement_does_not_get_children_of_its_predecessor(world: World) -> None:
    key = world.human()
    await world.reconcile(key)
    vanish(world)
    world.server.put(address("DigitalHuman", "ada"), {"kind": "DigitalHuman", "spec": {}})
    await world.reconcile(key)
    assert world.writes() == []


BACKED_UP: dict[str, Any] = {
    "deletionPolicy": "FinalBackup",
    "backup": {
        "schedule": "@daily",
        "destination": {"persistentVolumeClaim": {"claimName": "backups"}},
    },
}


async def test_human_that_is_replaced_while_its_secrets_are_read_gets_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its children would have an owner that is gone, and be foreign to its successor."""
    world.put("Secret", "s", data={"k": "eA=="})
    key = world.human(**SECRET_ENV)
    read = world.humans._read_references

    async def replaced(*which: Any) -> Any:
        found = await read(*which)
        world.server.drop(address("DigitalHuman", "ada"))
        world.human(**SECRET_ENV)
        return found

    monkeypatch.setattr(world.humans, "_read_references", replaced)
    assert await world.reconcile(key) is None
    assert world.writes() == []
    monkeypatch.undo()
    await world.reconcile(key)
    uid = world.get("DigitalHuman")["metadata"]["uid"]
    assert world.get("Deployment")["metadata"]["ownerReferences"][0]["uid"] == uid
    assert world.condition("Stalled") == {}


@pytest.mark.parametrize("spec", [{}, {"mode": "Paused"}, BACKED_UP])
@pytest.mark.parametrize("replaced", [True, False])
async def test_new_human_that_is_gone_at_once_gets_nothing(
    world: World, replaced: bool, spec: dict[str, Any]
) -> None:
    key = world.human(**spec)
    world.server.drop(address("DigitalHuman", "ada"))
    if replaced:
        world.server.put(address("DigitalHuman", "ada"), {"kind": "DigitalHuman"})
    assert await world.reconcile(key) is None
    assert world.children() == set()
    assert world.get("DigitalHuman").get("status") is None
    assert world.services.seen.get(key) is None


async def test_nothing_is_kept_of_a_human_that_is_gone(world: World) -> None:
    """Also when only the API server, not the watch, tells that it is gone."""
    before = counted()
    key = world.human(**SECRET_ENV)
    world.put("Secret", "s", data={"k": "eA=="})
    await world.reconcile(key)
    assert counted() == before + 1
    world.put("Deployment", status=READY)
    world.server.drop(address("DigitalHuman", "ada"))
    await world.reconcile(key)
    assert world.services.seen.get(key) is None
    assert key not in world.humans._known
    assert not world.services.references._targets
    assert counted() == before


async def test_ghost_is_not_counted(world: World) -> None:
    before = counted()
    key = world.human()
    await world.reconcile(key)
    vanish(world)
    await world.reconcile(key)
    assert counted() == before


async def test_refused_human_is_counted_as_failed(world: World) -> None:
    key = world.human()
    before = counted("Failed")
    await world.reconcile(key)
    world.human(replicas="many")
    await world.reconcile(key)
    assert counted("Failed") == before + 1
    world.human()
    await world.reconcile(key)
    assert counted("Failed") == before


async def test_human_that_is_being_deleted_is_left_to_the_garbage_collector(world: World) -> None:
    key = world.human()
    await world.reconcile(key)
    world.put("DigitalHuman", metadata={"deletionTimestamp": "2026-03-01T12:00:00Z"})
    world.server.drop(address("Deployment", "ada"))
    world.writes()
    assert await world.reconcile(key) is None
    assert world.server.log == []
