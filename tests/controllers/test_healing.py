"""Children that lost their owner or labels, and what an orphaning deletion has left."""

from __future__ import annotations

from typing import Any

import pytest

from digital_human_operator import names
from digital_human_operator.names import LABEL_HUMAN, MANAGED_BY
from tests.controllers.test_children import REDIS, SCALED, STORED
from tests.support.world import World, address

FACE: dict[str, Any] = {"face": {"managed": {}}}
COMPLETE = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}


def _strip(world: World, kind: str, name: str, *labels: str) -> None:
    """As ``kubectl label KIND NAME LABEL-`` does."""
    obj = world.get(kind, name)
    kept = {k: v for k, v in obj["metadata"]["labels"].items() if k not in labels}
    world.server.put(address(kind, name), obj | {"metadata": obj["metadata"] | {"labels": kept}})


def _disown(world: World, kind: str, name: str) -> None:
    """Take an object's owners away, as an orphaning deletion of the owner does."""
    obj = world.get(kind, name)
    metadata = {k: v for k, v in obj["metadata"].items() if k != "ownerReferences"}
    world.server.put(address(kind, name), obj | {"metadata": metadata})


async def _settled(world: World, **spec: Any) -> tuple[str, str, str]:
    """A human that has nothing left to do; its key."""
    key = world.human(**spec)
    for _ in range(3):
        await world.reconcile(key)
    world.writes()
    return key


