"""
DigitalHumanRestore on a real control plane.

Pods are simulated, see ``tests.support.jobs``: the backup is made by its real commands, the word of
the restore is made up, for no Redis runs here. ``tests/e2e`` restores a real one.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from digital_human_operator import names
from tests.support.jobs import apply_with_key, back_up, end
from tests.support.operator import Place, human

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]
SPEC: dict[str, Any] = {
    "replicas": 2,
    "sessions": {"store": {"redis": {"managed": {"storage": "1Gi"}}}},
    "backup": {
        "schedule": "0 0 1 1 *",
        "destination": {"persistentVolumeClaim": {"claimName": "backups"}},
        "encryption": {"keySecret": {"name": "keys", "key": "backup"}},
        "include": ["config"],
    },
}
IN_PLACE: dict[str, Any] = {"source": {"backup": "nightly"}, "target": {"inPlace": {}}}


@pytest.fixture
def ada(place: Place, tmp_path: Path) -> Place:
    """A human with a backup."""
    apply_with_key(place, **SPEC)
    back_up(place, tmp_path)
    return place


def ask(place: Place) -> str:
    """Ask for a restore; the name of its safety backup."""
    place.apply(human("back", **IN_PLACE) | {"kind": "DigitalHumanRestore"})
    return names.safety_backup("back", place.get("dhr", "back")["metadata"]["uid"])


def phase(place: Place) -> str:
    return str(place.get("dhr", "back").get("status", {}).get("phase"))


def talkers(place: Place) -> int:
    return len(place.items("pods", "app.kubernetes.io/component=runtime"))


def test_pods_go_sessions_are_kept_and_replaced_pods_come(ada: Place) -> None:
    safety = ask(ada)
    ada.wait("the safety backup's Job", lambda: ada.get("job", names.backup_run(safety)))
    assert talkers(ada) == 0
    assert phase(ada) == "BackingUp"
    assert ada.status()["phase"] == "Restoring"
    assert ada.get("dhb", safety)["spec"]["include"] == ["sessions"]
    end(ada, names.backup_run(safety), [created(), verified()])
    run = names.restore_run("back")
    ada.wait("the restore's Job", lambda: ada.get("job", run))
    assert talkers(ada) == 0
    end(ada, run, [restored()])
    ada.kubectl("wait", "dhr/back", "--for=condition=Ready", "--timeout=60s")
    told = ada.get("dhr", "back")["status"]
    assert told["restored"] == {"bytes": 7, "seconds": 2, "erasedSessions": 1}
    assert told["backup"] == ada.get("dhb", "nightly")["status"]["backup"]["id"]
    ada.wait_condition("Ready", "True")
    assert talkers(ada) == 2
    assert "restore" not in ada.status()
    heading = ada.kubectl("get", "dhr").splitlines()[0]
    assert heading.split() == ["NAME", "HUMAN", "PHASE", "BACKUP", "AGE"]
    assert max(map(len, ada.kubectl("get", "dhr").splitlines())) <= 100


def test_restore_that_is_deleted_lets_the_human_go_on(ada: Place) -> None:
    safety = ask(ada)
    ada.wait("the safety backup's Job", lambda: ada.get("job", names.backup_run(safety)))
    ada.kubectl("delete", "dhr", "back")
    ada.wait_condition("Ready", "True")
    assert talkers(ada) == 2
    assert ada.get("dhb", safety)  # the way back to what was there


def test_backup_of_a_human_that_is_gone_goes_into_its_namesake(ada: Place) -> None:
    old = ada.get("dh", "ada")["metadata"]["uid"]
    ada.kubectl("delete", "dh", "ada", "--timeout=60s")
    ada.wait("the children to go", lambda: not (ada.items("statefulsets") or talkers(ada)))
    ada.apply(human(**SPEC))
    ada.wait_condition("Ready", "True", seconds=90)
    safety = ask(ada)
    ada.wait("the safety backup's Job", lambda: ada.get("job", names.backup_run(safety)))
    end(ada, names.backup_run(safety), [created(), verified()])
    run = names.restore_run("back")
    ada.wait("the restore's Job", lambda: ada.get("job", run))
    words = ada.get("job", run)["spec"]["template"]["spec"]["containers"][0]["args"]
    assert words[words.index("--uid") + 1] == old
    assert ada.get("dh", "ada")["metadata"]["uid"] != old


def created() -> str:
    return json.dumps({"event": "created", "id": "20260301T000000Z-0123456789abcdef", "bytes": 1})


def verified() -> str:
    return json.dumps(
        {"event": "verified", "id": "20260301T000000Z-0123456789abcdef", "ok": True, "opened": True}
    )


def restored() -> str:
    told = {
        "event": "restored",
        "id": "20260301T000000Z-0123456789abcdef",
        "bytes": 7,
        "seconds": 1.5,
    }
    return json.dumps(told | {"erased": {"subjects": 1, "sessions": 1, "tickets": 0}})
