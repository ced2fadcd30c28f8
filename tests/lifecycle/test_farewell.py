"""deletionPolicy FinalBackup on a real control plane, with the backup's status set by the test."""

import json
from typing import Any

import pytest

from tests.support.operator import Place, human

pytestmark = pytest.mark.cluster
SPEC: dict[str, Any] = {
    "deletionPolicy": "FinalBackup",
    "storage": {"models": {"size": "1Gi"}},
    "backup": {
        "schedule": "@daily",
        "destination": {"persistentVolumeClaim": {"claimName": "backups"}},
    },
}
TIME = "2026-03-01T12:00:00Z"


@pytest.fixture
def ada(place: Place) -> Place:
    place.apply(human(**SPEC))
    place.wait_condition("Ready", "True")
    assert place.get("dh", "ada")["metadata"]["finalizers"] == ["aiqtoolkit.io/final-backup"]
    return place


def test_backup_that_cannot_be_made_is_told_and_volumes_stay(ada: Place) -> None:
    assert "cannot make it" in ada.condition("Warning")["message"]
    name = _name(ada)
    ada.kubectl("delete", "dh", "ada", "--timeout=60s")
    assert ada.get("dhb", name)["spec"]["digitalHuman"] == "ada"
    ada.wait("the children to go", lambda: not ada.items("deployments"))
    assert ada.get("pvc", "ada-models")

    def told() -> bool:
        events = ada.items("events.events.k8s.io")
        return any(e["reason"] == "FinalBackupFailed" and name in e["note"] for e in events)

    ada.wait("the Event", told)


def test_human_waits_for_its_backup_and_then_goes(ada: Place) -> None:
    name = _name(ada)
    backup = human(name, digitalHuman="ada", destination=SPEC["backup"]["destination"])
    ada.apply(backup | {"kind": "DigitalHumanBackup"})
    ada.wait("the first answer", lambda: ada.get("dhb", name).get("status"))
    _say(ada, name, "Reconciling")
    ada.kubectl("delete", "dh", "ada", "--wait=false")
    waiting = ada.wait_condition("Ready", "False", reason="FinalBackup")
    assert name in waiting["message"]
    assert ada.get("deployment", "ada")
    _say(ada, name, "Ready")
    ada.wait("the human to go", lambda: not ada.get("dh", "ada"))
    assert ada.get("dhb", name)
    assert ada.get("pvc", "ada-models")


def test_namespace_goes_with_its_humans(ada: Place) -> None:
    ada.cluster.kubectl("delete", "namespace", ada.namespace, "--timeout=90s")


def _name(place: Place) -> str:
    uid = place.get("dh", "ada")["metadata"]["uid"]
    return f"ada-final-{uid[:5]}"


def _say(place: Place, name: str, kind: str) -> None:
    """Write the status of a backup as its controller will."""
    condition = {
        "type": kind,
        "status": "True",
        "observedGeneration": 1,
        "lastTransitionTime": TIME,
        "reason": "Test",
        "message": "set by the test",
    }
    patch = {"status": {"observedGeneration": 1, "phase": kind, "conditions": [condition]}}
    command = ("patch", "dhb", name, "--subresource=status", "--type=merge", "-p")
    place.kubectl(*command, json.dumps(patch))
