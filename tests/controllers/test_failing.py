"""Ready is never said about what the API server has not taken; a blip alone changes nothing."""

from __future__ import annotations

import pytest

from digital_human_operator.controllers import digitalhuman
from digital_human_operator.kube.errors import Conflict, ServerError
from tests.controllers.test_digitalhuman import READY
from tests.support.world import World, address


async def test_human_without_its_service_is_not_ready(world: World) -> None:
    key = world.human()
    await world.reconcile(key)
    world.put("Deployment", status=READY)
    for name in ("ada", "ada-headless", "ada-health"):
        world.server.drop(address("Service", name))
    world.server.faults.fail(3, 500, verb="apply", path="/services/ada")
    with pytest.raises(ServerError):
        await world.reconcile(key)
    assert world.condition("Ready")["status"] != "True"
    await world.reconcile(key)
    assert world.condition("Ready")["status"] == "True"


async def test_spec_that_was_not_applied_is_not_ready(world: World) -> None:
    key = world.human()
    await world.reconcile(key)
    world.put("Deployment", status=READY)
    await world.reconcile(key)
    world.human(replicas=2)
    world.server.faults.fail(1, 500, verb="apply", path="/deployments/ada")
    with pytest.raises(ServerError):
        await world.reconcile(key)
    ready = world.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "Retrying")
    assert ready["message"].startswith("Deployment ada is tried again")


async def test_lost_race_leaves_a_ready_human_ready(world: World) -> None:
    key = await _ready(world)
    world.server.drop(address("Service", "ada"))
    world.server.faults.fail(1, 409, verb="apply", path="/services/ada")
    world.writes()
    with pytest.raises(Conflict):
        await world.reconcile(key)
    assert world.condition("Ready")["status"] == "True"
    assert "apply digitalhumans/ada/status" not in world.writes()


async def test_lasting_trouble_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = await _ready(world)
    monkeypatch.setattr(digitalhuman, "_BLIP_SECONDS", 0.0)
    world.server.drop(address("Service", "ada"))
    for _ in range(2):
        world.server.faults.fail(1, 503, verb="apply", path="/services/ada")
        with pytest.raises(ServerError):
            await world.reconcile(key)
    assert world.condition("Ready")["reason"] == "Retrying"
    await world.reconcile(key)
    assert world.condition("Ready")["status"] == "True"


async def test_foreign_object_is_looked_at_again(world: World) -> None:
    world.put("Service", "ada")
    key = world.human()
    again = await world.reconcile(key)
    assert again is not None
    assert again <= 20
    world.server.drop(address("Service", "ada"))
    assert await world.reconcile(key) is None
    assert ("Service", "ada-headless") in world.children()


async def _ready(world: World) -> tuple[str, str, str]:
    key = world.human()
    await world.reconcile(key)
    world.put("Deployment", status=READY)
    await world.reconcile(key)
    assert world.condition("Ready")["status"] == "True"
    return key
