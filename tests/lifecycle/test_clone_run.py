"""
DigitalHumanRestore as a clone on a real control plane.

Pods are simulated, see ``tests.support.jobs``: the backup and the reading of the object are their
real commands, the word of the sessions' restore is made up. ``tests/e2e`` has it in real Pods.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from digital_human_operator import names
from tests.support.jobs import apply_with_key, back_up, carry_out, end
from tests.support.operator import Place, human

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]
SPEC: dict[str, Any] = {
    "persona": {"greeting": "Grüß dich!"},
    "sessions": {"store": {"redis": {"managed": {"storage": "1Gi"}}}},
    "network": {"expose": {"type": "LoadBalancer"}},
    "backup": {
        "schedule": "0 0 1 1 *",
        "destination": {"persistentVolumeClaim": {"claimName": "backups"}},
        "encryption": {"keySecret": {"name": "keys", "key": "backup"}},
        "include": ["config", "objects"],
    },
}
CLONE: dict[str, Any] = {"source": {"backup": "nightly"}, "target": {"clone": {"name": "bob"}}}


@pytest.fixture
def ada(place: Place, tmp_path: Path) -> Place:
    """A human with a backup."""
    apply_with_key(place, **SPEC)
    back_up(place, tmp_path)
    return place


def read_object(place: Place, folder: Path) -> list[dict[str, Any]]:
    """Ask for a clone, and run what reads the object: what its containers tell."""
    place.apply(human("back", **CLONE) | {"kind": "DigitalHumanRestore"})
    return [json.loads(word) for word in carry_out(place, names.reading_run("back"), folder)]


def talkers(place: Place, name: str) -> int:
    return len(
        place.items("pods", f"app.kubernetes.io/component=runtime,aiqtoolkit.io/name={name}")
    )


def test_clone_is_made_held_and_filled(ada: Place, tmp_path: Path) -> None:
    words = [word | {"held": ["objects", "sessions"]} for word in read_object(ada, tmp_path)]
    assert not ada.get("dh", "bob")
    end(ada, names.reading_run("back"), [json.dumps(word) for word in words])
    run = names.restore_run("back")
    ada.wait("the Job of the sessions", lambda: ada.get("job", run), seconds=90)
    made = ada.get("dh", "bob")
    assert made["spec"]["persona"] == ada.get("dh", "ada")["spec"]["persona"]
    assert made["spec"]["network"].get("expose", {}).get("type") != "LoadBalancer"
    assert made["status"]["phase"] == "Restoring"
    ada.kubectl("annotate", "dh/bob", f"{names.ANNOTATION_CLONE}-")  # as a replace does
    assert talkers(ada, "bob") == 0
    assert talkers(ada, "ada") == 1
    told = {"event": "restored", "id": words[0]["id"], "bytes": 7, "seconds": 1.5}
    end(ada, run, [json.dumps(told | {"erased": {"subjects": 0, "sessions": 0, "tickets": 0}})])
    ada.kubectl("wait", "dhr/back", "--for=condition=Ready", "--timeout=60s")
    ada.wait_condition("Ready", "True", "bob", seconds=90)
    assert talkers(ada, "bob") == 1
    ada.kubectl("delete", "dhr", "back")
    assert ada.get("dh", "bob")["status"]["phase"] == "Ready"


def test_human_that_is_gone_comes_back_under_its_name(ada: Place, tmp_path: Path) -> None:
    spec = ada.get("dh", "ada")["spec"]
    ada.kubectl("delete", "dh", "ada", "--timeout=60s")
    ada.wait("the children to go", lambda: not (ada.items("statefulsets") or talkers(ada, "ada")))
    again = CLONE | {"target": {"clone": {"name": "ada"}}}
    ada.apply(human("back", **again) | {"kind": "DigitalHumanRestore"})
    first, second = (names.reading_run("back", number) for number in (1, 2))
    ada.wait("the Job", lambda: ada.get("job", first))
    end(ada, first, [])  # nobody hears it
    end(ada, second, carry_out(ada, second, tmp_path))
    ada.kubectl("wait", "dhr/back", "--for=condition=Ready", "--timeout=90s")
    assert "holds no sessions" in ada.get("dhr", "back")["status"]["conditions"][0]["message"]
    ada.wait_condition("Ready", "True", seconds=90)
    assert ada.get("dh", "ada")["spec"]["backup"] == spec["backup"]
