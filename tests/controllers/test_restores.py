"""DigitalHumanRestore: the Pods go, what is there is kept, the backup comes back, the Pods come."""

from __future__ import annotations

import json
from typing import Any

import pytest

from digital_human_operator import names
from digital_human_operator.kube.errors import Conflict, ServerError
from digital_human_operator.seen import Key
from tests.support.world import NAMESPACE, World, address

KIND = "DigitalHumanRestore"
HUMAN: Key = ("DigitalHuman", NAMESPACE, "ada")
RUN = "back-restore"
ID = "20260301T015900Z-0123456789abcdef"
OLD_UID = "uid-of-an-earlier-ada"
SPEC: dict[str, Any] = {
    "sessions": {"store": {"redis": {"managed": {}}}},
    "backup": {
        "schedule": "@daily",
        "destination": {"persistentVolumeClaim": {"claimName": "backups"}},
    },
}
RESTORED = {"event": "restored", "id": ID, "bytes": 2048, "seconds": 1.2, "erased": {"sessions": 3}}


def ask(world: World, name: str = "back", **spec: Any) -> Key:
    given = {"source": {"backup": "nightly"}, "target": {"inPlace": {}}} | spec
    return world.put(KIND, name, spec=given)


def a_backup(world: World, phase: str = "Succeeded", **spec: Any) -> None:
    condition = {"type": "Ready", "status": "True", "reason": "R", "message": "m"}
    condition["lastTransitionTime"] = "2026-03-01T12:00:00Z"
    status = {"observedGeneration": 1, "phase": phase, "conditions": [condition]}
    status |= {"uid": OLD_UID, "backup": {"id": ID, "bytes": 1}}
    world.put("DigitalHumanBackup", "nightly", spec={"digitalHuman": "ada"} | spec, status=status)


async def a_human(world: World, **changes: Any) -> None:
    world.human(**(SPEC | changes))
    await world.start(HUMAN)


def status(world: World, name: str = "back") -> dict[str, Any]:
    found: dict[str, Any] = world.get(KIND, name).get("status", {})
    return found


def condition(world: World, kind: str = "Ready") -> dict[str, Any]:
    return world.condition(kind, (KIND, NAMESPACE, "back"))


def safety(world: World) -> str:
    return names.safety_backup("back", world.get(KIND, "back")["metadata"]["uid"])


def answer_safety(world: World, phase: str, message: str = "m", reason: str = "R") -> None:
    """What the backup's controller says."""
    condition = {"type": "Ready", "status": "True", "reason": reason, "message": message}
    condition["lastTransitionTime"] = "2026-03-01T12:00:00Z"
    told = {"observedGeneration": 1, "phase": phase, "conditions": [condition]}
    world.put("DigitalHumanBackup", safety(world), status=told)


def end(world: World, word: dict[str, Any], kind: str = "Complete") -> None:
    labels = world.get("Job", RUN)["spec"]["template"]["metadata"]["labels"]
    phase = "Succeeded" if kind == "Complete" else "Failed"
    over = {"terminated": {"message": json.dumps(word), "finishedAt": "2026-03-01T12:00:00Z"}}
    world.put(
        "Pod",
        "p",
        metadata={"labels": labels | {names.LABEL_JOB: RUN}},
        status={"phase": phase, "containerStatuses": [{"name": "restore", "state": over}]},
    )
    world.put("Job", RUN, status={"conditions": [{"type": kind, "status": "True"}]})


def replicas(world: World) -> int:
    found: int = world.get("Deployment")["spec"]["replicas"]
    return found


async def until_held(world: World, **human: Any) -> Key:
    """A restore that has settled what it is about, and a human that knows that it is held."""
    await a_human(world, **human)
    a_backup(world)
    key = ask(world)
    await world.reconcile(key)
    await world.reconcile(HUMAN)
    return key


async def until_restoring(world: World, **human: Any) -> Key:
    key = await until_held(world, **human)
    await world.reconcile(key)
    answer_safety(world, "Succeeded")
    await world.reconcile(key)
    return key


