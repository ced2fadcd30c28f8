"""The health check for Argo CD, in the Lua 5.1 and with the few functions that Argo CD gives it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import lua51

from tests.charts.healths import CASES, Case
from tools.cache import ROOT
from tools.cluster.kubectl import Kubectl

FOLDER = ROOT / "docs" / "gitops"
HEALTH = FOLDER / "argocd" / "health.lua"
FORBIDDEN = ("os", "io", "debug", "package", "require", "python", "dofile", "loadfile")


def health(script: Path, thing: dict[str, Any]) -> dict[str, str]:
    """Run a health check as Argo CD does: the object is the global `obj`."""
    lua = lua51.LuaRuntime(unpack_returned_tuples=True)
    for name in FORBIDDEN:
        lua.globals()[name] = None
    lua.globals()["obj"] = lua.table_from(thing, recursive=True)
    return dict(lua.execute(script.read_text()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_health_of(case: Case) -> None:
    found = health(HEALTH, case.thing)
    assert found["status"] == case.argo
    assert found["message"]


def test_the_message_is_that_of_the_condition() -> None:
    by_name = {case.name: case.thing for case in CASES}
    assert health(HEALTH, by_name["stalled"])["message"] == "about Stalled"
    assert health(HEALTH, by_name["waiting"])["message"] == "about Ready=False"


def test_an_object_without_a_mode_is_judged_by_its_conditions() -> None:
    thing = next(case.thing for case in CASES if case.name == "ready")
    assert health(HEALTH, thing | {"spec": {}})["status"] == "Healthy"
    assert health(HEALTH, {k: v for k, v in thing.items() if k != "spec"})["status"] == "Healthy"


@pytest.mark.cluster
def test_the_command_of_the_page_adds_three_keys_and_leaves_the_others(
    kubectl: Kubectl, namespace: str
) -> None:
    page = (FOLDER / "README.md").read_text()
    keys = re.findall(r"--from-file=(resource\.\S+)=(\S+)", page)
    kinds = {key.rsplit("_", 1)[1] for key, _ in keys}
    assert kinds == {"DigitalHuman", "DigitalHumanBackup", "DigitalHumanRestore"}
    kubectl(
        "create", "configmap", "argocd-cm", "-n", namespace, "--from-literal=url=https://a.example"
    )
    files = [f"--from-file={key}={ROOT / path}" for key, path in keys]
    command = (
        "create",
        "configmap",
        "argocd-cm",
        "-n",
        namespace,
        "--dry-run=client",
        "-o",
        "yaml",
    )
    manifest = kubectl(*command, *files)
    manager = "--field-manager=digital-human-health"
    kubectl("apply", "--server-side", manager, "-f", "-", stdin=manifest)
    data = kubectl.json("get", "configmap", "argocd-cm", "-n", namespace)["data"]
    assert set(data) == {"url"} | {key for key, _ in keys}
    assert set(data.values()) == {"https://a.example", HEALTH.read_text()}


def test_the_application_installs_the_chart() -> None:
    spec = yaml.safe_load((FOLDER / "argocd" / "application.yaml").read_text())["spec"]
    assert (ROOT / spec["source"]["path"] / "Chart.yaml").exists()
    values = yaml.safe_load((ROOT / spec["source"]["path"] / "values.yaml").read_text())
    assert set(spec["source"]["helm"]["valuesObject"]) <= set(values)
    assert "ServerSideApply=true" in spec["syncPolicy"]["syncOptions"]
