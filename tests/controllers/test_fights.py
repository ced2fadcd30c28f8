"""Somebody who rewrites a child of a human again and again: slowed down, and told."""

from __future__ import annotations

from digital_human_operator.kube import fights
from tests.support.world import World

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
