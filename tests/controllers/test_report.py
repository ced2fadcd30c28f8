"""When the status of a human is written: at once, later, or not at all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from digital_human_operator.controllers import report
from digital_human_operator.kube.errors import Conflict
from tests.support.world import World, address

PROGRESS: dict[str, Any] = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2}
READY: dict[str, Any] = PROGRESS | {"readyReplicas": 2, "availableReplicas": 2}
STATUS = "apply digitalhumans/ada/status"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the reporter sees; change the one number in it."""
    now = [1000.0]
    monkeypatch.setattr(report, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


async def test_progress_waits_and_is_written_in_time(world: World, clock: list[float]) -> None:
    key = world.human(replicas=2)
    await world.reconcile(key)
    world.put("Deployment", status=PROGRESS | {"readyReplicas": 1, "availableReplicas": 1})
    world.writes()
    clock[0] += 3
    assert await world.reconcile(key) == 2
    assert world.writes() == []
    clock[0] += 2
    assert await world.reconcile(key) is None
    assert world.writes() == [STATUS]


async def test_readiness_does_not_wait(world: World, clock: list[float]) -> None:
    key = world.human(replicas=2)
    await world.reconcile(key)
    world.put("Deployment", status=READY)
    world.writes()
    assert await world.reconcile(key) is None
    assert world.writes() == [STATUS]


async def test_first_word_waits_while_others_are_under_way(
    world: World, clock: list[float]
) -> None:
    """A fleet that is made at once costs one write each, where Ready comes soon enough."""
    keys = [world.human(f"h{i}", replicas=2) for i in range(3)]
    assert [await world.reconcile(key) for key in keys] == [None, 0.5, 1.0]
    assert world.get("DigitalHuman", "h0")["status"]["phase"] == "Provisioning"
    world.put("Deployment", "h1", status=READY)
    await world.reconcile(keys[1])
    world.writes()
    clock[0] += 1
    assert await world.reconcile(keys[2]) is None
    assert world.writes() == ["apply digitalhumans/h2/status"]


async def test_first_word_about_trouble_does_not_wait(world: World, clock: list[float]) -> None:
    await world.reconcile(world.human("h0"))
    world.put("ConfigMap", "ada-config")
    await world.reconcile(world.human())
    assert world.condition("Ready")["reason"] == "ForeignObject"


async def test_first_word_does_not_wait_for_those_that_wait_for_somebody(
    world: World, clock: list[float]
) -> None:
    """They may do so for days: a node with a GPU, a Secret."""
    variable = {"name": "A", "secretKeyRef": {"name": "absent", "key": "k"}}
    for i in range(3):
        await world.reconcile(world.human(f"h{i}", podTemplate={"env": [variable]}))
    assert world.condition("Reconciling", ("DigitalHuman", "humans", "h0"))["status"] == "True"
    assert await world.reconcile(world.human()) is None
    assert world.condition("Ready")["reason"] == "PodsNotReady"


async def test_progress_waits_longer_while_many_are_under_way(
    world: World, clock: list[float]
) -> None:
    keys = [world.human(f"h{i}", replicas=2) for i in range(20)]
    for key in keys:
        await world.reconcile(key)
        clock[0] += 10
        await world.reconcile(key)
    world.humans._reporter._written_at[keys[0]] = clock[0]
    world.put("Deployment", "h0", status=PROGRESS)
    assert await world.reconcile(keys[0]) == 10
    for i in range(1, 20):
        world.put("Deployment", f"h{i}", status=READY)
        await world.reconcile(keys[i])
    assert await world.reconcile(keys[0]) == 5


async def test_progress_never_waits_longer_than_a_minute(world: World, clock: list[float]) -> None:
    key = world.human(replicas=2)
    await world.reconcile(key)
    world.humans._reporter._busy |= {("DigitalHuman", "humans", f"h{i}") for i in range(1000)}
    world.put("Deployment", status=PROGRESS)
    assert await world.reconcile(key) == 60


async def test_status_that_somebody_removed_is_written_again(world: World) -> None:
    key = world.human()
    await world.reconcile(key)
    before = world.get("DigitalHuman")["status"]
    world.put("DigitalHuman", status={})
    await world.reconcile(key)
    assert world.get("DigitalHuman")["status"] == before


async def test_conflict_about_the_same_object_is_raised(world: World) -> None:
    key = world.human()
    world.server.faults.fail(1, 409, verb="apply", path="/status")
    with pytest.raises(Conflict):
        await world.reconcile(key)
    assert world.services.seen.get(key) is not None


async def test_conflict_about_an_object_that_is_gone_is_its_end(world: World) -> None:
    key = world.human()
    world.server.drop(address("DigitalHuman", "ada"))
    world.server.faults.fail(1, 409, verb="apply", path="/status")
    assert await world.reconcile(key) is None
    assert world.services.seen.get(key) is None


async def test_trouble_and_its_end_are_told_as_events(world: World) -> None:
    key = world.human()
    world.put("ConfigMap", "ada-config")
    await world.reconcile(key)
    world.server.drop(address("ConfigMap", "ada-config"))
    await world.reconcile(key)
    world.put("Deployment", status=dict.fromkeys(READY, 1))
    await world.reconcile(key)
    assert world.events() == ["ForeignObject", "Ready"]
    assert world.condition("Ready")["lastTransitionTime"] == world.clock


async def test_status_names_exactly_the_object_that_was_seen(world: World) -> None:
    """The last line of defence against writing about a successor of the same name."""
    key = world.human()
    await world.reconcile(key)
    world.server.drop(address("DigitalHuman", "ada"))
    successor = {"kind": "DigitalHuman", "spec": {}}
    world.server.put(address("DigitalHuman", "ada"), successor)
    world.put("Deployment", status=dict.fromkeys(READY, 1))
    await world.reconcile(key)
    assert "status" not in world.get("DigitalHuman")
    assert world.services.seen.get(key) is None