class TestSteps:
    async def test_the_human_is_held_before_anything_else(self, world: World) -> None:
        await a_human(world)
        assert replicas(world) == 1
        a_backup(world)
        key = ask(world)
        assert await world.reconcile(key) == 5.0
        told = status(world)
        assert (told["phase"], told["digitalHuman"], told["backup"]) == ("Draining", "ada", ID)
        assert condition(world, "SessionsDrained")["status"] == "False"
        await world.reconcile(HUMAN)
        assert replicas(world) == 0
        assert world.get("DigitalHuman")["status"]["restore"] == "back"
        assert world.get("DigitalHuman")["status"]["phase"] == "Restoring"
        assert world.condition("Ready")["reason"] == "Restoring"
        assert "DigitalHumanRestore back" in world.condition("Ready")["message"]

    async def test_pods_that_are_still_there_are_waited_for(self, world: World) -> None:
        await a_human(world)
        a_backup(world)
        key = ask(world)
        labels = world.get("Deployment")["spec"]["template"]["metadata"]["labels"]
        world.put("Pod", "ada-1", metadata={"labels": labels}, status={"phase": "Running"})
        await world.reconcile(key)
        await world.reconcile(HUMAN)
        await world.reconcile(key)
        assert status(world)["phase"] == "Draining"
        assert not world.get("DigitalHumanBackup", safety(world))
        world.server.drop(address("Pod", "ada-1"))
        await world.reconcile(key)
        assert status(world)["phase"] == "BackingUp"
        assert world.get("DigitalHumanBackup", safety(world))["spec"] == {
            "digitalHuman": "ada",
            "include": ["sessions"],
        }

    async def test_a_human_that_does_not_know_yet_is_not_drained(self, world: World) -> None:
        await a_human(world)
        a_backup(world)
        key = ask(world)
        await world.reconcile(key)
        await world.reconcile(key)
        assert status(world)["phase"] == "Draining"

    async def test_the_job_brings_back_that_backup_of_that_uid(self, world: World) -> None:
        await until_restoring(world)
        spec = world.get("Job", RUN)["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        words = container["args"]
        assert words[:2] == ["restore", ID]
        assert words[words.index("--uid") + 1] == OLD_UID
        assert words[words.index("--listen") + 1] == "$(POD_IP)"
        assert words[words.index("--part") + 1] == "sessions"
        assert [one["name"] for one in container["env"]] == ["POD_IP"]
        redis = world.get("NetworkPolicy", f"{RUN}-redis")["spec"]
        assert redis["egress"][0]["to"][0]["podSelector"]["matchLabels"][names.LABEL_RESTORE]
        assert world.get("NetworkPolicy", RUN)["spec"]["ingress"]

    async def test_success_lets_the_pods_come_again(self, world: World) -> None:
        key = await until_restoring(world)
        end(world, RESTORED)
        assert await world.reconcile(key) is None
        told = status(world)
        assert told["phase"] == "Succeeded"
        assert told["restored"] == {"bytes": 2048, "seconds": 2, "erasedSessions": 3}
        for kind in ("Ready", "SessionsDrained", "SafetyBackupMade", "SessionsRestored"):
            assert condition(world, kind)["status"] == "True"
        assert condition(world, "DataErasureApplied")["message"].startswith("3 sessions")
        assert world.events() == ["RestoreSucceeded"]
        await world.reconcile(HUMAN)
        assert replicas(world) == 1
        assert "restore" not in world.get("DigitalHuman")["status"]
        world.server.drop(address("Job", RUN))
        world.writes()
        assert await world.reconcile(key) is None
        assert world.writes() == []

    async def test_an_autoscaled_human_comes_back_too(self, world: World) -> None:
        scaling = {"autoscaling": {"minReplicas": 2, "maxReplicas": 4}}
        key = await until_restoring(world, **scaling)
        assert not world.get("HorizontalPodAutoscaler")
        end(world, RESTORED)
        await world.reconcile(key)
        await world.reconcile(HUMAN)
        assert world.get("HorizontalPodAutoscaler")
        assert replicas(world) == 2

    async def test_failure_says_why_and_where_the_old_data_are(self, world: World) -> None:
        key = await until_restoring(world)
        end(world, {"event": "failed", "message": "The key is missing."}, "Failed")
        assert await world.reconcile(key) is None
        message = condition(world, "Stalled")["message"]
        assert "The key is missing." in message
        assert safety(world) in message
        await world.reconcile(HUMAN)
        assert replicas(world) == 1

    async def test_failed_safety_backup_changes_nothing(self, world: World) -> None:
        key = await until_held(world)
        await world.reconcile(key)
        answer_safety(world, "Failed", "no such bucket")
        assert await world.reconcile(key) is None
        assert "nothing was changed: no such bucket" in condition(world)["message"]
        assert not world.get("Job", RUN)

    @pytest.mark.parametrize("reason", ["JobRefused", "SecretMissing"])
    async def test_safety_backup_that_waits_for_somebody_ends_it(
        self, world: World, reason: str
    ) -> None:
        key = await until_held(world)
        await world.reconcile(key)
        answer_safety(world, "Pending", "exceeded quota", reason)
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "SafetyBackupFailed"
        await world.reconcile(HUMAN)
        assert replicas(world) == 1

    async def test_safety_backup_that_takes_for_ever_ends_it(self, world: World) -> None:
        key = await until_held(world)
        await world.reconcile(key)
        answer_safety(world, "Running")
        world.clock = "2026-03-01T14:00:01Z"
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "SafetyBackupFailed"

    async def test_backup_of_something_else_under_its_name_is_not_taken_for_it(
        self, world: World
    ) -> None:
        key = await until_held(world)
        world.put("DigitalHumanBackup", safety(world), spec={"digitalHuman": "bob"})
        answer_safety(world, "Succeeded")
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "SafetyBackupFailed"
        assert "is there for something else" in condition(world)["message"]
        assert not world.get("Job", RUN)

    async def test_evicted_pods_are_not_waited_for(self, world: World) -> None:
        await a_human(world)
        a_backup(world)
        key = ask(world)
        labels = world.get("Deployment")["spec"]["template"]["metadata"]["labels"]
        world.put("Pod", "evicted", metadata={"labels": labels}, status={"phase": "Failed"})
        await world.reconcile(key)
        await world.reconcile(HUMAN)
        await world.reconcile(key)
        assert status(world)["phase"] == "BackingUp"

    async def test_long_conversations_have_their_time(self, world: World) -> None:
        sessions = SPEC["sessions"] | {"drainDeadline": "2h"}
        await a_human(world, sessions=sessions)
        a_backup(world)
        key = ask(world)
        await world.reconcile(key)
        world.clock = "2026-03-01T13:30:00Z"
        await world.reconcile(key)
        assert status(world)["phase"] == "Draining"

    async def test_pod_that_cannot_start_is_named(self, world: World) -> None:
        key = await until_restoring(world)
        labels = world.get("Job", RUN)["spec"]["template"]["metadata"]["labels"]
        no_node = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
        waiting = {"phase": "Pending", "conditions": [no_node | {"message": "no claim"}]}
        world.put("Pod", "p", metadata={"labels": labels | {names.LABEL_JOB: RUN}}, status=waiting)
        await world.reconcile(key)
        assert "waits for a node: no claim" in condition(world)["message"]

    async def test_step_of_its_pod_is_told_while_it_is_at_it(self, world: World) -> None:
        key = await until_restoring(world)
        assert "step" not in status(world)
        labels = world.get("Job", RUN)["spec"]["template"]["metadata"]["labels"]
        at_work = [{"name": "restore", "state": {"running": {}}}]
        found = {"phase": "Running", "containerStatuses": at_work}
        world.put("Pod", "p", metadata={"labels": labels | {names.LABEL_JOB: RUN}}, status=found)
        await world.reconcile(key)
        assert status(world)["step"] == "restore"
        world.writes()
        await world.reconcile(key)
        assert world.writes() == []
        world.put("Job", RUN, status={"conditions": [{"type": "Complete", "status": "True"}]})
        word = {"name": "restore", "state": {"terminated": {"message": json.dumps(RESTORED)}}}
        world.put("Pod", "p", status={"phase": "Succeeded", "containerStatuses": [word]})
        await world.reconcile(key)
        assert status(world)["phase"] == "Succeeded"
        assert "step" not in status(world)

    async def test_safety_backup_outlives_the_restore(self, world: World) -> None:
        await until_restoring(world)
        found = world.get("DigitalHumanBackup", safety(world))
        assert "ownerReferences" not in found["metadata"]

    async def test_pods_that_never_go_end_it(self, world: World) -> None:
        await a_human(world)
        a_backup(world)
        key = ask(world)
        await world.reconcile(key)
        world.clock = "2026-03-01T13:00:01Z"
        assert await world.reconcile(key) is None
        assert condition(world)["reason"] == "DrainTimeout"

    async def test_the_newest_is_settled_before_ours_is_newer(self, world: World) -> None:
        await a_human(world)
        known = world.get("DigitalHuman")["status"] | {
            "backup": {"newest": {"id": ID, "verified": True}}
        }
        world.put("DigitalHuman", status=known)
        key = ask(world, source={"latestOf": "ada"})
        await world.reconcile(key)
        newer = known | {
            "backup": {"newest": {"id": "20270101T000000Z-0123456789abcdef", "verified": True}}
        }
        world.put("DigitalHuman", status=newer)
        await world.reconcile(key)
        assert status(world)["backup"] == ID
        assert status(world)["uid"] == world.get("DigitalHuman")["metadata"]["uid"]


class TestHold:
    async def test_an_operator_that_starts_anew_holds_it_too(self, world: World) -> None:
        await until_restoring(world)
        again = World(world.server, world.services.client)
        again.put("DigitalHuman")  # the restore was not seen yet
        await again.reconcile(HUMAN)
        assert replicas(world) == 0
        again.put(KIND, "back")
        await again.reconcile(HUMAN)
        assert replicas(world) == 0

    async def test_a_restore_that_is_deleted_lets_go(self, world: World) -> None:
        key = await until_restoring(world)
        world.server.drop(address(KIND, "back"))
        world.services.seen.remove(key)
        assert await world.reconcile(key) is None
        await world.reconcile(HUMAN)
        assert replicas(world) == 1

    async def test_another_human_goes_on(self, world: World) -> None:
        other = world.human("bob", **SPEC)
        await world.start(other)
        await until_restoring(world)
        await world.reconcile(other)
        assert world.get("Deployment", "bob")["spec"]["replicas"] == 1

    async def test_two_restores_of_one_human_follow_each_other(self, world: World) -> None:
        await until_restoring(world)
        second = ask(world, "second")
        assert await world.reconcile(second) == 5.0
        told = world.condition("Ready", second)
        assert told["reason"] == "OtherRestore"
        assert "back is at work" in told["message"]

    async def test_of_two_that_begin_at_the_same_moment_one_goes_on(self, world: World) -> None:
        await a_human(world)
        a_backup(world)
        first, second = ask(world), ask(world, "second")
        await world.reconcile(first)
        held = status(world) | {"digitalHuman": "ada"}
        world.put(KIND, "second", status=held)
        await world.reconcile(HUMAN)
        assert await world.reconcile(second) == 5.0
        assert "back is at work" in world.condition("Ready", second)["message"]
        assert world.get(KIND, "second")["status"]["phase"] == "Pending"
        await world.reconcile(first)
        assert status(world)["phase"] == "BackingUp"

    async def test_a_pod_of_a_restore_that_is_gone_still_holds_it(self, world: World) -> None:
        key = await until_restoring(world)
        labels = world.get("Job", RUN)["spec"]["template"]["metadata"]["labels"]
        world.put("Pod", "p", metadata={"labels": labels}, status={"phase": "Running"})
        world.server.drop(address(KIND, "back"))
        world.services.seen.remove(key)
        assert await world.reconcile(HUMAN) is not None
        assert replicas(world) == 0
        world.server.drop(address("Pod", "p"))
        await world.reconcile(HUMAN)
        assert replicas(world) == 1

    async def test_a_human_that_is_held_is_looked_at_again(self, world: World) -> None:
        await until_restoring(world)
        again = await world.reconcile(HUMAN)
        assert again is not None
        assert again <= 15.0

    async def test_a_human_that_is_paused_meanwhile_gets_its_pods_back(self, world: World) -> None:
        key = await until_restoring(world)
        world.human(**(SPEC | {"mode": "Paused"}))
        await world.reconcile(HUMAN)
        assert replicas(world) == 0
        end(world, RESTORED)
        await world.reconcile(key)
        await world.reconcile(HUMAN)
        assert replicas(world) == 1


class TestObstacles:
    @pytest.mark.parametrize(
        ("spec", "reason", "final"),
        [
            ({}, "BackupNotFound", False),
            ({"source": {"latestOf": "ada"}}, "BackupUnknown", False),
            ({"source": {"latestOf": "bob"}}, "HumanNotFound", False),
            ({"source": {"backup": 7}}, "InvalidSpec", True),
        ],
    )
    async def test_source(
        self, world: World, spec: dict[str, Any], reason: str, final: bool
    ) -> None:
        await a_human(world)
        again = await world.reconcile(ask(world, **spec))
        assert condition(world)["reason"] == reason
        assert (again is None) is final
        await world.reconcile(HUMAN)
        assert replicas(world) == 1

    async def test_backup_that_cannot_be_understood(self, world: World) -> None:
        await a_human(world)
        a_backup(world, include=["nonsense"])
        assert await world.reconcile(ask(world)) is None
        assert condition(world)["reason"] == "BackupFailed"
        assert "spec.include" in condition(world)["message"]

    @pytest.mark.parametrize(
        ("phase", "reason"), [("Failed", "BackupFailed"), ("Running", "BackupNotReady")]
    )
    async def test_backup_that_is_none(self, world: World, phase: str, reason: str) -> None:
        await a_human(world)
        a_backup(world, phase)
        await world.reconcile(ask(world))
        assert condition(world)["reason"] == reason

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"sessions": {}}, "NothingToRestore"),
            ({"mode": "Paused"}, "HumanPaused"),
            ({"security": {"apiKeySecret": {"name": "no", "key": "x"}}}, "HumanNotReady"),
        ],
    )
    async def test_human_that_cannot_be_restored(
        self, world: World, changes: dict[str, Any], reason: str
    ) -> None:
        await a_human(world, **changes)
        a_backup(world)
        await world.reconcile(ask(world))
        assert condition(world)["reason"] == reason

    async def test_backup_without_sessions_is_no_source(self, world: World) -> None:
        await a_human(world)
        a_backup(world, include=["config"])
        assert await world.reconcile(ask(world)) is None
        assert condition(world)["reason"] == "NothingToRestore"

    async def test_newest_that_was_not_verified_is_no_source(self, world: World) -> None:
        await a_human(world)
        known = world.get("DigitalHuman")["status"] | {"backup": {"newest": {"id": ID}}}
        world.put("DigitalHuman", status=known)
        await world.reconcile(ask(world, source={"latestOf": "ada"}))
        assert condition(world)["reason"] == "BackupUnknown"

    async def test_missing_human_is_waited_for(self, world: World) -> None:
        a_backup(world)
        key = ask(world)
        assert await world.reconcile(key) == 5.0
        assert condition(world)["reason"] == "HumanNotFound"
        await a_human(world)
        await world.reconcile(key)
        assert status(world)["phase"] == "Draining"

    async def test_human_is_never_held_for_what_cannot_go_on(self, world: World) -> None:
        key = await until_held(world)
        world.human(**{k: v for k, v in SPEC.items() if k != "backup"})
        assert await world.reconcile(key) is None
        assert "nothing was changed" in condition(world)["message"]
        await world.reconcile(HUMAN)
        assert replicas(world) == 1

    @pytest.mark.parametrize(("code", "error"), [(409, Conflict), (500, ServerError)])
    async def test_passing_trouble_is_raised(
        self, world: World, code: int, error: type[Exception]
    ) -> None:
        await a_human(world)
        a_backup(world)
        key = ask(world)
        world.server.faults.fail(1, code, verb="apply")
        with pytest.raises(error):
            await world.reconcile(key)
        await world.reconcile(key)
        assert status(world)["phase"] == "Draining"
