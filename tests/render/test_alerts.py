"""The alerts, judged by Prometheus itself: promtool checks them and plays what leads to them."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from digital_human_operator.render import alerts, children
from tests.support.builders import a_design, a_human
from tools.cache import ROOT
from tools.debian import unpacked

CLAIM: dict[str, Any] = {"persistentVolumeClaim": {"claimName": "backups"}}
BACKUP = {"schedule": "@daily", "destination": CLAIM, "drill": {"schedule": "@weekly"}}
RULES = alerts.rules(a_human({"backup": BACKUP}))
ALERTS = {rule["alert"]: rule for rule in RULES["groups"][0]["rules"]}
WHERE = 'namespace="humans",deployment="ada"'


def told(kind: str, status: str, reason: str, human: str = "ada") -> str:
    """A series of the operator's, as scraped from one of its Pods."""
    where = f'human_namespace="humans",human="{human}",pod="operator-1"'
    return f'digital_human_condition{{{where},type="{kind}",status="{status}",reason="{reason}"}}'


def replicas(available: str, wanted: str) -> dict[str, str]:
    return {
        f"kube_deployment_status_replicas_available{{{WHERE}}}": available,
        f"kube_deployment_spec_replicas{{{WHERE}}}": wanted,
    }


def promtool(folder: Path, *words: str) -> str:
    program = str(unpacked("promtool"))
    done = subprocess.run(
        [program, *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def play(folder: Path, series: dict[str, str], at: str, firing: str | None) -> None:
    """Let promtool say which alerts fire after ``at``: ``firing`` alone, or none."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(RULES))
    expected = [
        {
            "eval_time": at,
            "alertname": name,
            "exp_alerts": [_firing(rule, series)] if name == firing else [],
        }
        for name, rule in ALERTS.items()
    ]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": text} for name, text in series.items()],
        "alert_rule_test": expected,
    }
    document = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
    (folder / "test.yaml").write_text(yaml.safe_dump(document))
    promtool(folder, "test", "rules", "test.yaml")


def _firing(rule: dict[str, Any], series: dict[str, str]) -> dict[str, Any]:
    own = {"human_namespace": "humans", "human": "ada"}
    if any(name.startswith("kube_") for name in series):
        own = {"namespace": "humans", "deployment": "ada"}
    return {"exp_labels": rule["labels"] | own, "exp_annotations": rule["annotations"]}


def test_promtool_takes_them(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(RULES))
    assert f"{len(ALERTS)} rules found" in promtool(tmp_path, "check", "rules", "rules.yaml")


@pytest.mark.parametrize(
    ("series", "at", "firing"),
    [
        (replicas("0x60", "2x60"), "6m", "DigitalHumanDown"),
        (replicas("0x60", "0x60"), "59m", None),
        (replicas("1x60", "2x60"), "29m", None),
        (replicas("1x60", "2x60"), "31m", "DigitalHumanShortOfPods"),
        ({told("BackupHealthy", "False", "Failed"): "1x60"}, "14m", None),
        ({told("BackupHealthy", "False", "Failed"): "1x60"}, "16m", "DigitalHumanBackupFailed"),
        ({told("BackupHealthy", "False", "Overdue"): "1x60"}, "16m", "DigitalHumanBackupOverdue"),
        ({told("RestoreProven", "False", "Failed"): "1x60"}, "16m", "DigitalHumanDrillFailed"),
        ({told("RestoreProven", "False", "Overdue"): "1x60"}, "16m", "DigitalHumanRestoreUnproven"),
        ({told("BackupHealthy", "True", "Succeeded"): "1x60"}, "59m", None),
        ({told("BackupHealthy", "Unknown", "NotRunYet"): "1x60"}, "59m", None),
        ({told("BackupHealthy", "False", "Failed", "bob"): "1x60"}, "59m", None),
        ({told("BackupHealthy", "False", "Failed"): "1x10 stale"}, "20m", None),
    ],
)  # fmt: skip
def test_what_fires_and_what_does_not(
    series: dict[str, str], at: str, firing: str | None, tmp_path: Path
) -> None:
    play(tmp_path, series, at, firing)


def test_two_operators_make_one_alert(tmp_path: Path) -> None:
    one = told("BackupHealthy", "False", "Failed")
    other = one.replace("operator-1", "operator-2")
    play(tmp_path, {one: "1x60", other: "1x60"}, "16m", "DigitalHumanBackupFailed")


def test_every_alert_has_a_runbook() -> None:
    page = (ROOT / alerts.RUNBOOKS).read_text()
    headings = re.findall(r"^## (\w+)$", page, re.MULTILINE)
    assert headings == list(ALERTS)
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook"] == f"{alerts.RUNBOOKS}#{name.lower()}"


def test_runbooks_name_the_objects_as_they_are_made() -> None:
    page = (ROOT / alerts.RUNBOOKS).read_text()
    human = a_human({"backup": BACKUP})
    made = [child.manifest for child in children(human, a_design(human))]
    jobs = {one["metadata"]["name"]: one for one in made if one["kind"] == "CronJob"}
    assert set(re.findall(r"cronjob[/ ]([a-z-]+)", page)) == set(jobs)
    labels = [one["spec"]["jobTemplate"]["spec"]["template"]["metadata"] for one in jobs.values()]
    for selector in re.findall(r"--selector (\S+)", page):
        wanted = dict(one.split("=") for one in selector.split(","))
        assert any(wanted.items() <= one["labels"].items() for one in labels), selector


def test_no_alert_about_what_was_not_asked_for() -> None:
    def made(spec: dict[str, Any]) -> list[str]:
        (group,) = alerts.rules(a_human(spec))["groups"]
        return [rule["alert"] for rule in group["rules"]]

    assert made({}) == ["DigitalHumanDown", "DigitalHumanShortOfPods"]
    assert "DigitalHumanDrillFailed" not in made({"backup": BACKUP | {"drill": None}})
