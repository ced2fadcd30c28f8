"""Weights: the Job that fetches them, and the runtime, which waits for them."""

from __future__ import annotations

from typing import Any

import pytest

from digital_human_operator.kube.errors import Conflict
from digital_human_operator.seen import Key
from tests.support.world import World

STORED: dict[str, Any] = {
    "llm": {
        "transformers": {"model": "llama3:8b", "source": {"huggingFace": {"repository": "a/b"}}}
    }
}


def _stored(secret: str, **more: Any) -> dict[str, Any]:
    source = {"huggingFace": {"repository": "a/b", "tokenSecret": {"name": secret, "key": "t"}}}
    return {"llm": {"transformers": {"model": "llama3:8b", "source": source}}} | more


class TestFetchJob:
    def _fetch(self, world: World) -> dict[str, Any]:
        ((_, name),) = (child for child in world.children() if child[0] == "Job")
        return world.get("Job", name)

    def _secret(self, world: World) -> str:
        (container,) = self._fetch(world)["spec"]["template"]["spec"]["containers"]
        return str(container["env"][0]["valueFrom"]["secretKeyRef"]["name"])

    async def _started(self, world: World, secret: str) -> Key:
        for name in ("one", "two"):
            world.put("Secret", name, data={"t": "eA=="})
        key = world.human(**_stored(secret))
        await world.reconcile(key)
        return key

    async def test_under_way_it_is_made_again_when_the_spec_changes_how(self, world: World) -> None:
        key = await self._started(world, "one")
        before = self._fetch(world)["metadata"]["uid"]
        world.human(**_stored("two"))
        with pytest.raises(Conflict):
            await world.reconcile(key)
        await world.reconcile(key)
        assert self._secret(world) == "two"
        assert self._fetch(world)["metadata"]["uid"] != before

    async def test_under_way_it_is_left_alone_when_nothing_of_it_changes(
        self, world: World
    ) -> None:
        key = await self._started(world, "one")
        before = self._fetch(world)["metadata"]["uid"]
        world.human(**_stored("one", replicas=2))
        await world.reconcile(key)
        assert self._fetch(world)["metadata"]["uid"] == before

    async def test_complete_it_is_left_alone(self, world: World) -> None:
        key = await self._started(world, "one")
        name = self._fetch(world)["metadata"]["name"]
        done = {"conditions": [{"type": "Complete", "status": "True"}]}
        world.put("Job", name, status=done)
        world.human(**_stored("two"))
        await world.reconcile(key)
        assert self._secret(world) == "one"

    async def test_one_of_somebody_else_is_never_deleted(self, world: World) -> None:
        key = await self._started(world, "one")
        metadata = self._fetch(world)["metadata"]
        other = [metadata["ownerReferences"][0] | {"uid": "another"}]
        world.put("Job", metadata["name"], metadata={"ownerReferences": other})
        world.human(**_stored("two"))
        await world.reconcile(key)
        assert not [write for write in world.writes() if write.startswith("delete")]


class TestWeights:
    """The runtime ends at once without its weights, so it is not started before they are there."""

    def _fetched(self, world: World) -> None:
        for kind, name in world.children():
            if kind == "Job":
                done = {"conditions": [{"type": "Complete", "status": "True"}]}
                world.put("Job", name, status=done)

    async def test_no_pod_waits_with_gpus_while_they_are_fetched(self, world: World) -> None:
        key = world.human(**STORED)
        await world.reconcile(key)
        assert ("Deployment", "ada") not in world.children()
        assert ("Service", "ada") in world.children()
        assert world.condition("Ready")["reason"] == "FetchingModels"
        self._fetched(world)
        await world.reconcile(key)
        assert ("Deployment", "ada") in world.children()

    async def test_the_revision_before_goes_on_while_the_next_is_fetched(
        self, world: World
    ) -> None:
        key = world.human(**STORED)
        await world.reconcile(key)
        self._fetched(world)
        await world.reconcile(key)
        before = world.get("Deployment")
        source = {"huggingFace": {"repository": "a/b", "revision": "next"}}
        world.human(llm={"transformers": {"model": "llama3:8b", "source": source}})
        await world.reconcile(key)
        assert world.get("Deployment") == before
        assert world.condition("Ready")["reason"] == "FetchingModels"
        self._fetched(world)
        await world.reconcile(key)
        assert world.get("Deployment") != before

    async def test_pods_of_the_revision_before_start_with_its_config_meanwhile(
        self, world: World
    ) -> None:
        key = world.human(**STORED)
        await world.reconcile(key)
        self._fetched(world)
        await world.reconcile(key)
        before = world.get("ConfigMap", "ada-config")["data"]
        source = {"huggingFace": {"repository": "a/b", "revision": "next"}}
        world.human(llm={"transformers": {"model": "llama3:8b", "source": source}})
        await world.reconcile(key)
        assert world.get("ConfigMap", "ada-config")["data"] == before
        self._fetched(world)
        await world.reconcile(key)
        assert world.get("ConfigMap", "ada-config")["data"] != before

    async def test_the_first_config_waits_for_no_weights(self, world: World) -> None:
        key = world.human(**STORED)
        await world.reconcile(key)
        assert ("ConfigMap", "ada-config") in world.children()

    async def test_scaling_to_zero_waits_for_no_weights(self, world: World) -> None:
        key = world.human(**STORED, mode="Suspended")
        await world.reconcile(key)
        assert world.get("Deployment")["spec"]["replicas"] == 0

    async def test_a_job_of_somebody_else_is_no_proof(self, world: World) -> None:
        key = world.human(**STORED)
        await world.reconcile(key)
        ((_, name),) = (child for child in world.children() if child[0] == "Job")
        done = {"conditions": [{"type": "Complete", "status": "True"}]}
        owner = world.get("Job", name)["metadata"]["ownerReferences"][0] | {"uid": "another"}
        world.put("Job", name, metadata={"ownerReferences": [owner]}, status=done)
        await world.reconcile(key)
        assert ("Deployment", "ada") not in world.children()
