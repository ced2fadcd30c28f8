"""
DigitalHumanBackup on a real control plane, and what the human's own CronJobs tell.

Pods are simulated here, so nothing runs in them. These ones wait for a claim that is not there, so
that nobody else ends them; the test runs the commands of their containers as
processes, with folders in the place of volumes, and puts what they left as their last word into the
Pod's status, as a kubelet does.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs import KEY, apply_with_key, carry_out, end
from tests.support.operator import Place, human

pytestmark = pytest.mark.cluster
RUN = "today-backup-run"
CLAIM: dict[str, Any] = {"persistentVolumeClaim": {"claimName": "backups"}}
BACKUP: dict[str, Any] = {
    "schedule": "0 0 1 1 *",
    "destination": CLAIM,
    "encryption": {"keySecret": {"name": "keys", "key": "backup"}},
    "drill": {"schedule": "0 0 1 1 *"},
}


@pytest.fixture
def ada(place: Place) -> Place:
    apply_with_key(place, backup=BACKUP)
    return place


def test_a_backup_on_request_ends_with_its_figures(ada: Place, tmp_path: Path) -> None:
    ada.apply(human("today", digitalHuman="ada") | {"kind": "DigitalHumanBackup"})
    words = carry_out(ada, RUN, tmp_path)
    assert [json.loads(word)["event"] for word in words] == ["created", "verified"]
    end(ada, RUN, words)
    ada.kubectl("wait", "dhb/today", "--for=condition=Ready", "--timeout=60s")
    told = ada.get("dhb", "today")["status"]
    made = json.loads(words[0])
    assert told["phase"] == "Succeeded"
    assert told["backup"]["id"] == made["id"]
    assert told["backup"]["digest"] == made["digest"]
    assert told["backup"]["keyId"] == made["keyId"]
    assert told["backup"]["verified"] is True
    ada.wait("the human to know", lambda: newest(ada).get("id") == made["id"])
    assert KEY not in json.dumps([ada.get("dhb", "today"), ada.get("dh", "ada")])
    heading, row = ada.kubectl("get", "dhb", "today").splitlines()
    assert heading.split() == ["NAME", "HUMAN", "PHASE", "VERIFIED", "BYTES", "AGE"]
    assert row.split()[:4] == ["today", "ada", "Succeeded", "true"]
    ada.kubectl("delete", "dhb", "today")
    ada.wait("the Job to go", lambda: not ada.get("job", RUN))
    assert newest(ada)["id"] == made["id"]


def test_a_backup_that_fails_says_why(ada: Place, tmp_path: Path) -> None:
    ada.apply(human("today", digitalHuman="ada") | {"kind": "DigitalHumanBackup"})
    words = carry_out(ada, RUN, tmp_path, store="file:///no/such/folder")
    assert json.loads(words[0])["event"] == "failed"
    end(ada, RUN, words, code=3)
    ada.kubectl("wait", "dhb/today", "--for=condition=Stalled", "--timeout=60s")
    told = ada.get("dhb", "today")["status"]
    assert told["phase"] == "Failed"
    assert "/no/such/folder" in told["conditions"][0]["message"]


def test_a_pod_that_cannot_start_is_named(ada: Place) -> None:
    ada.apply(human("today", digitalHuman="ada") | {"kind": "DigitalHumanBackup"})

    def told() -> str:
        status = ada.get("dhb", "today").get("status", {})
        return str(status.get("conditions", [{}])[0].get("message", ""))

    ada.wait("the claim to be named", lambda: '"backups" not found' in told())
    assert ada.condition("Ready")["status"] == "True"


def test_a_drill_proves_a_backup_with_measured_times(ada: Place, tmp_path: Path) -> None:
    ada.apply(human("today", digitalHuman="ada") | {"kind": "DigitalHumanBackup"})
    end(ada, RUN, carry_out(ada, RUN, tmp_path))
    ada.kubectl("wait", "dhb/today", "--for=condition=Ready", "--timeout=60s")
    ada.kubectl("create", "job", "ada-drill-1", "--from=cronjob/ada-drill")
    words = carry_out(ada, "ada-drill-1", tmp_path)
    assert json.loads(words[0])["event"] == "restored"
    end(ada, "ada-drill-1", words)
    ada.wait("the drill to be told", lambda: ada.status().get("backup", {}).get("proven"))
    proven = ada.status()["backup"]["proven"]
    assert proven["backup"] == newest(ada)["id"]
    assert proven["bytes"] > 0
    assert proven["restoreSeconds"] >= 1
    assert proven["dataAgeSeconds"] >= 0


def newest(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = place.status().get("backup", {}).get("newest", {})
    return found
