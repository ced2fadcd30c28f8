"""Restores are told once that this version does not run them."""

from __future__ import annotations

from typing import Any

import pytest

from digital_human_operator.kube.errors import ApiError, Conflict, ServerError, TooManyRequests
from tests.support.world import World, address

KIND = "DigitalHumanRestore"


def status(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.get(KIND).get("status", {})
    return found


async def test_is_told_once_that_it_is_not_supported(world: World) -> None:
    key = world.put(KIND, spec={"a": 1})
    assert await world.reconcile(key) is None
    assert status(world)["phase"] == "Unsupported"
    assert world.condition("Ready", key)["status"] == "False"
    assert world.condition("Stalled", key)["status"] == "True"
    assert "this version does not run" in world.condition("Stalled", key)["message"]
    assert world.get(KIND)["spec"] == {"a": 1}
    assert len(world.writes()) == 1
    await world.reconcile(key)
    assert world.server.log == []


async def test_another_operator_does_not_say_it_again(world: World) -> None:
    key = world.put(KIND, spec={})
    await world.reconcile(key)
    again = World(world.server, world.services.client)
    again.put(KIND)
    world.server.log.clear()
    await again.reconcile(key)
    assert world.server.log == []


async def test_is_told_again_when_its_spec_changes(world: World) -> None:
    key = world.put(KIND, spec={})
    await world.reconcile(key)
    world.put(KIND, spec={"other": True})
    await world.reconcile(key)
    assert status(world)["observedGeneration"] == 2


async def test_object_that_is_going_away_or_gone_is_told_nothing(world: World) -> None:
    key = world.put(KIND, metadata={"deletionTimestamp": "2026-03-01T12:00:00Z"})
    await world.reconcile(key)
    await world.reconcile((KIND, "humans", "nobody"))
    assert world.server.log == []


async def test_object_that_vanished_is_forgotten(world: World) -> None:
    key = world.put(KIND)
    world.server.drop(address(KIND, "ada"))
    assert await world.reconcile(key) is None
    assert world.services.seen.get(key) is None


@pytest.mark.parametrize(
    ("code", "error"), [(409, Conflict), (429, TooManyRequests), (500, ServerError)]
)
async def test_passing_trouble_is_raised_and_mended_by_the_next_try(
    world: World, code: int, error: type[ApiError]
) -> None:
    key = world.put(KIND)
    world.server.faults.fail(1, code, verb="apply")
    with pytest.raises(error):
        await world.reconcile(key)
    await world.reconcile(key)
    assert status(world)["phase"] == "Unsupported"


async def test_predecessor_of_a_replaced_object_is_not_confused_with_it(world: World) -> None:
    key = world.put(KIND)
    world.server.drop(address(KIND, "ada"))
    world.server.put(address(KIND, "ada"), {"kind": KIND})
    with pytest.raises(Conflict):
        await world.reconcile(key)
    assert status(world) == {}
