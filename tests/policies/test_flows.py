"""
No enforcer of NetworkPolicies runs on the local clusters, so cyclonus says what they let through.

The policies are those that the operator renders; the table says what its users expect of them.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from digital_human_operator import names
from digital_human_operator.human import Request
from digital_human_operator.render import backup_run, children, restore_run
from tests.support.builders import a_design, a_human, example
from tools.binaries import binary
from tools.cache import ROOT

pytestmark = [pytest.mark.cluster, pytest.mark.programs("policy-flows")]

Flow = tuple[str, str, int, str, bool]
TABLE: dict[str, list[Flow]] = yaml.safe_load(Path(__file__).with_name("flows.yaml").read_text())
NAMESPACE = "humans"
_REQUESTS = {
    "now": (names.BACKUP, names.LABEL_BACKUP),
    "back": (names.RESTORE, names.LABEL_RESTORE),
}


def policies(name: str, human_name: str) -> list[dict[str, Any]]:
    """The NetworkPolicies of an example, under the name of one human or another."""
    human = replace(example(ROOT / "examples" / f"{name}.yaml"), name=human_name)
    rendered = children(human, a_design(human))
    found = [dict(child.manifest) for child in rendered if child.kind == "NetworkPolicy"]
    return [one | {"metadata": one["metadata"] | {"namespace": NAMESPACE}} for one in found]


def on_request() -> list[dict[str, Any]]:
    """The NetworkPolicies of a human, of one backup to another place, and of one restore."""
    claim: dict[str, Any] = {"persistentVolumeClaim": {"claimName": "backups"}}
    backup: dict[str, Any] = {"schedule": "@daily", "destination": claim, "include": ["config"]}
    redis: dict[str, Any] = {"sessions": {"store": {"redis": {"managed": {}}}}}
    human = a_human(redis | {"backup": backup})
    s3 = {"s3": {"bucket": "elsewhere", "endpoint": "https://10.7.7.7:7070"}}
    other = a_human(redis | {"backup": backup | {"include": ["sessions"], "destination": s3}})
    made = [
        *children(human, a_design(human)),
        *backup_run(other, a_design(other), Request("now", "u1")),
        *restore_run(human, a_design(human), Request("back", "u2", "DigitalHumanRestore"), "id"),
    ]
    found = [dict(child.manifest) for child in made if child.kind == "NetworkPolicy"]
    return [one | {"metadata": one["metadata"] | {"namespace": NAMESPACE}} for one in found]


ON_REQUEST: list[Flow] = [
    ("now", "redis", 6379, "TCP", True),
    ("now", "10.7.7.7", 7070, "TCP", True),
    ("now", "10.7.7.8", 7070, "TCP", False),
    ("now", "back", 40000, "TCP", False),
    ("redis", "now", 40000, "TCP", False),
    ("back", "redis", 6379, "TCP", True),
    ("redis", "back", 40000, "TCP", True),
    ("runtime", "back", 40000, "TCP", False),
    ("redis", "10.7.7.7", 443, "TCP", False),
    ("back", "10.7.7.7", 443, "TCP", False),
    ("back", "runtime", 8000, "TCP", False),
    ("backup", "redis", 6379, "TCP", False),
    ("backup", "back", 40000, "TCP", False),
]
"""A backup by schedule, here without sessions, must gain nothing by the two."""


def end(place: str) -> dict[str, Any]:
    """One end of a flow, as cyclonus has it."""
    if place[0].isdigit():
        return {"IP": place}
    namespace, _, pod = place.rpartition("/")
    labels: dict[str, str] = {}
    if not namespace and pod != "plain":
        human, component = ("eve", names.RUNTIME) if pod == "eve" else ("ada", pod)
        labels = names.selector(human, component)
        if pod in _REQUESTS:
            labels = names.selector("ada", _REQUESTS[pod][0]) | {_REQUESTS[pod][1]: pod}
    namespace = namespace or NAMESPACE
    inside = {
        "Namespace": namespace,
        "NamespaceLabels": {"kubernetes.io/metadata.name": namespace},
        "PodLabels": labels,
    }
    return {"Internal": inside, "IP": "10.1.2.3"}


def judged(rows: list[Flow], wanted: list[dict[str, Any]]) -> list[dict[str, bool]]:
    """What cyclonus says of each row."""
    flows = [
        {
            "Source": end(source),
            "Destination": end(target),
            "ResolvedPort": port,
            "ResolvedPortName": "",
            "Protocol": protocol,
        }
        for source, target, port, protocol, _ in rows
    ]
    answer = subprocess.run(
        [binary("policy-flows")],
        input=json.dumps({"policies": wanted, "flows": flows}),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    found: list[dict[str, bool]] = json.loads(answer.stdout)
    return found


def wrong(rows: list[Flow], wanted: list[dict[str, Any]]) -> list[str]:
    """The rows that cyclonus judges in another way."""
    return [
        f"{row[0]} -> {row[1]} {row[2]}/{row[3]} is {'denied' if row[4] else 'let through'}"
        for row, verdict in zip(rows, judged(rows, wanted), strict=True)
        if (verdict["egress"] and verdict["ingress"]) is not row[4]
    ]


@pytest.mark.parametrize("name", TABLE)
def test_what_is_needed_flows_and_nothing_else(name: str) -> None:
    assert wrong(TABLE[name], policies(name, "ada") + policies(name, "eve")) == []


def test_a_backup_and_a_restore_on_request_open_what_they_need() -> None:
    assert wrong(ON_REQUEST, on_request()) == []


def test_the_table_knows_both_verdicts_of_every_example() -> None:
    for name, rows in TABLE.items():
        assert {row[4] for row in rows} == {True, False}, name
        assert len({tuple(row[:4]) for row in rows}) == len(rows), name


def test_without_policies_everything_flows() -> None:
    """The evaluator is asked in the right way: it is not that it denies whatever it is told."""
    asked = {
        "policies": [],
        "flows": [
            {
                "Source": end("elsewhere/pod"),
                "Destination": end("redis"),
                "ResolvedPort": 6379,
                "Protocol": "TCP",
            }
        ],
    }
    answer = subprocess.run(
        [binary("policy-flows")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert json.loads(answer.stdout) == [{"egress": True, "ingress": True}]
