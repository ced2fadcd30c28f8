"""DigitalHumanBackup: one Job, and what came of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from digital_human_operator import names
from digital_human_operator.kube.errors import Forbidden, ServerError
from digital_human_operator.seen import Key
from tests.support.world import NAMESPACE, World, address

KIND = "DigitalHumanBackup"
RUN = "today-backup-run"
CLAIM: dict[str, Any] = {"persistentVolumeClaim": {"claimName": "backups"}}
BACKUP: dict[str, Any] = {"schedule": "@daily", "destination": CLAIM}
CREATED = {
    "event": "created",
    "id": "20260301T115900Z-0123456789abcdef",
    "bytes": 3_000_000,
    "storedBytes": 3_000_100,
    "sentBytes": 17,
    "keyId": "abc",
    "digest": "f" * 64,
    "parts": {"config": {"files": 1, "bytes": 3_000_000}},
}
VERIFIED = {"event": "verified", "id": CREATED["id"], "ok": True, "opened": True, "damages": []}


def ask(world: World, **spec: Any) -> Key:
    return world.put(KIND, "today", spec={"digitalHuman": "ada"} | spec)


def status(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.get(KIND, "today").get("status", {})
    return found


def ready(world: World) -> dict[str, Any]:
    return world.condition("Ready", (KIND, NAMESPACE, "today"))


def job(world: World) -> dict[str, Any]:
    return world.get("Job", RUN)


def pod(
    world: World, phase: str, *words: dict[str, Any] | str, name: str = "p1", step: str = ""
) -> None:
    """A Pod of the Job, whose containers ended with these words; one may be at work."""
    labels = job(world)["spec"]["template"]["metadata"]["labels"] | {names.LABEL_JOB: RUN}
    ended = [
        {
            "name": ("create", "verify")[number],
            "state": {
                "terminated": {
                    "exitCode": 0,
                    "finishedAt": f"2026-03-01T12:00:0{number}Z",
                    "message": word if isinstance(word, str) else json.dumps(word),
                }
            },
        }
        for number, word in enumerate(words)
    ]
    last = [{"name": step, "state": {"running": {}}}] if step else [ended.pop()] if ended else []
    status = {"phase": phase, "initContainerStatuses": ended, "containerStatuses": last}
    world.put("Pod", name, metadata={"labels": labels}, status=status)


def end(world: World, kind: str = "Complete", **condition: str) -> None:
    world.put("Job", RUN, status={"conditions": [{"type": kind, "status": "True"} | condition]})


async def begin(world: World, human: dict[str, Any] | None = None, **spec: Any) -> Key:
    world.human(**({"backup": BACKUP} | (human or {})))
    key = ask(world, **spec)
    await world.reconcile(key)
    return key


def arguments(world: World) -> list[str]:
    spec = job(world)["spec"]["template"]["spec"]
    (container,) = spec["initContainers"]
    found: list[str] = container["args"]
    return found


class TestTheJob:
    async def test_makes_and_verifies_and_removes_nothing(self, world: World) -> None:
        await begin(world)
        spec = job(world)["spec"]["template"]["spec"]
        verbs = [one["args"][0] for one in (*spec["initContainers"], *spec["containers"])]
        assert verbs == ["create", "verify"]
        assert arguments(world)[-2:] == ["--result", "/dev/termination-log"]
        assert status(world)["phase"] == "Running"
        assert status(world)["job"] == RUN
        assert ready(world)["reason"] == "Running"

    async def test_goes_with_the_request_and_not_with_the_human(self, world: World) -> None:
        await begin(world)
        uid = world.get(KIND, "today")["metadata"]["uid"]
        for kind, name in (("Job", RUN), ("NetworkPolicy", RUN)):
            (owner,) = world.get(kind, name)["metadata"]["ownerReferences"]
            assert (owner["kind"], owner["uid"], owner["controller"]) == (KIND, uid, True)

    async def test_the_human_leaves_it_alone(self, world: World) -> None:
        await begin(world)
        await world.start((("DigitalHuman"), NAMESPACE, "ada"))
        assert job(world)
        assert world.get("NetworkPolicy", RUN)

    async def test_takes_other_parts_and_another_place_from_the_request(self, world: World) -> None:
        human: dict[str, Any] = {"sessions": {"store": {"redis": {"managed": {}}}}}
        human |= {"backup": BACKUP | {"include": ["config"]}}
        world.human(**human)
        await world.start(("DigitalHuman", NAMESPACE, "ada"))
        place = {"s3": {"bucket": "elsewhere", "endpoint": "https://10.0.0.9:7070"}}
        key = ask(world, include=["sessions"], destination=place)
        await world.reconcile(key)
        words = arguments(world)
        assert "--redis" in words
        assert "--config" not in words
        assert words[words.index("--store") + 1] == "s3://elsewhere"
        policy = world.get("NetworkPolicy", RUN)["spec"]
        assert policy["podSelector"]["matchLabels"][names.LABEL_BACKUP] == "today"
        assert {7070, 6379} <= {
            port["port"] for rule in policy["egress"] for port in rule.get("ports", [])
        }
        opened = world.get("NetworkPolicy", f"{RUN}-redis")["spec"]
        assert opened["podSelector"]["matchLabels"][names.LABEL_COMPONENT] == "redis"

    async def test_is_made_again_while_it_is_needed(self, world: World) -> None:
        key = await begin(world)
        world.server.drop(address("Job", RUN))
        await world.reconcile(key)
        assert job(world)

    async def test_runs_also_for_a_human_that_goes_away(self, world: World) -> None:
        world.human(backup=BACKUP)
        world.put("DigitalHuman", metadata={"deletionTimestamp": "2026-03-01T12:00:00Z"})
        await world.reconcile(ask(world))
        assert job(world)


class TestProgress:
    async def test_each_step_is_told_with_one_write(self, world: World) -> None:
        key = await begin(world)
        assert "step" not in status(world)
        told = []
        for done in ([], [CREATED]):
            pod(world, "Pending", *done, step="create" if not done else "verify")
            world.writes()
            assert await world.reconcile(key) == 15.0
            await world.reconcile(key)
            told.append((status(world)["step"], ready(world)["message"]))
            assert len(world.writes()) == 1
        assert told == [
            ("create", "the backup is being made"),
            ("verify", "the backup is made, and is being read back"),
        ]

    async def test_between_the_ends_of_pod_and_job_it_stays(self, world: World) -> None:
        key = await begin(world)
        pod(world, "Pending", CREATED, step="verify")
        await world.reconcile(key)
        world.writes()
        pod(world, "Succeeded", CREATED, VERIFIED)
        await world.reconcile(key)
        assert world.writes() == []
        end(world)
        await world.reconcile(key)
        assert "step" not in status(world)

    async def test_after_a_failure_another_pod_begins_anew(self, world: World) -> None:
        key = await begin(world)
        pod(world, "Pending", CREATED, step="verify")
        await world.reconcile(key)
        pod(world, "Failed", CREATED, {"event": "failed", "message": "No answer."})
        await world.reconcile(key)
        assert "step" not in status(world)
        assert ready(world)["message"] == "tried again after a failure: No answer."
        pod(world, "Pending", name="p2", step="create")
        await world.reconcile(key)
        assert status(world)["step"] == "create"

    async def test_step_of_another_version_is_no_trouble(self, world: World) -> None:
        key = await begin(world)
        world.put(KIND, "today", status=status(world) | {"step": "polish"})
        await world.reconcile(key)
        assert ready(world)["message"] == "the backup is being made"


class TestTheEnd:
    async def test_success_has_its_figures(self, world: World) -> None:
        key = await begin(world)
        pod(world, "Succeeded", CREATED, VERIFIED)
        end(world)
        world.clock = "2026-03-01T12:00:05Z"
        assert await world.reconcile(key) is None
        told = status(world)
        assert told["phase"] == "Succeeded"
        assert told["startTime"] == "2026-03-01T12:00:00Z"
        assert told["completionTime"] == "2026-03-01T12:00:05Z"
        assert told["backup"] == {
            "id": CREATED["id"],
            "time": "2026-03-01T12:00:01Z",
            "bytes": 3_000_000,
            "storedBytes": 3_000_100,
            "sentBytes": 17,
            "digest": "f" * 64,
            "keyId": "abc",
            "verified": True,
        }
        assert ready(world)["status"] == "True"
        assert "2.9 MiB is made and verified" in ready(world)["message"]
        assert world.events() == ["BackupSucceeded"]

    async def test_it_remembers_whose_it_is_where_it_lies_and_what_opens_it(
        self, world: World
    ) -> None:
        encryption = {"keySecret": {"name": "keys", "key": "backup"}}
        world.put("Secret", "keys", data={"backup": "a2V5"})
        pull = {"imagePullSecrets": [{"name": "registry"}]}
        spot = {"key": "spot", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}
        backup = {"backup": BACKUP | {"encryption": encryption}}
        key = await begin(world, pull | backup | {"placement": {"tolerations": [spot]}})
        world.server.drop(address("DigitalHuman", "ada"))
        world.services.seen.remove(("DigitalHuman", NAMESPACE, "ada"))
        pod(world, "Succeeded", CREATED, VERIFIED)
        end(world)
        await world.reconcile(key)
        told = status(world)
        assert told["phase"] == "Succeeded"
        assert told["uid"]
        assert told["destination"] == BACKUP["destination"]
        assert told["encryption"] == encryption
        assert told["imagePullSecrets"] == pull["imagePullSecrets"]
        assert told["tolerations"] == [spot]

    async def test_nothing_happens_afterwards(self, world: World) -> None:
        key = await begin(world)
        pod(world, "Succeeded", CREATED, VERIFIED)
        end(world)
        await world.reconcile(key)
        world.server.drop(address("Job", RUN))
        world.server.drop(address("DigitalHuman", "ada"))
        world.server.log.clear()
        assert await world.reconcile(key) is None
        assert world.server.log == []
        again = World(world.server, world.services.client)
        again.put(KIND, "today")
        assert await again.reconcile(key) is None
        assert world.writes() == []

    async def test_failure_says_why_in_the_words_of_the_tool(self, world: World) -> None:
        key = await begin(world)
        pod(world, "Failed", {"event": "failed", "message": "The bucket x is not there.", "a": 1})
        end(world, "Failed", reason="PodFailurePolicy", message="exit code 3")
        await world.reconcile(key)
        assert status(world)["phase"] == "Failed"
        stalled = world.condition("Stalled", key)
        assert stalled["message"] == "no backup: The bucket x is not there."
        assert world.events() == ["BackupFailed"]

    async def test_failure_of_a_pod_that_told_nothing(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = await begin(world)
        end(world, "Failed", reason="DeadlineExceeded", message="it took too long")
        assert await world.reconcile(key) == 1.0  # its last word may come later
        assert status(world)["phase"] == "Running"
        world.backups._last_word.since[key] -= 60
        await world.reconcile(key)
        assert "it took too long" in ready(world)["message"]

    async def test_first_word_of_a_pod_is_not_its_last(self, world: World) -> None:
        key = await begin(world)
        pod(world, "Running", CREATED)
        end(world)
        assert await world.reconcile(key) == 1.0
        pod(world, "Succeeded", CREATED, VERIFIED)
        assert await world.reconcile(key) is None
        assert status(world)["backup"]["verified"] is True

    async def test_last_word_that_comes_after_the_end_is_waited_for(self, world: World) -> None:
        key = await begin(world)
        end(world)
        assert await world.reconcile(key) == 1.0
        pod(world, "Succeeded", CREATED, VERIFIED)
        assert await world.reconcile(key) is None
        assert status(world)["backup"]["verified"] is True

    async def test_another_backup_that_was_verified_proves_nothing(self, world: World) -> None:
        key = await begin(world)
        pod(world, "Succeeded", CREATED, VERIFIED | {"id": "20260301T120000Z-00000000000000ff"})
        end(world)
        await world.reconcile(key)
        assert status(world)["backup"]["verified"] is False
        assert "it is not verified" in ready(world)["message"]

    @pytest.mark.parametrize(
        "word",
        [
            "",
            "{",
            "[]",
            '{"event":7}',
            '{"event":"created","bytes":-1,"id":"x"}',
            "x" * 4096,
            '{"x":' + "[" * 4000,
        ],
    )
    async def test_word_that_makes_no_sense_is_no_word(self, world: World, word: str) -> None:
        key = await begin(world)
        pod(world, "Succeeded", word, word)
        end(world)
        assert await world.reconcile(key) == 1.0
        world.backups._last_word.since[key] -= 60
        await world.reconcile(key)
        assert status(world)["phase"] == "Succeeded"
        assert "backup" not in status(world)


class TestObstacles:
    async def test_human_that_is_not_there_yet_is_waited_for(self, world: World) -> None:
        key = ask(world)
        assert await world.reconcile(key) == 15.0
        assert ready(world)["reason"] == "HumanNotFound"
        assert world.condition("Reconciling", key)["status"] == "True"
        world.human(backup=BACKUP)
        await world.reconcile(key)
        assert job(world)

    async def test_secret_that_is_not_there_yet_is_waited_for(self, world: World) -> None:
        encryption = {"keySecret": {"name": "keys", "key": "backup"}}
        key = await begin(world, {"backup": BACKUP | {"encryption": encryption}})
        assert ready(world)["reason"] == "SecretMissing"
        assert '"keys" does not exist' in ready(world)["message"]
        assert not job(world)
        world.put("Secret", "keys", data={"backup": "a2V5"})
        await world.reconcile(key)
        assert job(world)
        assert "a2V5" not in json.dumps(world.get(KIND, "today"))

    async def test_while_it_waits_nothing_is_asked_or_written(self, world: World) -> None:
        world.put("Secret", "keys", data={"other": "a2V5"})
        encryption = {"keySecret": {"name": "keys", "key": "backup"}}
        key = await begin(world, {"backup": BACKUP | {"encryption": encryption}})
        assert ready(world)["reason"] == "SecretMissing"
        await world.reconcile(key)
        world.server.log.clear()
        await world.reconcile(key)
        assert world.server.log == []

    @pytest.mark.parametrize(
        ("human", "spec", "reason", "words"),
        [
            ({"backup": None}, {}, "NotConfigured", "ada has no spec.backup"),
            ({}, {"include": ["models"]}, "NothingToBackUp", "nothing of ada is backed up"),
            ({}, {"include": ["sessions"]}, "NothingToBackUp", "nothing of ada is backed up"),
            ({}, {"include": ["nonsense"]}, "InvalidSpec", "spec.include"),
        ],
    )
    async def test_what_cannot_be_is_said_once_and_for_all(
        self, world: World, human: dict[str, Any], spec: dict[str, Any], reason: str, words: str
    ) -> None:
        given = {k: v for k, v in ({"backup": BACKUP} | human).items() if v is not None}
        world.human(**given)
        key = ask(world, **spec)
        assert await world.reconcile(key) is None
        assert ready(world)["reason"] == reason
        assert words in ready(world)["message"]
        assert world.condition("Stalled", key)["status"] == "True"
        assert status(world)["phase"] == "Failed"
        assert world.children() == set()

    async def test_job_of_somebody_else_is_left_alone(self, world: World) -> None:
        world.put("Job", RUN, metadata={"labels": {names.MANAGED_BY: names.FIELD_MANAGER}})
        key = await begin(world)
        assert ready(world)["reason"] == "ForeignObject"
        assert "spec" not in job(world)
        assert await world.reconcile(key) is None

    async def test_job_of_an_earlier_one_of_that_name_goes_first(self, world: World) -> None:
        key = await begin(world)
        world.server.drop(address(KIND, "today"))
        world.services.seen.remove(key)
        key = ask(world)
        assert await world.reconcile(key) == 15.0
        assert ready(world)["reason"] == "Pending"
        for kind in ("Job", "NetworkPolicy"):
            world.server.drop(address(kind, RUN))
        await world.reconcile(key)
        assert status(world)["phase"] == "Running"

    async def test_refused_job_is_told_and_tried_again(self, world: World) -> None:
        world.human(backup=BACKUP)
        key = ask(world)
        world.server.faults.fail(1, 403, verb="apply")
        with pytest.raises(Forbidden):
            await world.reconcile(key)
        assert ready(world)["reason"] == "JobRefused"
        await world.reconcile(key)
        assert job(world)

    async def test_passing_trouble_is_raised(self, world: World) -> None:
        world.human(backup=BACKUP)
        key = ask(world)
        world.server.faults.fail(1, 500, verb="apply")
        with pytest.raises(ServerError):
            await world.reconcile(key)
        await world.reconcile(key)
        assert job(world)

    async def test_pod_that_cannot_start_is_named(self, world: World) -> None:
        key = await begin(world)
        labels = job(world)["spec"]["template"]["metadata"]["labels"] | {names.LABEL_JOB: RUN}
        no_node = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
        no_node["message"] = 'persistentvolumeclaim "backups" not found'
        waiting = {"phase": "Pending", "conditions": [no_node]}
        world.put("Pod", "p1", metadata={"labels": labels}, status=waiting)
        assert await world.reconcile(key) == 15.0
        assert 'claim "backups" not found' in ready(world)["message"]


async def test_a_request_that_goes_is_forgotten(world: World) -> None:
    key = await begin(world)
    world.services.seen.remove(key)
    assert await world.reconcile(key) is None
    assert await world.reconcile((KIND, NAMESPACE, "nobody")) is None


async def test_the_job_wakes_its_request(world: World) -> None:
    key = await begin(world)
    uid = world.get(KIND, "today")["metadata"]["uid"]
    assert world.services.seen.key_of(uid) == key
    world.services.seen.remove(key)
    assert world.services.seen.key_of(uid) is None
