"""Children that lost their owner or labels."""

from __future__ import annotations

from typing import Any

import pytest

from digital_human_operator.names import LABEL_HUMAN, MANAGED_BY
from tests.controllers.test_children import REDIS, STORED
from tests.support.world import World, address

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
    @pytest.mark.parametrize("label", [MANAGED_BY, LABEL_HUMAN])
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
