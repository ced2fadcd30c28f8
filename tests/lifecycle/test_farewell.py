"""deletionPolicy FinalBackup on a real control plane."""

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


NOTHING: dict[str, Any] = {
    "sessions": {"store": {"redis": {"external": {"url": "redis://redis.example.com:6379"}}}},
    "backup": SPEC["backup"] | {"include": ["sessions"]},
}
"""Sessions that somebody else has to back up, and nothing else."""


@pytest.fixture
def ada(place: Place) -> Place:
    place.apply(human(**SPEC))
    place.wait_condition("Ready", "True")
    assert place.get("dh", "ada")["metadata"]["finalizers"] == ["aiqtoolkit.io/final-backup"]
    return place


def test_backup_that_cannot_be_made_is_told_and_volumes_stay(place: Place) -> None:
    place.apply(human(**(SPEC | NOTHING)))
    place.wait_condition("Ready", "True")
    name = _name(place)
    place.kubectl("delete", "dh", "ada", "--timeout=60s")
    assert place.get("dhb", name)["spec"]["digitalHuman"] == "ada"
    place.wait("the children to go", lambda: not place.items("deployments"))
    assert place.get("pvc", "ada-models")

    def told() -> bool:
        events = place.items("events.events.k8s.io")
        return any(e["reason"] == "FinalBackupFailed" and name in e["note"] for e in events)

    place.wait("the Event", told)


def test_human_waits_for_its_backup_and_then_goes(ada: Place) -> None:
    name = _name(ada)
    ada.kubectl("delete", "dh", "ada", "--wait=false")
    waiting = ada.wait_condition("Ready", "False", reason="FinalBackup")
    assert name in waiting["message"]
    ada.wait("the Job", lambda: ada.get("job", f"{name}-backup-run"))
    assert ada.get("deployment", "ada")
    ada.apply(_claim())  # the Pod of the Job, which is simulated, ends when it has its volume
    ada.wait("the human to go", lambda: not ada.get("dh", "ada"))
    assert ada.get("dhb", name)["status"]["phase"] == "Succeeded"
    assert ada.get("pvc", "ada-models")


def test_namespace_goes_with_its_humans(ada: Place) -> None:
    ada.cluster.kubectl("delete", "namespace", ada.namespace, "--timeout=90s")


def _name(place: Place) -> str:
    uid = place.get("dh", "ada")["metadata"]["uid"]
    return f"ada-final-{uid[:5]}"


def _claim() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "backups"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
