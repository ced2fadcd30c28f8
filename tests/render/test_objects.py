"""The human's own object in a ConfigMap, for its backups."""

from __future__ import annotations

import json
from typing import Any

from digital_human_operator import plan
from digital_human_operator.controllers.holds import held
from digital_human_operator.human import Human
from digital_human_operator.render import children
from tests.support.builders import a_design, a_human

SPEC: dict[str, Any] = {
    "persona": {"greeting": "Grüß dich!"},
    "sessions": {"store": {"redis": {"managed": {}}}},
    "security": {"apiKeySecret": {"name": "keys", "key": "api"}},
    "backup": {
        "schedule": "@daily",
        "destination": {"persistentVolumeClaim": {"claimName": "backups"}},
        "encryption": {"keySecret": {"name": "keys", "key": "backup"}},
    },
}


def data(human: Human) -> dict[str, Any]:
    found = {child.name: child.manifest for child in children(human, a_design(human))}
    return {name: json.loads(text) for name, text in found["ada-objects"]["data"].items()}


def test_the_spec_is_as_it_was_written_and_can_be_read_again() -> None:
    own = data(a_human(SPEC))["digitalhuman.json"]
    assert own["spec"] == SPEC
    assert own["metadata"] == {"name": "ada"}
    metadata = own["metadata"] | {"namespace": "humans", "uid": "u"}
    assert plan.parse({"metadata": metadata, "spec": own["spec"]}).spec == a_human(SPEC).spec


def test_secrets_are_named_and_those_that_are_made_here_are_not() -> None:
    needs = data(a_human(SPEC))["needs.json"]
    assert needs == [{"kind": "Secret", "name": "keys", "keys": ["api", "backup"]}]


def test_while_pods_are_held_back_it_stays_as_it_was_written() -> None:
    assert data(held(a_human(SPEC))) == data(a_human(SPEC))


def test_a_human_without_backups_needs_none() -> None:
    human = a_human({name: part for name, part in SPEC.items() if name != "backup"})
    assert "ada-objects" not in {one.name for one in children(human, a_design(human))}
