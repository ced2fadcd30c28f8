"""A restore as a clone: the object is read, the human is made and held, its sessions come."""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from typing import Any

import pytest

from digital_human_backup.verbs.objects import pack
from digital_human_operator import names
from digital_human_operator.errors import InvalidSpec
from digital_human_operator.kube.errors import ServerError
from digital_human_operator.plan.clones import clone_spec, unpack
from digital_human_operator.seen import Key
from tests.support.world import NAMESPACE, World, address

KIND = "DigitalHumanRestore"
ADA: Key = ("DigitalHuman", NAMESPACE, "ada")
BOB: Key = ("DigitalHuman", NAMESPACE, "bob")
READING, RUN = "back-objects", "back-restore"
ID = "20260301T015900Z-0123456789abcdef"
OLD_UID = "uid-of-an-earlier-ada"
DESTINATION: dict[str, Any] = {"persistentVolumeClaim": {"claimName": "backups"}}
SPEC: dict[str, Any] = {
    "persona": {"greeting": "Grüß dich!"},
    "sessions": {"store": {"redis": {"managed": {}}}},
    "backup": {"schedule": "@daily", "destination": DESTINATION},
    "network": {"expose": {"type": "LoadBalancer"}, "allowFrom": [{"namespace": "frontend"}]},
}
RESTORED = {"event": "restored", "id": ID, "bytes": 2048, "seconds": 1.2, "erased": {"sessions": 3}}


def ask(world: World, **source: str) -> Key:
    given = source or {"backup": "nightly"}
    return world.put(KIND, "back", spec={"source": given, "target": {"clone": {"name": "bob"}}})


def a_backup(world: World, *, place: bool = True, **spec: Any) -> None:
    condition = {"type": "Ready", "status": "True", "reason": "R", "message": "m"}
    condition["lastTransitionTime"] = "2026-03-01T12:00:00Z"
    told: dict[str, Any] = {"observedGeneration": 1, "phase": "Succeeded"}
    told |= {
        "conditions": [condition],
        "uid": OLD_UID,
        "backup": {"id": ID, "bytes": 1, "digest": "d" * 64},
    }
    if place:
        key = {"keySecret": {"name": "keys", "key": "backup"}}
        told |= {"destination": DESTINATION, "encryption": key}
    world.put("DigitalHumanBackup", "nightly", spec={"digitalHuman": "ada"} | spec, status=told)


def a_key(world: World) -> None:
    world.put("Secret", "keys", data={"backup": "a2V5"})


def words(spec: dict[str, Any], held: tuple[str, ...] = ("objects", "sessions")) -> list[Any]:
    """What the containers of the Pod tell."""
    packed = pack({"apiVersion": "aiqtoolkit.io/v1alpha1", "kind": "DigitalHuman", "spec": spec})
    head = {"event": "objects", "id": ID, "held": held, "size": len(packed), "digest": "d" * 64}
    return [head | {"text": packed[at : at + 200]} for at in range(0, len(packed), 200)]


def end(world: World, job: str, told: list[Any], kind: str = "Complete") -> None:
    labels = world.get("Job", job)["spec"]["template"]["metadata"]["labels"]
    over = [
        {"terminated": {"message": json.dumps(word), "finishedAt": "2026-03-01T12:00:00Z"}}
        for word in told
    ]
    states = [{"name": f"c{number}", "state": one} for number, one in enumerate(over)]
    world.put(
        "Pod",
        f"{job}-p",
        metadata={"labels": labels | {names.LABEL_JOB: job}},
        status={
            "phase": "Succeeded" if kind == "Complete" else "Failed",
            "initContainerStatuses": states[:-1],
            "containerStatuses": states[-1:],
        },
    )
    world.put("Job", job, status={"conditions": [{"type": kind, "status": "True"}]})


