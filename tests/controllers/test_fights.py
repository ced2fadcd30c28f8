"""Somebody who rewrites a child of a human again and again: slowed down, and told."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from digital_human_operator.controllers import digitalhuman
from digital_human_operator.kube import fights
from tests.support.world import World, address

LIMIT = fights.LIMIT


async def spoil(world: World) -> None:
    live = world.get("Deployment")
    world.put("Deployment", spec=live["spec"] | {"replicas": 7})


async def test_fight_about_a_child_is_slowed_down_and_told(world: World) -> None:
    key = world.human(replicas=3)
    await world.reconcile(key)
    for _ in range(LIMIT):
        await spoil(world)
        await world.reconcile(key)
        assert world.get("Deployment")["spec"]["replicas"] == 3
        assert world.condition("Warning") == {}
    await spoil(world)
    world.humans._reporter._written_at.clear()
    again = await world.reconcile(key)
    assert again is not None
    assert 0 < again <= 5
    warning = world.condition("Warning")
    assert warning["reason"] == "Contested"
    assert "Deployment ada is rewritten again and again by another program" in warning["message"]
    assert "Contested" in world.events()

    await spoil(world)
    world.writes()
    await world.reconcile(key)
    assert world.writes() == []
    assert world.get("Deployment")["spec"]["replicas"] == 7

    world.human(replicas=4)
    await world.reconcile(key)
    assert world.get("Deployment")["spec"]["replicas"] == 4
    assert world.condition("Warning") == {}


async def test_human_whose_child_is_deleted_again_and_again_is_not_ready(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is held back for up to ten minutes, and nobody reaches the human meanwhile."""
    now = [1000.0]
    monkeypatch.setattr(digitalhuman, "time", SimpleNamespace(monotonic=lambda: now[0]))
    key = world.human()
    await world.reconcile(key)
    status = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas"), 1)
    world.put("Deployment", status=status | {"availableReplicas": 1})
    for _ in range(LIMIT + 1):
        world.server.drop(address("Service", "ada"))
        await world.reconcile(key)
    world.server.drop(address("Service", "ada"))
    again = await world.reconcile(key)
    assert world.get("Service") == {}
    assert again is not None
    assert 0 < again <= 5
    now[0] += 6
    await world.reconcile(key)
    told = world.condition("Ready")
    assert (told["status"], told["reason"]) == ("False", "Retrying")
    assert told["message"] == "Service ada is tried again: somebody deletes it again and again"

    world.human(image="registry.example.com/other:1")
    await world.reconcile(key)
    assert world.condition("Ready")["status"] == "False"


async def test_status_that_somebody_else_rewrites_is_written_ever_more_slowly(world: World) -> None:
    key = world.human()
    await world.reconcile(key)
    waits = []
    for _ in range(LIMIT + 1):
        theirs = dict(world.get("DigitalHuman")["status"]) | {"phase": "Failed"}
        world.put("DigitalHuman", status=theirs)
        world.humans._reporter._written_at.clear()
        waits.append(await world.reconcile(key))
    assert waits[:-1] == [None] * LIMIT
    assert waits[-1] is not None
    assert 0 < waits[-1] <= 5
    assert world.get("DigitalHuman")["status"]["phase"] == "Failed"
