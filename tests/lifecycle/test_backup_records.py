"""
Backups by annotation and those of the schedule, on a real control plane.

Pods are simulated, see ``tests.support.jobs``: the commands of their containers are run as
processes. Jobs of the schedule are made by kube-controller-manager.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from digital_human_operator import names
from tests.lifecycle.test_backup_run import BACKUP
from tests.support.jobs import apply_with_key, at_work, carry_out, end
from tests.support.operator import Place, human

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]
ASKED = names.ANNOTATION_ASKED
NEVER = BACKUP["schedule"]


@pytest.fixture
def ada(place: Place) -> Place:
    apply_with_key(place, backup=BACKUP)
    return place


def backups(place: Place) -> list[str]:
    return sorted(one["metadata"]["name"] for one in place.items("dhb"))


def told(place: Place, name: str) -> dict[str, Any]:
    found: dict[str, Any] = place.get("dhb", name).get("status", {})
    return found


def ask(place: Place, token: str) -> None:
    place.kubectl("annotate", "--overwrite", "dh/ada", f"{ASKED}={token}")


def asked(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = place.status().get("askedBackup", {})
    return found


def test_a_token_makes_one_backup_and_is_echoed(ada: Place) -> None:
    uid = ada.get("dh", "ada")["metadata"]["uid"]
    first, second = (names.asked_backup("ada", uid, token) for token in ("first", "second"))
    ask(ada, "first")
    ada.wait("the echo", lambda: asked(ada) == {"token": "first", "backup": first})
    assert ada.condition("BackupRequested")["status"] == "True"
    ada.wait("its Job", lambda: ada.get("job", names.backup_run(first)))
    ada.kubectl("delete", "dhb", first)
    ask(ada, "two words")
    ada.wait_condition("BackupRequested", "False", reason="InvalidToken")
    ask(ada, "second")
    ada.wait("the echo", lambda: asked(ada) == {"token": "second", "backup": second})
    assert backups(ada) == [second]

    def warned() -> bool:
        events = ada.items("events.events.k8s.io")
        return any(e["reason"] == "BackupNotMade" and ASKED in e["note"] for e in events)

    ada.wait("the Event", warned)
    assert ada.condition("Ready")["status"] == "True"


def test_a_run_of_the_schedule_becomes_a_backup(ada: Place, tmp_path: Path) -> None:
    """kube-controller-manager makes the Job within a minute."""
    ada.apply(human(backup=BACKUP | {"schedule": "* * * * *"}))
    ada.wait("a run", lambda: backups(ada), seconds=90)
    ada.apply(human(backup=BACKUP))
    (name,) = backups(ada)
    record = ada.get("dhb", name)
    job = record["metadata"]["annotations"][names.ANNOTATION_JOB]
    due = ada.get("job", job)["metadata"]["annotations"][
        "batch.kubernetes.io/cronjob-scheduled-timestamp"
    ]
    moment = due.translate(str.maketrans("T", "-", "-:"))  # 2026-03-01T02:00:00Z
    assert name == f"ada-{moment[2:]}"[: len("ada-260301-0200")]
    assert record["spec"]["destination"] == BACKUP["destination"]
    words = carry_out(ada, job, tmp_path)
    assert [json.loads(word)["event"] for word in words] == ["created", "verified", "pruned"]
    for done, step in enumerate(("create", "verify", "prune")):
        at_work(ada, job, words[:done])
        ada.wait(step, lambda step=step: told(ada, name).get("step") == step)  # type: ignore[misc]
    end(ada, job, words)
    ada.kubectl("wait", f"dhb/{name}", "--for=condition=Ready", "--timeout=60s")
    status = told(ada, name)
    assert status["backup"]["id"] == json.loads(words[0])["id"]
    assert status["backup"]["verified"] is True
    assert status["uid"] == ada.get("dh", "ada")["metadata"]["uid"]
    assert "step" not in status
    ada.kubectl("delete", "job", job)
    ada.wait("the Job to go", lambda: not ada.get("job", job))
    assert told(ada, name) == status
    assert max(map(len, ada.kubectl("get", "dhb").splitlines())) <= 100


def test_a_record_goes_with_its_backup_or_by_hand_and_stays_away(
    ada: Place, tmp_path: Path
) -> None:
    for run in ("ada-backup-29535960", "ada-backup-29537400", "ada-backup-by-hand"):
        ada.kubectl("create", "job", run, "--from=cronjob/ada-backup")
    old, by_hand = (
        names.scheduled_backup("ada", job) for job in ("ada-backup-29535960", "ada-backup-by-hand")
    )
    newest = names.scheduled_backup("ada", "ada-backup-29537400")
    ada.wait("the records", lambda: backups(ada) == sorted([old, newest, by_hand]))
    forged = human("ada-forged", digitalHuman="ada") | {"kind": "DigitalHumanBackup"}
    marks = {names.ANNOTATION_JOB: "ada-backup-29535960", names.ANNOTATION_UID: "any"}
    forged["metadata"]["annotations"] = marks
    ada.apply(forged)
    ada.kubectl("wait", "dhb/ada-forged", "--for=condition=Stalled", "--timeout=60s")
    assert "uid" not in told(ada, "ada-forged")
    ada.kubectl("delete", "dhb", "ada-forged")
    ada.kubectl("delete", "dhb", by_hand)
    end(ada, "ada-backup-29535960", carry_out(ada, "ada-backup-29535960", tmp_path)[:2])
    ada.kubectl("wait", f"dhb/{old}", "--for=condition=Ready", "--timeout=60s")
    assert told(ada, old)["backup"]["verified"] is True
    words = carry_out(ada, "ada-backup-29537400", tmp_path)
    pruned = json.loads(words[2])
    assert pruned["oldest"] == told(ada, old)["backup"]["id"]  # nothing is that old
    pruned["oldest"] = json.loads(words[0])["id"]
    end(ada, "ada-backup-29537400", [*words[:2], json.dumps(pruned)])
    ada.kubectl("wait", f"dhb/{newest}", "--for=condition=Ready", "--timeout=60s")
    ada.wait("the record to go", lambda: backups(ada) == [newest])
    assert ada.items("jobs", names.LABEL_HUMAN)
