"""Backups, drills, restores and clones in real Pods: what was said comes back."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from digital_human_operator import names
from tests.e2e.humans import Humans

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420, func_only=True)]

CLAIM = "backups"
BACKUP: dict[str, Any] = {
    "schedule": "0 0 1 1 *",
    "destination": {"persistentVolumeClaim": {"claimName": CLAIM}},
    "encryption": {"keySecret": {"name": "keys", "key": "backup"}},
    "include": ["config", "sessions", "objects"],
    "drill": {"schedule": "0 0 1 1 *", "scratchStorage": "64Mi"},
}
REDIS: dict[str, Any] = {"store": {"redis": {"managed": {"storage": "64Mi"}}}, "perReplica": 4}


async def test_a_conversation_comes_back_from_a_backup_that_a_drill_has_proven(
    humans: Humans,
) -> None:
    _prepare(humans)
    ada = humans.example(sessions=REDIS, backup=BACKUP, replicas=1)
    humans.apply(ada)
    caller = humans.caller()
    async with caller.conversation() as talk:
        await talk.say("My name is Zebedee.")
        await talk.say("What can you do?")  # by now the turn before is history
        resume = {"session": str(talk.welcome["session"]), "token": talk.token}
    made = _act(humans, "DigitalHumanBackup", "now", digitalHuman="ada")
    assert made["backup"]["verified"] is True
    assert made["backup"]["keyId"]

    _drill(humans)
    proven = humans.get("dh", "ada")["status"]["backup"]["proven"]
    assert proven["backup"] == made["backup"]["id"]
    assert proven["restoreSeconds"] >= 1

    _destroy(humans, ada)
    back = {"source": {"backup": "now"}, "target": {"inPlace": {}}}
    told = _act(humans, "DigitalHumanRestore", "back", **back)
    assert told["restored"]["bytes"] > 0
    await _knows_zebedee(humans, "ada", resume)

    copy = {"source": {"backup": "now"}, "target": {"clone": {"name": "bob"}}}
    _act(humans, "DigitalHumanRestore", "copy", **copy)
    await _knows_zebedee(humans, "bob", resume)
    assert humans.get("dh", "bob")["spec"]["llm"] == humans.get("dh", "ada")["spec"]["llm"]


def test_the_schedule_makes_a_backup_reads_it_back_and_prunes(humans: Humans) -> None:
    _prepare(humans)
    scheduled = BACKUP | {"schedule": "* * * * *", "include": ["config", "objects"]}
    del scheduled["drill"]
    humans.apply(humans.example(backup=scheduled, replicas=1))
    label = f"{names.LABEL_CRON_JOB}={names.backup('ada')}"

    def runs() -> list[dict[str, Any]]:
        found = humans.cluster.kubectl.json("get", "dhb", "-n", humans.namespace, "-l", label)
        return [one for one in found["items"] if one.get("status", {}).get("phase") == "Succeeded"]

    humans.until(lambda: bool(runs()), "a backup at the next full minute", 150)
    made = runs()[0]["status"]["backup"]
    assert made["verified"] is True
    (pod,) = _pods_of(humans, runs()[0]["metadata"]["annotations"][names.ANNOTATION_JOB])
    containers = [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]
    verbs = [container["args"][0] for container in containers]
    assert verbs == ["create", "verify", "prune"]
    newest = humans.get("dh", "ada")["status"]["backup"]["newest"]
    assert newest["id"] >= made["id"]


def _pods_of(humans: Humans, job: str) -> list[dict[str, Any]]:
    label = f"{names.LABEL_JOB}={job}"
    found = humans.cluster.kubectl.json("get", "pods", "-n", humans.namespace, "-l", label)
    return list(found["items"])


async def _knows_zebedee(humans: Humans, name: str, resume: dict[str, str]) -> None:
    """The conversation goes on where it was when it was backed up."""
    humans.until_ready(name)
    humans.until(lambda: len(humans.endpoints(name)) == 1, "its Pod behind the Service")
    async with humans.caller(name).conversation(resume) as resumed:
        assert resumed.welcome["session"] == resume["session"]
        answer = await resumed.say("What is my name?")
    assert "Zebedee" in answer.text


def _prepare(humans: Humans) -> None:
    """A key, and a volume for backups."""
    head = {"apiVersion": "v1", "metadata": {"name": "keys", "namespace": humans.namespace}}
    key = base64.b64encode(bytes(range(32))).decode()
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM, "namespace": humans.namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "256Mi"}},
        },
    }
    humans.cluster.kubectl.apply(head | {"kind": "Secret", "stringData": {"backup": key}}, claim)


def _act(humans: Humans, kind: str, name: str, **spec: Any) -> dict[str, Any]:
    """Ask for a backup or a restore and wait for its end; its status, which must be good."""
    humans.cluster.kubectl.apply(
        {
            "apiVersion": "aiqtoolkit.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "namespace": humans.namespace},
            "spec": spec,
        }
    )

    def is_over() -> bool:
        status = humans.get(kind, name).get("status", {})
        return status.get("phase") in {"Succeeded", "Failed"}

    humans.until(is_over, f"{kind} {name} to end", 150)
    status: dict[str, Any] = humans.get(kind, name)["status"]
    assert status["phase"] == "Succeeded", status["conditions"][0]["message"]
    return status


def _drill(humans: Humans) -> None:
    job, source = "ada-drill-1", f"--from=cronjob/{names.drill('ada')}"
    humans.cluster.kubectl("create", "job", job, source, "-n", humans.namespace)

    def is_told() -> bool:
        return "proven" in humans.get("dh", "ada").get("status", {}).get("backup", {})

    humans.until(is_told, "the drill to be told", 120)


def _destroy(humans: Humans, human: dict[str, Any]) -> None:
    """Delete the human with its volumes, and make it anew: another uid, an empty Redis."""
    humans.cluster.kubectl("delete", "dh", "ada", "-n", humans.namespace, "--timeout=120s")
    humans.until(lambda: not (humans.pods() or humans.pods("redis")), "the Pods to go", 120)
    humans.apply(human)
