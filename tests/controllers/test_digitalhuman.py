"""The reconcile of a human against an API server: order, quiet, refusals, drift."""

from __future__ import annotations

from typing import Any

import pytest

from digital_human_operator.api.kinds import UNSEEN
from digital_human_operator.kube.errors import ServerError
from tests.support.world import World, address

REDIS: dict[str, Any] = {"sessions": {"store": {"redis": {"managed": {}}}}}
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


async def test_first_status_tells_what_the_children_are_up_to(world: World) -> None:
    await world.reconcile(world.human())
    writes = world.writes()
    assert writes.count("apply digitalhumans/ada/status") == 1
    assert writes[-1] == "apply digitalhumans/ada/status"
    assert "apply deployments/ada" in writes
    assert world.condition("Ready")["reason"] == "PodsNotReady"


async def test_status_that_every_new_object_has_is_nobodys_word(world: World) -> None:
    """The default in the CRD: its time is no time at which anything happened."""
    key = world.human()
    world.put("DigitalHuman", status=UNSEEN)
    await world.reconcile(key)
    assert world.condition("Ready")["lastTransitionTime"] == world.clock
    assert world.get("DigitalHuman")["status"]["observedGeneration"] == 1
    assert world.events() == []


async def test_no_child_is_made_of_a_human_that_cannot_be_read(world: World) -> None:
    key = world.human()
    world.server.faults.fail(1, 500, verb="get")
    with pytest.raises(ServerError):
        await world.reconcile(key)
    assert world.children() == set()
    await world.reconcile(key)
    assert ("Deployment", "ada") in world.children()


async def test_spec_is_never_written(world: World) -> None:
    key = world.human(replicas=2)
    await world.reconcile(key)
    await world.reconcile(key)
    assert world.get("DigitalHuman")["spec"] == {"replicas": 2}
    assert all("digitalhumans/ada" not in w or w.endswith("/status") for w in world.writes())


async def test_second_reconcile_makes_no_request(world: World) -> None:
    key = world.human(**REDIS)
    await world.start(key)
    world.server.log.clear()
    for _ in range(3):
        await world.reconcile(key)
    assert world.server.log == []


async def test_ready_is_written_once_and_then_nothing_is(world: World) -> None:
    key = world.human()
    await world.reconcile(key)
    world.put("Deployment", status=READY)
    world.writes()
    assert await world.reconcile(key) is None
    assert world.writes() == ["apply digitalhumans/ada/status"]
    assert world.condition("Ready")["status"] == "True"
    assert world.events() == []
    assert await world.reconcile(key) is None
    assert world.server.log == []


async def test_another_operator_finds_nothing_to_do(world: World) -> None:
    """A restart: nothing is known but what the API server tells."""
    key = world.human()
    await world.reconcile(key)
    world.put("Deployment", status=READY)
    await world.reconcile(key)
    again = World(world.server, world.services.client)
    again.human()  # the spec as it is: no new generation
    world.server.log.clear()
    assert await again.reconcile(key) is None
    assert again.writes() == []


async def test_progress_is_told_later_and_readiness_at_once(world: World) -> None:
    key = world.human(replicas=2)
    await world.reconcile(key)
    half = READY | {"replicas": 2, "readyReplicas": 1, "availableReplicas": 1}
    world.put("Deployment", status=half)
    world.writes()
    again = await world.reconcile(key)
    assert world.writes() == []
    assert again is not None
    assert 0 < again <= 5


async def test_invalid_spec_is_refused_and_its_children_are_left_alone(world: World) -> None:
    key = world.human()
    await world.reconcile(key)
    before = world.children()
    world.writes()
    world.human(replicas="many")
    assert await world.reconcile(key) is None
    assert world.writes() == ["apply digitalhumans/ada/status"]
    assert world.children() == before
    for name in ("Ready", "Stalled"):
        assert world.condition(name)["reason"] == "InvalidSpec"
        assert "spec.replicas must be a whole number" in world.condition(name)["message"]
        assert world.condition(name)["observedGeneration"] == 2
    await world.reconcile(key)
    assert world.writes() == []


async def test_new_human_with_an_invalid_spec_gets_no_child(world: World) -> None:
    await world.reconcile(world.human(replicas="many"))
    assert world.writes() == ["apply digitalhumans/ada/status"]
    assert world.children() == set()
    assert world.condition("Stalled")["reason"] == "InvalidSpec"


async def test_repaired_spec_is_acted_on(world: World) -> None:
    key = world.human(replicas="many")
    await world.reconcile(key)
    world.human()
    await world.reconcile(key)
    assert ("Deployment", "ada") in world.children()
    assert world.condition("Stalled") == {}


async def test_models_that_do_not_fit_make_no_child(world: World) -> None:
    spec: dict[str, Any] = {"llm": {"transformers": {"model": "llama3:70b", "precision": "bf16"}}}
    key = world.human(**spec, gpu={"profile": "a100-40gb"})
    await world.reconcile(key)
    assert world.children() == set()
    assert world.condition("Stalled")["reason"] == "ModelDoesNotFit"


async def test_unfinished_human_that_waits_makes_no_request(world: World) -> None:
    key = world.human(**SECRET_ENV)
    await world.reconcile(key)
    world.server.log.clear()
    await world.reconcile(key)
    assert world.server.log == []


async def test_refusal_is_told_as_an_event(world: World) -> None:
    await world.reconcile(world.human(replicas="many"))
    assert world.events() == ["InvalidSpec"]


async def test_deleted_child_is_made_again(world: World) -> None:
    key = world.human()
    await world.reconcile(key)
    world.server.drop(address("Deployment", "ada"))
    world.writes()
    await world.reconcile(key)
    assert world.writes() == ["apply deployments/ada"]


async def test_foreign_edit_of_our_fields_is_undone(world: World) -> None:
    key = world.human(replicas=3)
    await world.reconcile(key)
    live = world.get("Deployment")
    world.put("Deployment", spec=live["spec"] | {"replicas": 7})
    world.writes()
    await world.reconcile(key)
    assert world.writes() == ["apply deployments/ada"]
    assert world.get("Deployment")["spec"]["replicas"] == 3