class TestWrittenOnce:
    def test_every_label_is_looked_at(self) -> None:
        assert set(names.labels("ada", names.REDIS)) == set(names.LABELS)

    @pytest.mark.parametrize("label", names.LABELS)
    async def test_label_of_the_secret_is_put_back(self, world: World, label: str) -> None:
        key = await _settled(world, **REDIS)
        before = world.get("Secret", "ada-redis")
        _strip(world, "Secret", "ada-redis", label)
        await world.reconcile(key)
        after = world.get("Secret", "ada-redis")
        assert after["metadata"]["labels"] == before["metadata"]["labels"]
        assert after["data"] == before["data"]
        world.writes()
        await world.reconcile(key)
        assert world.writes() == []

    async def test_owner_of_the_secret_is_put_back(self, world: World) -> None:
        key = await _settled(world, **REDIS)
        before = world.get("Secret", "ada-redis")
        _disown(world, "Secret", "ada-redis")
        await world.reconcile(key)
        after = world.get("Secret", "ada-redis")
        assert after["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]
        assert after["data"] == before["data"]

    async def test_owner_that_controls_nothing_any_more_is_not_named_twice(
        self, world: World
    ) -> None:
        key = await _settled(world, **REDIS)
        before = world.get("Secret", "ada-redis")
        owners = [o | {"controller": False} for o in before["metadata"]["ownerReferences"]]
        changed = before | {"metadata": before["metadata"] | {"ownerReferences": owners}}
        world.server.put(address("Secret", "ada-redis"), changed)
        await world.reconcile(key)
        after = world.get("Secret", "ada-redis")
        assert after["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]

    async def test_label_of_a_running_job_is_put_back(self, world: World) -> None:
        key = await _settled(world, **STORED)
        name = next(name for kind, name in world.children() if kind == "Job")
        before = world.get("Job", name)
        _strip(world, "Job", name, names.LABEL_COMPONENT)
        await world.reconcile(key)
        assert world.get("Job", name)["metadata"]["labels"] == before["metadata"]["labels"]
        assert world.get("Job", name)["metadata"]["uid"] == before["metadata"]["uid"]

    async def test_labels_of_others_are_left_alone(self, world: World) -> None:
        key = await _settled(world, **REDIS)
        found = world.get("Secret", "ada-redis")
        labels = found["metadata"]["labels"] | {"example.com/team": "a"}
        changed = found | {"metadata": found["metadata"] | {"labels": labels}}
        world.server.put(address("Secret", "ada-redis"), changed)
        await world.reconcile(key)
        assert world.writes() == []
        assert world.get("Secret", "ada-redis")["metadata"]["labels"] == labels

    async def test_secret_whose_label_was_put_back_is_made_again_when_it_goes(
        self, world: World
    ) -> None:
        key = await _settled(world, **REDIS)
        _strip(world, "Secret", "ada-redis", LABEL_HUMAN)
        await world.reconcile(key)
        world.server.drop(address("Secret", "ada-redis"))
        await world.reconcile(key)
        assert world.get("Secret", "ada-redis")["metadata"]["labels"][LABEL_HUMAN] == "ada"

    async def test_complete_job_without_its_label_is_still_complete(self, world: World) -> None:
        key = await _settled(world, **STORED)
        name = next(name for kind, name in world.children() if kind == "Job")
        world.put("Job", name, status=COMPLETE)
        await world.reconcile(key)
        before = world.get("DigitalHuman")["status"]["phase"]
        uid = world.get("Job", name)["metadata"]["uid"]
        _strip(world, "Job", name, MANAGED_BY)
        await world.reconcile(key)
        assert world.get("Job", name)["metadata"]["labels"][MANAGED_BY]
        assert world.get("Job", name)["metadata"]["uid"] == uid
        assert world.get("DigitalHuman")["status"]["phase"] == before

    @pytest.mark.parametrize("what", ["label", "owner"])
    async def test_complete_job_that_lost_something_interrupts_nothing(
        self, world: World, what: str
    ) -> None:
        key = await _settled(world, **STORED)
        name = next(name for kind, name in world.children() if kind == "Job")
        world.put("Job", name, status=COMPLETE)
        for _ in range(3):
            await world.reconcile(key)
            world.humans._reporter._written_at.clear()  # as if nothing was written for long
        assert ("Deployment", "ada") in world.children()
        if what == "label":
            _strip(world, "Job", name, MANAGED_BY)
        else:
            _disown(world, "Job", name)
        told = world.get("DigitalHuman")["status"]
        world.writes()
        await world.reconcile(key)
        assert world.get("DigitalHuman")["status"] == told
        assert {one.partition(" ")[2] for one in world.writes()} == {f"jobs/{name}"}


class TestOrphans:
    async def test_what_the_human_made_again_does_not_want_goes(self, world: World) -> None:
        await self._orphaned(world, **SCALED, **FACE, **REDIS)
        assert ("HorizontalPodAutoscaler", "ada") in world.children()
        key = world.human()
        await world.reconcile(key)
        left = world.children()
        assert ("HorizontalPodAutoscaler", "ada") not in left
        assert ("Deployment", "ada-audio2face") not in left
        assert not {name for kind, name in left if kind == "NetworkPolicy" and "redis" in name}
        uid = world.get("DigitalHuman")["metadata"]["uid"]
        owners = world.get("Deployment")["metadata"]["ownerReferences"]
        assert [owner["uid"] for owner in owners] == [uid]

    async def test_what_holds_data_or_passwords_stays(self, world: World) -> None:
        await self._orphaned(world, **REDIS, **STORED)
        data = world.get("Secret", "ada-redis")["data"]
        key = world.human()
        for _ in range(2):
            await world.reconcile(key)
        kept = {("Secret", "ada-redis"), ("StatefulSet", "ada-redis")}
        assert kept | {("PersistentVolumeClaim", "ada-models")} <= world.children()
        assert world.get("Secret", "ada-redis")["data"] == data
        world.writes()
        await world.reconcile(key)
        assert world.writes() == []

    async def test_what_others_made_with_our_labels_stays(self, world: World) -> None:
        labels = {LABEL_HUMAN: "ada", MANAGED_BY: "digital-human-operator"}
        world.put("ConfigMap", "theirs", metadata={"labels": labels})
        key = world.human()
        await world.reconcile(key)
        assert ("ConfigMap", "theirs") in world.children()

    async def test_orphan_that_turns_up_later_goes_too(self, world: World) -> None:
        key = await _settled(world, **SCALED)
        scaler = world.get("HorizontalPodAutoscaler")
        world.human()
        await world.reconcile(key)
        await world.reconcile(key)
        assert ("HorizontalPodAutoscaler", "ada") not in world.children()
        metadata = {k: v for k, v in scaler["metadata"].items() if k != "ownerReferences"}
        path = address("HorizontalPodAutoscaler", "ada")
        world.server.put(path, scaler | {"metadata": metadata})
        await world.reconcile(key)
        assert ("HorizontalPodAutoscaler", "ada") not in world.children()

    async def _orphaned(self, world: World, **spec: Any) -> None:
        """What ``kubectl delete digitalhuman ada --cascade=orphan`` leaves."""
        key = await _settled(world, **spec)
        uid = world.get("DigitalHuman")["metadata"]["uid"]
        for kind, name in world.children():
            _disown(world, kind, name)
        world.server.drop(address("DigitalHuman", "ada"))
        world.services.seen.remove(key, uid)
        await world.reconcile(key)
