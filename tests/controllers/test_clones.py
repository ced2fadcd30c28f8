"""A restore as a clone: the object is read, the human is made and held, its sessions come."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import pytest

from digital_human_operator import names
from digital_human_operator.errors import InvalidSpec
from digital_human_operator.plan.clones import clone_spec, unpack
from tests.support.world import NAMESPACE, World

from .cloning import (
    ADA,
    BOB,
    ID,
    KIND,
    OLD_UID,
    READING,
    RESTORED,
    RUN,
    SPEC,
    a_backup,
    a_key,
    ask,
    condition,
    end,
    status,
    told_to,
    until_created,
    until_reading,
    until_restoring,
    words,
)


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

    async def test_its_image_is_pulled_with_what_the_human_had(self, world: World) -> None:
        a_backup(world, kept={"imagePullSecrets": [{"name": "registry"}]})
        a_key(world)
        key = ask(world)
        await world.reconcile(key)
        await world.reconcile(key)
        assert told_to(world, READING)["imagePullSecrets"] == [{"name": "registry"}]

    async def test_its_pod_puts_up_with_what_those_of_the_human_did(self, world: World) -> None:
        spot = {"key": "spot", "operator": "Exists", "effect": "NoSchedule"}
        a_backup(world, kept={"tolerations": [spot]})
        a_key(world)
        key = ask(world)
        await world.reconcile(key)
        await world.reconcile(key)
        assert told_to(world, READING)["tolerations"] == [spot]

    async def test_where_nobody_knows_that_the_account_decides(self, world: World) -> None:
        a_backup(world)
        a_key(world)
        key = ask(world)
        await world.reconcile(key)
        await world.reconcile(key)
        assert "imagePullSecrets" not in told_to(world, READING)

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
