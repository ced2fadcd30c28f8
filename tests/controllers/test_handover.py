"""Who owns the number of replicas, before, while and after an autoscaler does."""

from __future__ import annotations

from typing import Any

import pytest

from digital_human_operator.kube.errors import Conflict
from digital_human_operator.names import FIELD_MANAGER, HANDOVER_MANAGER
from tests.support.world import World, address

SCALED: dict[str, Any] = {"autoscaling": {"minReplicas": 3, "maxReplicas": 9}}


def owners_of_replicas(world: World) -> set[str]:
    entries = world.get("Deployment")["metadata"]["managedFields"]
    return {e["manager"] for e in entries if "f:replicas" in e["fieldsV1"].get("f:spec", {})}


def replicas(world: World) -> int:
    found: int = world.get("Deployment")["spec"]["replicas"]
    return found


async def test_live_number_is_handed_over_without_an_outage(world: World) -> None:
    key = world.human(replicas=5)
    await world.reconcile(key)
    assert owners_of_replicas(world) == {FIELD_MANAGER}
    world.human(**SCALED)
    begun = len(world.server.log)
    await world.reconcile(key)
    assert replicas(world) == 5
    assert owners_of_replicas(world) == {HANDOVER_MANAGER}
    asked = [
        verb for verb, where in world.server.log[begun:] if where == address("Deployment", "ada")
    ]
    assert asked == ["get", "apply", "apply"], "the second write knows of the first one"


@pytest.mark.parametrize("before", [0, 1, 2])
async def test_at_least_the_minimum_is_handed_over(world: World, before: int) -> None:
    key = world.human(replicas=before)
    await world.reconcile(key)
    world.human(**SCALED)
    await world.reconcile(key)
    assert replicas(world) == 3


async def test_resumed_human_starts_with_the_minimum(world: World) -> None:
    key = world.human(mode="Suspended", **SCALED)
    await world.reconcile(key)
    assert replicas(world) == 0
    world.human(**SCALED)
    await world.reconcile(key)
    assert replicas(world) == 3
    assert owners_of_replicas(world) == {HANDOVER_MANAGER}


async def test_nothing_is_handed_over_that_the_operator_does_not_own(world: World) -> None:
    key = world.human(**SCALED)
    await world.reconcile(key)
    world.put("Deployment", spec=world.get("Deployment")["spec"] | {"replicas": 8})
    world.human(**SCALED, image="registry.example.com/other:2")
    world.writes()
    await world.reconcile(key)
    assert world.writes().count("apply deployments/ada") == 1
    assert replicas(world) == 8
    assert HANDOVER_MANAGER not in owners_of_replicas(world)


async def test_new_deployment_needs_no_handover(world: World) -> None:
    await world.reconcile(world.human(**SCALED))
    assert world.writes().count("apply deployments/ada") == 1
    assert "replicas" not in world.get("Deployment")["spec"]


async def test_number_of_the_autoscaler_stays_when_the_rest_changes(world: World) -> None:
    key = world.human(replicas=5)
    await world.reconcile(key)
    world.human(**SCALED)
    await world.reconcile(key)
    world.put("Deployment", spec=world.get("Deployment")["spec"] | {"replicas": 9})
    world.human(**SCALED, image="registry.example.com/other:2")
    await world.reconcile(key)
    assert replicas(world) == 9
    world.writes()
    await world.reconcile(key)
    assert world.server.log == []


async def test_operator_takes_the_number_back(world: World) -> None:
    key = world.human(**SCALED)
    await world.reconcile(key)
    world.human(replicas=2)
    await world.reconcile(key)
    assert replicas(world) == 2
    assert owners_of_replicas(world) == {FIELD_MANAGER}


async def test_deployment_of_another_human_is_left_alone(world: World) -> None:
    """The face of ada has the name that the human ada-audio2face wants for itself."""
    face = {"managed": {"streams": 2, "gpu": {"profile": "l4"}}}
    await world.reconcile(world.human(face=face))
    before = world.server.objects[address("Deployment", "ada-audio2face")]
    assert "replicas" in before["spec"]
    key = world.human("ada-audio2face", **SCALED)
    await world.reconcile(key)
    assert world.server.objects[address("Deployment", "ada-audio2face")] == before
    assert world.condition("Stalled", key)["reason"] == "ForeignObject"


async def test_deployment_that_was_replaced_meanwhile_is_not_touched(world: World) -> None:
    key = world.human(replicas=5)
    await world.reconcile(key)
    old = world.get("Deployment")
    world.human(**SCALED)
    world.look()
    world.server.drop(address("Deployment", "ada"))
    metadata = {k: v for k, v in old["metadata"].items() if k != "uid"} | {"ownerReferences": []}
    replaced = world.server.put(address("Deployment", "ada"), old | {"metadata": metadata})
    with pytest.raises(Conflict):
        await world.humans.reconcile(key)
    assert world.get("Deployment") == replaced


async def test_deployment_that_is_gone_needs_no_handover(world: World) -> None:
    key = world.human(replicas=5)
    await world.reconcile(key)
    world.human(**SCALED)
    world.look()
    world.server.drop(address("Deployment", "ada"))
    await world.humans.reconcile(key)
    assert "replicas" not in world.get("Deployment")["spec"]
