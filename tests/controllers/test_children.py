"""Children against an API server: refusals, foreign objects, pruning, passwords, volumes."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from digital_human_operator.kube.errors import ApiError, Conflict, Forbidden, Invalid, ServerError
from digital_human_operator.names import LABEL_HUMAN, MANAGED_BY
from tests.support.world import World, address

REDIS: dict[str, Any] = {"sessions": {"store": {"redis": {"managed": {}}}}}
SCALED: dict[str, Any] = {"autoscaling": {"minReplicas": 2, "maxReplicas": 5}}
STORED: dict[str, Any] = {
    "llm": {
        "transformers": {"model": "llama3:8b", "source": {"huggingFace": {"repository": "a/b"}}}
    }
}
SETTLED: dict[str, Any] = {
    "observedGeneration": 1,
    "replicas": 1,
    "updatedReplicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
}


class TestRefusals:
    async def test_quota_becomes_a_condition_and_stops_no_other_child(self, world: World) -> None:
        key = world.human(**REDIS)
        await world.reconcile(key)
        quota = "exceeded quota: few, requested: pods=1"
        world.server.faults.fail(
            1, 403, verb="apply", path="/statefulsets/", reason="Forbidden", message=quota
        )
        with pytest.raises(Forbidden):
            await world.reconcile(key)
        assert ("StatefulSet", "ada-redis") not in world.children()
        assert {("Deployment", "ada"), ("Secret", "ada-redis")} <= world.children()
        assert world.condition("Ready")["reason"] == "QuotaExceeded"
        assert "quota few of the namespace is used up" in world.condition("Ready")["message"]
        await world.reconcile(key)
        assert ("StatefulSet", "ada-redis") in world.children()
        assert world.condition("Ready")["reason"] != "QuotaExceeded"

    async def test_invalid_child_becomes_a_condition_and_stops_no_other(self, world: World) -> None:
        key = world.human(replicas=2)
        world.server.faults.fail(
            1, 422, verb="apply", path="/poddisruptionbudgets/ada", message="spec.x: no"
        )
        with pytest.raises(Invalid):
            await world.reconcile(key)
        assert {("Deployment", "ada"), ("Service", "ada")} <= world.children()
        assert world.condition("Stalled")["reason"] == "ChildRefused"
        assert "PodDisruptionBudget ada" in world.condition("Stalled")["message"]
        assert "spec.x: no" in world.condition("Stalled")["message"]

    @pytest.mark.parametrize("path", ["/networkpolicies/ada", "/services/ada-headless"])
    async def test_nothing_new_starts_unfenced_or_unfound_and_what_runs_is_left(
        self, world: World, path: str
    ) -> None:
        key = world.human()
        world.server.faults.fail(1, 422, verb="apply", path=path, message="no")
        with pytest.raises(Invalid):
            await world.reconcile(key)
        assert ("Deployment", "ada") not in world.children()
        assert world.condition("Stalled")["reason"] == "ChildRefused"
        await world.reconcile(key)
        running = world.get("Deployment")["metadata"]["resourceVersion"]
        kind = "NetworkPolicy" if "policies" in path else "Service"
        world.server.drop(address(kind, path.rsplit("/", 1)[1]))
        world.human(replicas=3)
        world.server.faults.fail(1, 422, verb="apply", path=path, message="no")
        with pytest.raises(Invalid):
            await world.reconcile(key)
        assert world.get("Deployment")["metadata"]["resourceVersion"] == running
        await world.reconcile(key)
        assert world.get("Deployment")["spec"]["replicas"] == 3

    async def test_what_stays_refused_is_written_into_status_once(self, world: World) -> None:
        key = world.human()
        world.server.faults.fail(9, 422, verb="apply", path="/services/ada-headless")
        for _ in range(3):
            with pytest.raises(Invalid):
                await world.reconcile(key)
        assert world.writes().count("apply digitalhumans/ada/status") == 1

    async def test_trouble_that_passes_is_raised_before_a_refusal(self, world: World) -> None:
        """So that the queue waits as the API server asked for."""
        key = world.human()
        world.server.faults.fail(1, 422, verb="apply", path="/services/ada-headless")
        world.server.faults.fail(1, 429, 2, verb="apply", path="/configmaps/")
        with pytest.raises(ApiError) as raised:
            await world.reconcile(key)
        assert raised.value.retry_after == 2

    async def test_nothing_is_pruned_after_a_failure(self, world: World) -> None:
        key = world.human(**REDIS)
        await world.start(key)
        world.human(replicas=3)
        world.server.faults.fail(1, 500, verb="apply", path="/deployments/")
        with pytest.raises(ServerError):
            await world.reconcile(key)
        assert ("StatefulSet", "ada-redis") in world.children()
        await world.reconcile(key)
        assert ("StatefulSet", "ada-redis") not in world.children()

    async def test_pods_wait_for_what_they_need(self, world: World) -> None:
        await world.start(world.human(**REDIS))
        kinds = [w.split()[1].split("/")[0] for w in world.writes() if "/status" not in w]
        second = {"rolebindings", "deployments", "statefulsets"}
        first_of_second = min(i for i, kind in enumerate(kinds) if kind in second)
        assert set(kinds[first_of_second:]) == second


class TestForeign:
    async def test_foreign_object_is_left_alone_and_reported(self, world: World) -> None:
        world.put("ConfigMap", "ada-config", data={"theirs": "yes"})
        before = world.get("ConfigMap", "ada-config")
        key = world.human()
        await world.reconcile(key)
        assert world.get("ConfigMap", "ada-config") == before
        assert world.condition("Stalled")["reason"] == "ForeignObject"
        assert "ConfigMap ada-config" in world.condition("Stalled")["message"]
        assert ("Service", "ada") in world.children()

    async def test_object_of_another_controller_is_named(self, world: World) -> None:
        owner = {"apiVersion": "v1", "kind": "Boss", "name": "b", "uid": "u-9", "controller": True}
        world.put("Service", "ada", metadata={"ownerReferences": [owner]})
        await world.reconcile(world.human())
        assert "Boss b" in world.condition("Stalled")["message"]

    async def test_name_that_becomes_free_is_taken(self, world: World) -> None:
        world.put("ConfigMap", "ada-config")
        key = world.human()
        await world.reconcile(key)
        world.server.drop(address("ConfigMap", "ada-config"))
        await world.reconcile(key)
        assert world.get("ConfigMap", "ada-config")["metadata"]["labels"][LABEL_HUMAN] == "ada"
        assert world.condition("Stalled") == {}

    async def test_object_that_is_going_away_is_made_again_later(self, world: World) -> None:
        key = world.human()
        await world.reconcile(key)
        world.put("Service", "ada", metadata={"deletionTimestamp": "2026-03-01T12:00:00Z"})
        with pytest.raises(Conflict, match="Service ada is going away"):
            await world.reconcile(key)
        world.server.drop(address("Service", "ada"))
        await world.reconcile(key)
        assert "deletionTimestamp" not in world.get("Service")["metadata"]


SECOND = {"RoleBinding", "Deployment", "StatefulSet", "Job", "CronJob"}
NEEDED = [
    ("ServiceAccount", "ada"),
    ("ConfigMap", "ada-config"),
    ("Secret", "ada-redis"),
    ("PersistentVolumeClaim", "ada-models"),
    ("Role", "ada-fetch"),
    ("NetworkPolicy", "ada"),
    ("NetworkPolicy", "ada-deny-all"),
    ("Service", "ada-headless"),
]


def started(world: World) -> set[str]:
    """Kinds of what there is that starts Pods or grants rights."""
    return {kind for kind, _ in world.children()} & SECOND


def _templates(world: World) -> dict[str, Any]:
    """What Redis and the runtime are started from."""
    kinds = {"StatefulSet": "ada-redis", "Deployment": "ada"}
    return {kind: world.get(kind, name)["spec"]["template"] for kind, name in kinds.items()}


class TestNeeded:
    @pytest.mark.parametrize(("kind", "name"), NEEDED)
    async def test_nothing_starts_with_a_foreign_object(
        self, world: World, kind: str, name: str
    ) -> None:
        world.put(kind, name)
        key = world.human(**REDIS, **STORED)
        assert await world.reconcile(key) is not None  # looked at again
        assert started(world) == set()
        assert ("Service", "ada") in world.children()
        assert f"{kind} {name}" in world.condition("Stalled")["message"]
        world.server.drop(address(kind, name))
        await world.start(key)
        assert {"RoleBinding", "Job", "StatefulSet"} <= started(world)
        assert world.condition("Stalled") == {}

    @pytest.mark.parametrize(("kind", "name"), NEEDED)
    @pytest.mark.parametrize("code", [403, 422, 500])
    async def test_nothing_starts_without_it(
        self, world: World, kind: str, name: str, code: int
    ) -> None:
        path = address(kind, name)
        world.server.faults.fail(1, code, verb="apply", path=path)
        key = world.human(**REDIS, **STORED)
        with pytest.raises(ApiError):
            await world.reconcile(key)
        assert started(world) == set()
        await world.start(key)
        assert {"RoleBinding", "Job", "StatefulSet"} <= started(world)

    async def test_one_that_is_there_and_ours_holds_nothing_back(self, world: World) -> None:
        key = world.human()
        await world.reconcile(key)
        world.put("ConfigMap", "ada-config", data={"drifted": "yes"})
        world.human(replicas=3)
        world.server.faults.fail(1, 422, verb="apply", path="/configmaps/ada-config")
        with pytest.raises(Invalid):
            await world.reconcile(key)
        assert world.get("Deployment")["spec"]["replicas"] == 3

    async def test_workloads_and_what_they_use_are_left_as_they_are(self, world: World) -> None:
        key = world.human(**REDIS)
        await world.start(key)
        deployment = world.get("Deployment")
        world.server.drop(address("ConfigMap", "ada-config"))
        world.put("ConfigMap", "ada-config")
        world.human(replicas=3)
        await world.reconcile(key)
        assert world.get("Deployment") == deployment
        assert {("StatefulSet", "ada-redis"), ("Secret", "ada-redis")} <= world.children()
        world.server.drop(address("ConfigMap", "ada-config"))
        await world.reconcile(key)
        assert world.get("Deployment")["spec"]["replicas"] == 3
        assert ("StatefulSet", "ada-redis") not in world.children()


class TestPrune:
    async def test_what_the_spec_drops_is_deleted(self, world: World) -> None:
        key = world.human(**REDIS, **SCALED)
        await world.start(key)
        world.human()
        await world.reconcile(key)
        gone = {("StatefulSet", "ada-redis"), ("HorizontalPodAutoscaler", "ada")}
        assert not gone & world.children()
        assert ("Deployment", "ada") in world.children()

    async def test_surplus_of_a_settled_human_is_deleted(self, world: World) -> None:
        key = world.human()
        await world.reconcile(key)
        metadata = world.get("Service")["metadata"]
        kept = {k: metadata[k] for k in ("labels", "ownerReferences")}
        world.put("Service", "old", metadata=kept)
        await world.reconcile(key)
        assert ("Service", "old") not in world.children()
        assert ("Service", "ada") in world.children()

    async def test_objects_of_others_are_never_deleted(self, world: World) -> None:
        key = world.human()
        other = world.human("bob")
        await world.reconcile(key)
        await world.reconcile(other)
        world.put("Service", "theirs", metadata={"labels": {LABEL_HUMAN: "ada"}})
        world.human(replicas=2)
        await world.reconcile(key)
        assert {("Deployment", "bob"), ("Service", "theirs")} <= world.children()

    @pytest.mark.parametrize(("code", "error"), [(403, Forbidden), (503, ServerError)])
    async def test_failed_deletion_is_tried_again_and_status_is_written(
        self, world: World, code: int, error: type[ApiError]
    ) -> None:
        key = world.human(**REDIS)
        await world.start(key)
        world.human()
        world.server.faults.fail(
            1, code, verb="delete", path="/statefulsets/", message="the webhook says no"
        )
        with pytest.raises(error):
            await world.reconcile(key)
        assert world.condition("Ready")["observedGeneration"] == 2
        if code == 403:
            assert "the webhook says no" in world.condition("Ready")["message"]
        await world.reconcile(key)
        assert ("StatefulSet", "ada-redis") not in world.children()
        assert "the webhook says no" not in world.condition("Ready")["message"]


class TestPasswords:
    async def test_pods_of_both_sides_roll_with_another_password(self, world: World) -> None:
        """Whoever starts next would have the new one alone, and be refused by the other."""
        key = world.human(**REDIS)
        await world.start(key)
        before = _templates(world)
        world.server.drop(address("Secret", "ada-redis"))
        await world.reconcile(key)
        assert _templates(world) == before  # nothing starts before the new one is there
        await world.reconcile(key)
        after = _templates(world)
        assert all(after[kind] != before[kind] for kind in before)
        world.writes()
        await world.reconcile(key)
        assert not [one for one in world.writes() if "/status" not in one]

    async def test_new_pods_are_made_once_with_the_password_in_their_template(
        self, world: World
    ) -> None:
        key = world.human(**REDIS)
        await world.reconcile(key)
        assert started(world) == {"RoleBinding"}
        assert world.condition("Ready")["reason"] == "SessionStoreNotReady"
        await world.reconcile(key)
        writes = world.writes()
        assert writes.count("apply deployments/ada") == 1
        assert writes.count("apply statefulsets/ada-redis") == 1

    async def test_human_that_is_made_asleep_gets_each_child_once_too(self, world: World) -> None:
        key = world.human(mode="Suspended", **REDIS)
        await world.start(key)
        writes = [one for one in world.writes() if "/status" not in one]
        assert len(writes) == len(set(writes)) == len(world.children())
        assert ("Deployment", "ada") in world.children()
        assert world.get("Deployment")["spec"]["replicas"] == 0

    @pytest.mark.parametrize("more", [{}, STORED])
    async def test_nothing_is_called_ready_that_waits_for_a_password(
        self, world: World, more: dict[str, Any]
    ) -> None:
        """Ready would be about the Pods as they are, and they are not yet as the spec says."""
        key = world.human(**REDIS, **more)
        await world.start(key)
        for kind, name in world.children():
            if kind == "Job":
                done = {"conditions": [{"type": "Complete", "status": "True"}]}
                world.put("Job", name, status=done)
        await world.reconcile(key)
        world.put("Deployment", status=SETTLED)
        world.put("StatefulSet", "ada-redis", status=SETTLED)
        await world.reconcile(key)
        assert world.condition("Ready")["status"] == "True"
        before = _templates(world)
        world.server.drop(address("Secret", "ada-redis"))
        world.human(image="registry.example.com/other:1", **REDIS, **more)
        await world.reconcile(key)
        assert _templates(world) == before
        told = world.condition("Ready")
        assert (told["status"], told["reason"]) == ("False", "SessionStoreNotReady")
        assert told["message"] == "the password of Redis is being made; the Pods wait for it"
        await world.reconcile(key)
        assert _templates(world)["Deployment"] != before["Deployment"]

    async def test_secret_without_its_keys_is_named_with_what_to_do(self, world: World) -> None:
        key = world.human(**REDIS)
        await world.start(key)
        before = _templates(world)
        world.put("Secret", "ada-redis", data={"password": "bmV3"})
        await world.reconcile(key)
        assert _templates(world) == before
        told = world.condition("Ready")
        assert told["reason"] == "SecretMissing"
        assert told["message"] == (
            'Secret "ada-redis" lacks the key users.acl (spec.sessions.store.redis.managed):'
            " delete it, and it is made anew"
        )

    async def test_secret_is_generated_once(self, world: World) -> None:
        key = world.human(**REDIS)
        await world.reconcile(key)
        data = world.get("Secret", "ada-redis")["data"]
        password = base64.b64decode(data["password"]).decode()
        assert len(password) == 32
        assert f">{password} " in base64.b64decode(data["users.acl"]).decode()
        world.human(replicas=2, **REDIS)
        await world.reconcile(key)
        assert world.get("Secret", "ada-redis")["data"] == data

    async def test_secret_that_was_not_seen_keeps_its_password(self, world: World) -> None:
        key = world.human(**REDIS)
        await world.reconcile(key)
        data = world.get("Secret", "ada-redis")["data"]
        again = World(world.server, world.services.client)  # a new process, before its watch
        again.human(**REDIS)
        await again.humans.reconcile(key)
        assert world.get("Secret", "ada-redis")["data"] == data

    async def test_password_that_somebody_changed_is_kept(self, world: World) -> None:
        key = world.human(**REDIS)
        await world.reconcile(key)
        world.put("Secret", "ada-redis", data={"password": "bmV3"})
        world.human(replicas=2, **REDIS)
        await world.reconcile(key)
        assert world.get("Secret", "ada-redis")["data"] == {"password": "bmV3"}

    async def test_lost_answer_makes_no_second_password(self, world: World) -> None:
        key = world.human(**REDIS)
        world.server.faults.fail(1, 500, verb="apply", path="/secrets/", applied=True)
        with pytest.raises(ServerError):
            await world.reconcile(key)
        data = world.get("Secret", "ada-redis")["data"]
        await world.reconcile(key)
        assert world.get("Secret", "ada-redis")["data"] == data

    async def test_orphaned_secret_belongs_to_the_human_that_is_made_again(
        self, world: World
    ) -> None:
        key = world.human(**REDIS)
        await world.reconcile(key)
        secret = world.get("Secret", "ada-redis")
        data, owners = secret["data"], secret["metadata"].pop("ownerReferences")
        world.server.put(address("Secret", "ada-redis"), secret)
        world.server.drop(address(*key[::2]))
        world.services.seen.remove(key, owners[0]["uid"])
        await world.reconcile(key)
        world.human(**REDIS)
        uid = world.get("DigitalHuman")["metadata"]["uid"]
        assert uid != owners[0]["uid"]
        await world.reconcile(key)
        found = world.get("Secret", "ada-redis")
        assert found["data"] == data
        assert found["metadata"]["ownerReferences"] == [owners[0] | {"uid": uid}]

    async def test_two_humans_have_different_passwords(self, world: World) -> None:
        for name in ("ada", "bob"):
            await world.reconcile(world.human(name, **REDIS))
        first, second = (world.get("Secret", f"{n}-redis")["data"] for n in ("ada", "bob"))
        assert first["password"] != second["password"]


class TestVolumes:
    async def test_released_volume_is_used_again(self, world: World) -> None:
        """One that outlived its human, and was brought back by another tool than the operator."""
        labels = {LABEL_HUMAN: "ada", MANAGED_BY: "digital-human-operator"}
        world.put("PersistentVolumeClaim", "ada-models", metadata={"labels": labels})
        uid = world.get("PersistentVolumeClaim", "ada-models")["metadata"]["uid"]
        key = world.human(**STORED)
        for _ in range(3):
            await world.reconcile(key)
        assert world.condition("Stalled") == {}
        assert world.get("PersistentVolumeClaim", "ada-models")["metadata"]["uid"] == uid
        world.writes()
        await world.reconcile(key)
        assert world.writes() == []

    async def test_volume_that_only_names_the_human_is_foreign(self, world: World) -> None:
        labels = {LABEL_HUMAN: "ada"}
        world.put("PersistentVolumeClaim", "ada-models", metadata={"labels": labels})
        before = world.get("PersistentVolumeClaim", "ada-models")["metadata"]["resourceVersion"]
        await world.reconcile(world.human(**STORED))
        assert world.condition("Stalled")["reason"] == "ForeignObject"
        after = world.get("PersistentVolumeClaim", "ada-models")["metadata"]["resourceVersion"]
        assert after == before

    async def test_volume_without_the_label_is_foreign(self, world: World) -> None:
        world.put("PersistentVolumeClaim", "ada-models")
        await world.reconcile(world.human(**STORED))
        assert world.condition("Stalled")["reason"] == "ForeignObject"
