"""Humans that rest by their spec, that wait for a Secret, or whose API server is not well."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from digital_human_operator.kube.errors import (
    ApiError,
    Conflict,
    ServerError,
    TooManyRequests,
    Unreachable,
)
from tests.support.world import World, address

REDIS: dict[str, Any] = {"sessions": {"store": {"redis": {"managed": {}}}}}
SECRET_ENV: dict[str, Any] = {
    "podTemplate": {"env": [{"name": "A", "secretKeyRef": {"name": "s", "key": "k"}}]}
}


class TestRest:
    async def test_paused_human_writes_only_status(self, world: World) -> None:
        key = world.human(replicas=2)
        await world.reconcile(key)
        world.human(replicas=5, mode="Paused")
        world.writes()
        await world.reconcile(key)
        assert world.writes() == ["apply digitalhumans/ada/status"]
        assert world.get("Deployment")["spec"]["replicas"] == 2
        assert world.condition("Ready")["reason"] == "Paused"
        assert "1" in world.condition("Ready")["message"]
        await world.reconcile(key)
        assert world.writes() == []

    async def test_paused_human_that_was_never_made_says_so(self, world: World) -> None:
        key = world.human(mode="Paused", gpu={"profile": "l4"})
        await world.reconcile(key)
        await world.reconcile(key)
        assert world.children() == set()
        status = world.get("DigitalHuman")["status"]
        assert status["phase"] == "Paused"
        assert [c["type"] for c in status["conditions"]] == ["Ready", "Serving"]
        assert "paused before it was made" in world.condition("Ready")["message"]

    async def test_pause_that_ends_catches_up(self, world: World) -> None:
        key = world.human(replicas=2)
        await world.reconcile(key)
        world.human(replicas=5, mode="Paused")
        await world.reconcile(key)
        world.human(replicas=5)
        await world.reconcile(key)
        assert world.get("Deployment")["spec"]["replicas"] == 5

    async def test_suspended_human_keeps_everything_but_its_pods(self, world: World) -> None:
        key = world.human(replicas=2, **REDIS)
        await world.reconcile(key)
        before = world.children()
        world.human(replicas=2, mode="Suspended", **REDIS)
        await world.reconcile(key)
        assert before - world.children() <= {("PodDisruptionBudget", "ada")}
        assert world.get("Deployment")["spec"]["replicas"] == 0


class TestReferences:
    async def test_workload_waits_for_its_secret(self, world: World) -> None:
        key = world.human(**SECRET_ENV)
        await world.reconcile(key)
        assert ("Deployment", "ada") not in world.children()
        assert ("Service", "ada") in world.children()
        assert world.condition("Ready")["reason"] == "SecretMissing"
        world.put("Secret", "s", data={"k": "eA=="})
        await world.reconcile(key)
        assert ("Deployment", "ada") in world.children()

    async def test_secret_that_goes_away_stops_no_pod(self, world: World) -> None:
        key = world.human(**SECRET_ENV)
        world.put("Secret", "s", data={"k": "eA=="})
        await world.reconcile(key)
        world.server.drop(address("Secret", "s"))
        await world.reconcile(key)
        assert ("Deployment", "ada") in world.children()
        assert world.condition("Ready")["reason"] == "SecretMissing"

    async def test_change_of_a_secret_restarts_the_pods(self, world: World) -> None:
        key = world.human(**SECRET_ENV)
        world.put("Secret", "s", data={"k": "eA=="})
        await world.reconcile(key)
        world.put("Secret", "s", data={"k": "eQ=="})
        world.writes()
        await world.reconcile(key)
        assert "apply deployments/ada" in world.writes()


class TestPullSecrets:
    PULL: ClassVar[dict[str, Any]] = {"imagePullSecrets": [{"name": "pull"}]}

    async def test_missing_one_is_named_and_holds_nothing_back(self, world: World) -> None:
        key = world.human(**self.PULL)
        await world.reconcile(key)
        assert ("Deployment", "ada") in world.children()
        warning = world.condition("Warning")
        assert warning["reason"] == "SecretMissing"
        assert 'Secret "pull" does not exist' in warning["message"]
        assert world.condition("Ready")["reason"] == "PodsNotReady"

    async def test_its_coming_and_its_content_roll_no_pod(self, world: World) -> None:
        key = world.human(**self.PULL)
        await world.reconcile(key)
        kind = "kubernetes.io/dockerconfigjson"
        for content in ("e30=", "eyJhIjoxfQ=="):
            world.put("Secret", "pull", type=kind, data={".dockerconfigjson": content})
            world.humans._reporter._written_at.clear()  # as if the last write were a while ago
            world.writes()
            await world.reconcile(key)
            assert set(world.writes()) <= {"apply digitalhumans/ada/status"}
            assert world.condition("Warning") == {}

    async def test_wrong_type_is_named(self, world: World) -> None:
        key = world.human(**self.PULL)
        world.put("Secret", "pull", type="Opaque", data={".dockerconfigjson": "e30="})
        await world.reconcile(key)
        assert "is of type Opaque" in world.condition("Warning")["message"]

    async def test_its_change_queues_the_human(self, world: World) -> None:
        key = world.human(**self.PULL)
        await world.reconcile(key)
        assert world.services.references._requesters["Secret", "humans", "pull"] == {key}


class TestTrouble:
    @pytest.mark.parametrize(
        ("code", "error"), [(409, Conflict), (429, TooManyRequests), (503, ServerError)]
    )
    async def test_passing_trouble_is_raised_and_mended_by_the_next_try(
        self, world: World, code: int, error: type[ApiError]
    ) -> None:
        key = world.human()
        world.server.faults.fail(2, code, verb="apply", path="/services/", retry_after=2)
        with pytest.raises(error) as raised:
            await world.reconcile(key)
        assert code != 429 or raised.value.retry_after == 2
        assert ("NetworkPolicy", "ada") in world.children()
        await world.reconcile(key)
        assert {("Service", n) for n in ("ada", "ada-health", "ada-headless")} <= world.children()
        assert ("Deployment", "ada") in world.children()

    async def test_unreachable_server_is_raised(self, world: World) -> None:
        key = world.human()
        await world.reconcile(key)
        world.human(replicas=3)
        await world.server.__aexit__()
        with pytest.raises(Unreachable):
            await world.humans.reconcile(key)

    async def test_many_humans_at_once_through_a_storm(self, world: World) -> None:
        keys = [world.human(f"h{i}") for i in range(8)]
        world.server.faults.fail(20, 503, verb="apply", applied=True)
        world.server.faults.fail(20, 429, verb="apply")
        world.server.faults.fail(10, 409, verb="apply")
        for _ in range(20):
            world.look()
            results = await asyncio.gather(
                *map(world.humans.reconcile, keys), return_exceptions=True
            )
            if not any(isinstance(r, BaseException) for r in results):
                break
        assert {("Deployment", key[2]) for key in keys} <= world.children()
        world.writes()
        for key in keys:
            await world.reconcile(key)
        assert world.writes() == []


class TestClaimOfRedis:
    """It is made by the StatefulSet controller, which gives it the labels of the selector only."""

    @pytest.mark.parametrize("policy", ["Retain", "Delete"])
    async def test_it_is_seen_whoever_owns_it(self, world: World, policy: str) -> None:
        key = world.human(**REDIS, deletionPolicy=policy)
        await world.start(key)
        found = world.get("StatefulSet", "ada-redis")
        (template,) = found["spec"]["volumeClaimTemplates"]
        name = f"{template['metadata']['name']}-ada-redis-0"
        metadata: dict[str, Any] = {"labels": found["spec"]["selector"]["matchLabels"]}
        if policy == "Delete":
            uid = found["metadata"]["uid"]
            owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "ada-redis"}
            metadata["ownerReferences"] = [owner | {"uid": uid, "controller": True}]
        spec = {"storageClassName": "typo"}
        world.put(
            "PersistentVolumeClaim", name, metadata=metadata, spec=spec, status={"phase": "Pending"}
        )
        world.humans._reporter._written_at.clear()  # as if the last write were a while ago
        await world.reconcile(key)
        told = world.condition("Ready")
        assert told["reason"] == "VolumePending"
        assert told["message"].startswith(f"claim {name} waits for a volume of StorageClass typo")
        assert ("PersistentVolumeClaim", name) in world.children()

    async def test_it_stays_when_redis_is_not_asked_for_any_more(self, world: World) -> None:
        key = world.human(**REDIS)
        await world.start(key)
        labels = world.get("StatefulSet", "ada-redis")["spec"]["selector"]["matchLabels"]
        world.put("PersistentVolumeClaim", "data-ada-redis-0", metadata={"labels": labels})
        world.human()
        await world.reconcile(key)
        await world.reconcile(key)
        assert ("StatefulSet", "ada-redis") not in world.children()
        assert ("PersistentVolumeClaim", "data-ada-redis-0") in world.children()