def status(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.get(KIND, "back").get("status", {})
    return found


def condition(world: World, kind: str = "Ready") -> dict[str, Any]:
    return world.condition(kind, (KIND, NAMESPACE, "back"))


async def until_reading(world: World, **human: Any) -> Key:
    world.human(**(SPEC | human))
    await world.start(ADA)
    a_backup(world)
    a_key(world)
    key = ask(world)
    await world.reconcile(key)
    await world.reconcile(key)
    return key


async def until_created(
    world: World, spec: dict[str, Any] = SPEC, held: tuple[str, ...] = ("objects", "sessions")
) -> Key:
    key = await until_reading(world)
    end(world, READING, words(spec, held))
    await world.reconcile(key)
    return key


async def until_restoring(world: World) -> Key:
    key = await until_created(world)
    await world.start(BOB)
    world.put("StatefulSet", "bob-redis", status={"readyReplicas": 1, "observedGeneration": 1})
    await world.reconcile(key)
    return key


def told_to(world: World, job: str) -> dict[str, Any]:
    found: dict[str, Any] = world.get("Job", job)["spec"]["template"]["spec"]
    return found


class TestSteps:
    async def test_the_name_is_held_before_anything_is_made(self, world: World) -> None:
        world.human(**SPEC)
        await world.start(ADA)
        a_backup(world)
        a_key(world)
        key = ask(world)
        assert await world.reconcile(key) == 5.0
        told = status(world)
        assert (told["phase"], told["digitalHuman"], told["backup"]) == ("Reading", "bob", ID)
        assert not world.get("Job", READING)

    async def test_a_pod_reads_the_object_of_that_backup(self, world: World) -> None:
        await until_reading(world)
        pod = told_to(world, READING)
        assert pod["serviceAccountName"] == "ada"
        containers = [*pod["initContainers"], *pod["containers"]]
        for number, one in enumerate(containers):
            assert one["args"][:2] == ["objects", ID]
            assert one["args"][one["args"].index("--uid") + 1] == OLD_UID
            assert one["args"][one["args"].index("--piece") + 1] == str(number)
            assert "--redis" not in one["args"]
        mounted = {one["name"] for one in pod["volumes"]}
        assert mounted == {"tmp", "encryption", "backups"}
        assert world.get("NetworkPolicy", READING)["spec"]["policyTypes"] == ["Ingress", "Egress"]
        assert condition(world, "ObjectsRead")["status"] == "False"

    async def test_the_clone_is_as_the_human_was_and_not_exposed(self, world: World) -> None:
        await until_created(world)
        made = world.get("DigitalHuman", "bob")
        assert made["spec"] == SPEC | {"network": {"allowFrom": [{"namespace": "frontend"}]}}
        uid = world.get(KIND, "back")["metadata"]["uid"]
        assert made["metadata"]["annotations"] == {names.ANNOTATION_CLONE: uid}
        assert "ownerReferences" not in made["metadata"]
        assert status(world)["phase"] == "Creating"
        assert condition(world, "CloneCreated")["status"] == "True"

    async def test_it_has_no_pods_until_its_sessions_are_there(self, world: World) -> None:
        key = await until_created(world)
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 0
        assert world.get("StatefulSet", "bob-redis")["spec"]["replicas"] == 1
        await world.reconcile(key)
        assert "Redis is not ready" in condition(world)["message"]
        assert not world.get("Job", RUN)

    async def test_it_has_none_either_where_the_restore_is_seen_as_it_was_before(
        self, world: World
    ) -> None:
        await until_created(world)
        restore = world.get(KIND, "back")
        del restore["status"]  # two watches, in any order
        again = World(world.server, world.services.client)
        again.put(KIND, "back")
        await again.start(again.put("DigitalHuman", "bob"))
        assert again.get("Deployment", "bob")["spec"]["replicas"] == 0
        assert again.get("DigitalHuman", "bob")["status"]["restore"] == "back"

    async def test_the_sessions_come_into_the_clones_redis(self, world: World) -> None:
        key = await until_restoring(world)
        assert status(world)["phase"] == "Restoring"
        (container,) = told_to(world, RUN)["containers"]
        arguments = container["args"]
        assert arguments[:2] == ["restore", ID]
        assert arguments[arguments.index("--uid") + 1] == OLD_UID
        assert arguments[arguments.index("--human") + 1] == "bob"
        assert "bob-redis" in arguments[arguments.index("--redis") + 1]
        assert not world.get("DigitalHumanBackup", names.safety_backup("back", "x"))
        end(world, RUN, [RESTORED])
        assert await world.reconcile(key) is None
        told = status(world)
        assert told["phase"] == "Succeeded"
        assert told["restored"] == {"bytes": 2048, "seconds": 2, "erasedSessions": 3}
        for kind in ("ObjectsRead", "CloneCreated", "SessionsRestored", "DataErasureApplied"):
            assert condition(world, kind)["status"] == "True"
        await world.reconcile(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1
        assert world.get("Deployment", "ada")["spec"]["replicas"] == 1

    async def test_it_is_made_once_also_when_the_operator_starts_anew(self, world: World) -> None:
        key = await until_created(world)
        again = World(world.server, world.services.client)
        for kind, name in ((KIND, "back"), ("DigitalHuman", "ada"), ("DigitalHuman", "bob")):
            again.put(kind, name)
        again.put("DigitalHumanBackup", "nightly")
        again.writes()
        await again.reconcile(key)
        assert not [one for one in again.writes() if "digitalhumans" in one]
        assert status(again)["phase"] == "Creating"

    async def test_a_backup_without_sessions_makes_a_new_human(self, world: World) -> None:
        key = await until_reading(world)
        end(world, READING, words(SPEC, ("objects", "config")))
        await world.reconcile(key)
        assert await world.reconcile(key) is None
        assert status(world)["phase"] == "Succeeded"
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1


class TestLostWords:
    """The Pod that reads the object is gone before anybody has seen what it told."""

    @pytest.fixture(autouse=True)
    def at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nobody waits for words that may still come."""
        monkeypatch.setattr("digital_human_operator.controllers.requests._LAST_WORD", 0.0)

    async def lose(self, world: World, job: str) -> None:
        """The Job is complete, and its Pod is gone."""
        end(world, job, [])
        world.server.drop(address("Pod", f"{job}-p"))

    async def test_it_is_read_again(self, world: World) -> None:
        key = await until_reading(world)
        await self.lose(world, READING)
        assert await world.reconcile(key) == 5.0
        assert (status(world)["phase"], status(world)["readings"]) == ("Reading", 2)
        assert "again" in condition(world)["message"]
        assert not world.get("DigitalHuman", "bob")
        await world.reconcile(key)
        second = names.reading_run("back", 2)
        assert told_to(world, second) == told_to(world, READING)
        end(world, second, words(SPEC))
        await world.reconcile(key)
        assert status(world)["phase"] == "Creating"
        assert world.get("DigitalHuman", "bob")["spec"]["persona"] == SPEC["persona"]

    async def test_a_pod_that_told_nothing_is_lost_too(self, world: World) -> None:
        key = await until_reading(world)
        end(world, READING, [])
        await world.reconcile(key)
        assert status(world)["readings"] == 2

    async def test_an_operator_that_starts_anew_does_not_read_more_often(
        self, world: World
    ) -> None:
        key = await until_reading(world)
        await self.lose(world, READING)
        await world.reconcile(key)
        again = World(world.server, world.services.client)
        for kind, name in ((KIND, "back"), ("DigitalHuman", "ada")):
            again.put(kind, name)
        again.put("DigitalHumanBackup", "nightly")
        await again.reconcile(key)
        await again.reconcile(key)
        assert status(again)["readings"] == 2
        assert not again.get("Job", names.reading_run("back", 3))

    async def test_it_ends_after_three_readings(self, world: World) -> None:
        key = await until_reading(world)
        for number in (1, 2):
            await self.lose(world, names.reading_run("back", number))
            assert await world.reconcile(key) == 5.0
            await world.reconcile(key)
        await self.lose(world, names.reading_run("back", 3))
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "ObjectUnread"
        assert "3 times" in condition(world)["message"]
        assert not world.get("Job", names.reading_run("back", 4))

    async def test_each_reading_has_its_time_to_tell(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = await until_reading(world)
        monkeypatch.setattr("digital_human_operator.controllers.requests._LAST_WORD", 0.05)
        for number in (1, 2):
            await self.lose(world, names.reading_run("back", number))
            before = status(world)
            await world.reconcile(key)
            assert status(world) == before  # its words may come yet
            await asyncio.sleep(0.06)
            await world.reconcile(key)
            assert status(world)["readings"] == number + 1
            await world.reconcile(key)

    async def test_a_backup_without_sessions_is_known_as_one_when_the_pod_is_gone(
        self, world: World
    ) -> None:
        key = await until_created(world, held=("objects", "config"))
        assert sorted(status(world)["parts"]) == ["config", "objects"]
        world.server.drop(address("Pod", f"{READING}-p"))
        assert await world.reconcile(key) is None
        assert status(world)["phase"] == "Succeeded"
        assert not world.get("Job", RUN)
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1

    async def test_what_a_start_between_two_writes_has_lost_is_read_again(
        self, world: World
    ) -> None:
        key = await until_created(world, held=("objects", "config"))
        told = status(world)
        del told["parts"]
        world.put(KIND, "back", status=told)
        world.server.drop(address("Pod", f"{READING}-p"))
        await world.reconcile(key)
        assert (status(world)["phase"], status(world)["readings"]) == ("Creating", 2)
        await world.reconcile(key)
        end(world, names.reading_run("back", 2), words(SPEC, ("objects", "config")))
        await world.reconcile(key)
        await world.reconcile(key)
        assert status(world)["phase"] == "Succeeded"
        made = [one for one in world.server.objects if "/digitalhumans/bob" in one]
        assert len(made) == 1

    @pytest.mark.parametrize("kind", ["Complete", "Failed"])
    async def test_a_backup_of_which_nobody_can_tell_is_taken_for_one_with_sessions(
        self, world: World, kind: str
    ) -> None:
        key = await until_created(world)
        await world.start(BOB)
        world.put("StatefulSet", "bob-redis", status={"readyReplicas": 1, "observedGeneration": 1})
        told = status(world) | {"readings": 3}
        del told["parts"]
        world.put(KIND, "back", status=told)
        await world.reconcile(key)
        assert "read again" in condition(world)["message"]
        assert not world.get("Job", RUN)
        end(world, names.reading_run("back", 3), [], kind)
        await world.reconcile(key)
        assert world.get("Job", RUN)


class TestMark:
    """The annotation by which a clone is known, which `kubectl replace` takes away."""

    def strip(self, world: World) -> None:
        world.put("DigitalHuman", "bob", metadata={"annotations": {}})

    async def test_without_it_the_clone_is_held_and_filled_all_the_same(self, world: World) -> None:
        key = await until_created(world)
        assert status(world)["cloneUid"] == world.get("DigitalHuman", "bob")["metadata"]["uid"]
        self.strip(world)
        assert await world.reconcile(key) == 5.0
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 0
        world.put("StatefulSet", "bob-redis", status={"readyReplicas": 1, "observedGeneration": 1})
        await world.reconcile(key)
        assert status(world)["phase"] == "Restoring"
        end(world, RUN, [RESTORED])
        await world.reconcile(key)
        assert status(world)["phase"] == "Succeeded"
        await world.reconcile(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1

    async def test_without_it_a_clone_that_was_not_filled_stays_without_pods(
        self, world: World
    ) -> None:
        key = await until_restoring(world)
        end(world, RUN, [{"event": "failed", "message": "Redis is too old."}], "Failed")
        assert await world.reconcile(key) is None
        self.strip(world)
        for pod in (f"{READING}-p", f"{RUN}-p"):
            world.server.drop(address("Pod", pod))
        await world.reconcile(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 0
        again = World(world.server, world.services.client)
        again.put("DigitalHuman", "bob")  # the restore was not seen yet
        await again.reconcile(BOB)
        assert again.get("Deployment", "bob")["spec"]["replicas"] == 0

    async def test_who_has_copied_it_is_no_clone(self, world: World) -> None:
        key = await until_restoring(world)
        end(world, RUN, [{"event": "failed", "message": "Redis is too old."}], "Failed")
        await world.reconcile(key)
        marks = world.get("DigitalHuman", "bob")["metadata"]["annotations"]
        for path in [one for one in world.server.objects if "/bob" in one]:
            world.server.drop(path)
        for pod in (f"{READING}-p", f"{RUN}-p"):
            world.server.drop(address("Pod", pod))
        world.services.seen.remove(BOB)
        world.put("DigitalHuman", "bob", metadata={"annotations": marks}, spec=SPEC)
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1

    async def test_another_one_under_its_name_is_not_filled(self, world: World) -> None:
        key = await until_created(world)
        marks = world.get("DigitalHuman", "bob")["metadata"]["annotations"]
        world.server.drop(address("DigitalHuman", "bob"))
        world.services.seen.remove(BOB)
        world.put("DigitalHuman", "bob", metadata={"annotations": marks}, spec=SPEC)
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "CloneDeleted"
        assert "another one has its name" in condition(world)["message"]
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1


class TestGone:
    async def test_what_the_backup_knows_is_enough(self, world: World) -> None:
        a_backup(world)
        a_key(world)
        key = ask(world)
        await world.reconcile(key)
        await world.reconcile(key)
        pod = told_to(world, READING)
        assert pod["serviceAccountName"] == "default"
        assert pod["volumes"][-1]["persistentVolumeClaim"] == {"claimName": "backups"}
        assert "--key-file" in pod["containers"][0]["args"]

    async def test_an_older_backup_that_does_not_say_where_it_lies(self, world: World) -> None:
        a_backup(world, place=False)
        assert await world.reconcile(ask(world)) == 5.0
        assert condition(world)["reason"] == "BackupPlaceUnknown"
        world.human(**SPEC)
        key = (KIND, NAMESPACE, "back")
        await world.reconcile(key)
        assert status(world)["phase"] == "Reading"

    async def test_the_same_name_may_be_taken_again(self, world: World) -> None:
        a_backup(world)
        a_key(world)
        target = {"source": {"backup": "nightly"}, "target": {"clone": {"name": "ada"}}}
        key = world.put(KIND, "back", spec=target)
        await world.reconcile(key)
        await world.reconcile(key)
        end(world, READING, words(SPEC))
        await world.reconcile(key)
        assert world.get("DigitalHuman")["spec"]["persona"] == SPEC["persona"]

    async def test_its_key_is_waited_for(self, world: World) -> None:
        a_backup(world)
        key = ask(world)
        assert await world.reconcile(key) == 5.0
        assert condition(world)["reason"] == "SecretMissing"
        a_key(world)
        await world.reconcile(key)
        assert status(world)["phase"] == "Reading"


class TestObstacles:
    async def test_a_name_that_is_taken_is_refused(self, world: World) -> None:
        world.human("bob")
        a_backup(world)
        assert await world.reconcile(ask(world)) is None
        assert condition(world)["reason"] == "NameTaken"
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1

    async def test_a_name_that_is_taken_meanwhile_is_left_alone(self, world: World) -> None:
        key = await until_reading(world)
        end(world, READING, words(SPEC))
        path = address("DigitalHuman", "bob")
        body = {"apiVersion": "aiqtoolkit.io/v1alpha1", "kind": "DigitalHuman"}
        world.server.put(path, body | {"metadata": {"name": "bob"}, "spec": {}})  # not seen yet
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "NameTaken"
        assert "without its sessions" not in condition(world)["message"]
        assert world.get("DigitalHuman", "bob")["spec"] == {}

    async def test_one_that_was_made_before_its_answer_was_lost_is_known_again(
        self, world: World
    ) -> None:
        key = await until_reading(world)
        end(world, READING, words(SPEC))
        world.server.faults.fail(1, 504, verb="create", path="digitalhumans", applied=True)
        with pytest.raises(ServerError):
            await world.reconcile(key)
        assert world.get("DigitalHuman", "bob")
        await world.reconcile(key)
        assert status(world)["phase"] == "Creating"
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 0

    async def test_a_backup_without_objects_is_refused(self, world: World) -> None:
        a_backup(world, include=["sessions"])
        assert await world.reconcile(ask(world)) is None
        assert condition(world)["reason"] == "NothingToRestore"
        assert "holds no objects" in condition(world)["message"]

    async def test_a_human_without_a_verified_backup_is_waited_for(self, world: World) -> None:
        world.human(**SPEC)
        assert await world.reconcile(ask(world, latestOf="ada")) == 5.0
        assert condition(world)["reason"] == "BackupUnknown"

    async def test_a_pod_that_fails_says_why_and_nothing_is_made(self, world: World) -> None:
        key = await until_reading(world)
        end(world, READING, [{"event": "failed", "message": "The key is missing."}], "Failed")
        assert await world.reconcile(key) is None
        assert condition(world, "Stalled")["message"] == "nothing was made: The key is missing."
        assert condition(world, "ObjectsRead")["message"] == "no human is made of it"
        assert not world.get("DigitalHuman", "bob")

    async def test_an_object_of_which_a_piece_is_missing_is_not_used(self, world: World) -> None:
        key = await until_reading(world)
        end(world, READING, words(SPEC)[:-1])
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "ObjectUnread"
        assert not world.get("DigitalHuman", "bob")

    async def test_an_object_of_another_backup_is_not_used(self, world: World) -> None:
        key = await until_reading(world)
        end(world, READING, [word | {"digest": "e" * 64} for word in words(SPEC)])
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "ObjectUnread"
        assert not world.get("DigitalHuman", "bob")

    @pytest.mark.parametrize(
        ("digest", "phase"), [("d" * 64, "Creating"), ("e" * 64, "Failed"), (None, "Failed")]
    )
    async def test_of_the_latest_backup_the_digest_counts_too(
        self, world: World, digest: str | None, phase: str
    ) -> None:
        world.human(**SPEC)
        await world.start(ADA)
        newest = {"id": ID, "bytes": 1, "verified": True, "digest": digest}
        told = world.get("DigitalHuman")["status"] | {"backup": {"newest": newest}}
        world.put("DigitalHuman", "ada", status=told)
        key = ask(world, latestOf="ada")
        await world.reconcile(key)
        await world.reconcile(key)
        end(world, READING, words(SPEC))
        await world.reconcile(key)
        assert status(world)["phase"] == phase
        assert bool(world.get("DigitalHuman", "bob")) == (phase == "Creating")

    @pytest.mark.parametrize(("code", "reason"), [(422, "Invalid"), (403, "Forbidden")])
    async def test_what_the_api_server_does_not_take_is_told(
        self, world: World, code: int, reason: str
    ) -> None:
        key = await until_reading(world)
        end(world, READING, words(SPEC))
        world.server.faults.fail(
            1, code, verb="create", path="digitalhumans", reason=reason, message="spec.llm is odd"
        )
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "ObjectRefused"
        assert "spec.llm is odd" in condition(world)["message"]

    async def test_a_failed_restore_leaves_the_clone_without_pods(self, world: World) -> None:
        key = await until_restoring(world)
        end(world, RUN, [{"event": "failed", "message": "Redis is too old."}], "Failed")
        assert await world.reconcile(key) is None
        message = condition(world, "Stalled")["message"]
        assert "Redis is too old." in message
        assert "delete it, then ask for another restore" in message
        await world.reconcile(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 0
        world.server.drop(address(KIND, "back"))
        world.services.seen.remove(key)
        for pod in (f"{READING}-p", f"{RUN}-p"):
            world.server.drop(address("Pod", pod))
        await world.reconcile(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1

    async def test_a_clone_that_is_seen_later_than_its_restore_is_known(self, world: World) -> None:
        key = await until_created(world)
        world.services.seen.remove(BOB)  # two watches, in any order
        await world.reconcile(key)
        assert status(world)["phase"] == "Creating"

    async def test_a_clone_that_somebody_deletes_does_not_come_back(self, world: World) -> None:
        key = await until_created(world)
        world.server.drop(address("DigitalHuman", "bob"))
        world.services.seen.remove(BOB)
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "CloneDeleted"
        assert "and stays without Pods" not in condition(world)["message"]
        assert not world.get("DigitalHuman", "bob")

    @pytest.mark.parametrize(("code", "reason"), [(403, "Forbidden"), (422, "Invalid")])
    async def test_a_refused_job_leaves_the_clone_without_pods(
        self, world: World, code: int, reason: str
    ) -> None:
        key = await until_created(world)
        await world.start(BOB)
        world.put("StatefulSet", "bob-redis", status={"readyReplicas": 1, "observedGeneration": 1})
        text = "exceeded quota"
        world.server.faults.fail(5, code, verb="apply", path="jobs", reason=reason, message=text)
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "JobRefused"
        assert condition(world)["message"].startswith(f"{text}; DigitalHuman bob is there without")
        assert condition(world, "CloneCreated")["status"] == "True"
        await world.reconcile(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 0

    async def test_whoever_has_its_name_afterwards_is_not_held_back(self, world: World) -> None:
        key = await until_restoring(world)
        end(world, RUN, [{"event": "failed", "message": "Redis is too old."}], "Failed")
        await world.reconcile(key)
        for path in [one for one in world.server.objects if "/bob" in one]:
            world.server.drop(path)  # as the garbage collector does
        for pod in (f"{READING}-p", f"{RUN}-p"):
            world.server.drop(address("Pod", pod))
        world.services.seen.remove(BOB)
        world.human("bob", **SPEC)
        await world.start(BOB)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1
        assert "restore" not in world.get("DigitalHuman", "bob")["status"]

    async def test_a_restore_in_place_of_a_clone_waits_for_the_clone_to_be_filled(
        self, world: World
    ) -> None:
        await until_restoring(world)
        second = self.in_place(world)
        assert await world.reconcile(second) == 5.0
        told = world.condition("Ready", second)
        assert told["reason"] == "OtherRestore"
        assert told["message"] == "DigitalHumanRestore back is at work on bob"

    async def test_one_of_a_clone_that_was_not_filled_says_what_to_do_and_then_goes_on(
        self, world: World
    ) -> None:
        key = await until_restoring(world)
        end(world, RUN, [{"event": "failed", "message": "Redis is too old."}], "Failed")
        await world.reconcile(key)
        second = self.in_place(world)
        assert await world.reconcile(second) == 5.0
        told = world.condition("Ready", second)
        assert told["reason"] == "OtherRestore"
        assert "back has failed" in told["message"]
        assert "delete DigitalHumanRestore back" in told["message"]
        world.server.drop(address(KIND, "back"))
        world.services.seen.remove(key)
        for pod in (f"{READING}-p", f"{RUN}-p"):
            world.server.drop(address("Pod", pod))
        await world.reconcile(second)
        assert world.get(KIND, "second")["status"]["phase"] == "Draining"
        await world.reconcile(BOB)
        assert world.get("DigitalHuman", "bob")["status"]["restore"] == "second"

    def in_place(self, world: World) -> Key:
        """A restore of an earlier bob into the one that is there."""
        a_backup(world, digitalHuman="bob")
        spec = {"source": {"backup": "nightly"}, "target": {"inPlace": {}}}
        return world.put(KIND, "second", spec=spec)

    async def test_a_clone_that_never_gets_its_redis_is_given_up(self, world: World) -> None:
        key = await until_created(world)
        await world.start(BOB)
        world.clock = "2026-03-01T13:30:00Z"
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "CloneNotReady"


def test_a_paused_human_becomes_one_that_runs() -> None:
    assert clone_spec({"mode": "Paused", "replicas": 2}) == {"replicas": 2}
    assert clone_spec({"mode": "Suspended"}) == {"mode": "Suspended"}


@pytest.mark.parametrize("odd", ["all", 7, ["expose"], None])
def test_what_cannot_be_a_network_is_left_to_the_api_server(odd: Any) -> None:
    assert clone_spec({"network": odd}) == {"network": odd}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ü",
        "not packed",
        base64.b85encode(zlib.compress(b"[]")).decode(),
        base64.b85encode(zlib.compress(b'{"kind": "Pod", "spec": {}}')).decode(),
        base64.b85encode(zlib.compress(b'{"kind": "DigitalHuman", "spec": 1}')).decode(),
        base64.b85encode(
            zlib.compress(b'{"kind": "DigitalHuman", "spec": {"\\udc00": 1}}')
        ).decode(),
        base64.b85encode(zlib.compress(b"[" * 100_000)).decode(),
        base64.b85encode(zlib.compress(b" " * 30_000_000)).decode(),
    ],
)
def test_what_is_no_packed_human_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpec, match="the object in the backup"):
        unpack(text)
