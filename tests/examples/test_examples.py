"""Every example is listed, parses, and is accepted by a real API server."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from digital_human_operator.plan.resources import quantity
from tests.support.builders import a_design, example
from tools.cache import ROOT
from tools.cluster.kubectl import Kubectl

FOLDER = ROOT / "examples"
FILES = sorted(FOLDER.glob("*.yaml"))
NAMES = [path.name for path in FILES]


def objects(path: Path) -> list[dict[str, Any]]:
    return [found for found in yaml.safe_load_all(path.read_text()) if found]


def human(path: Path) -> dict[str, Any]:
    return next(found for found in objects(path) if found["kind"] == "DigitalHuman")


def secrets(node: Any, key: str = "") -> set[str]:
    """Names of all Secrets that a spec refers to."""
    if isinstance(node, list):
        inner = key == "imagePullSecrets"
        return {o["name"] for o in node} if inner else set().union(*map(secrets, node))
    if not isinstance(node, dict):
        return {node} if key in {"credentialsSecret", "tlsSecret"} else set()
    if key.endswith("Secret") or key == "secretKeyRef":
        return {node["name"]}
    return set().union(*(secrets(value, name) for name, value in node.items()))


def test_the_examples_that_users_look_for_are_there() -> None:
    clouds = {"gke.yaml", "eks.yaml", "aks.yaml"}
    places = {"external-llm.yaml", "cpu-only.yaml", "air-gapped.yaml"}
    assert {"minimal.yaml", "high-availability.yaml"} | clouds | places <= set(NAMES)


def test_the_readme_lists_each_once() -> None:
    rows = re.findall(
        r"^\| \[(\S+)\]\((\S+)\) \| (.+) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
    assert sorted(name for name, _, _ in rows) == NAMES
    assert all(name == target for name, target, _ in rows)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_it_says_how_to_apply_it(path: Path) -> None:
    head = path.read_text().split("apiVersion:", 1)[0]
    assert f"apply -f examples/{path.name}" in head


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_every_field_is_known(path: Path) -> None:
    def unknown(model: Any, at: str) -> list[str]:
        if isinstance(model, list):
            return [found for item in model for found in unknown(item, at)]
        if not hasattr(model, "model_extra"):
            return []
        found = [f"{at}.{name}" for name in model.model_extra or {}]
        for name in type(model).model_fields:
            found += unknown(getattr(model, name), f"{at}.{name}")
        return found

    spec = DigitalHumanSpec.model_validate(human(path).get("spec", {}))
    assert unknown(spec, "spec") == []


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_every_secret_is_in_the_file_or_created_by_a_command_at_its_top(path: Path) -> None:
    text = path.read_text()
    created = set(re.findall(r"create secret \S+ (\S+)", text))
    included = {o["metadata"]["name"] for o in objects(path) if o["kind"] == "Secret"}
    assert secrets(human(path).get("spec", {})) <= created | included


def test_the_demonstration_needs_nothing_beside_the_file() -> None:
    path = FOLDER / "high-availability.yaml"
    included = {o["metadata"]["name"]: o for o in objects(path) if o["kind"] == "Secret"}
    assert secrets(human(path)["spec"]) == set(included)
    for secret in included.values():
        assert all(value.startswith("example-only") for value in secret["stringData"].values())


def test_the_high_availability_figures_are_those_of_the_guide() -> None:
    spec = human(FOLDER / "high-availability.yaml")["spec"]
    scaling, availability = spec["autoscaling"], spec["availability"]
    assert (scaling["minReplicas"], scaling["maxReplicas"]) == (3, 10)
    assert (scaling["cpu"], scaling["gpu"]) == (70, 80)
    assert scaling["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300
    assert scaling["behavior"]["scaleUp"]["policies"][1]["value"] == 4
    assert availability["minAvailable"] == 2
    assert availability["failover"] == {"timeout": "30s", "maxRetries": 3}
    assert spec["sessions"]["affinity"] == "ClientIP"


def test_the_one_for_a_laptop_fits_two_cpus_also_while_a_change_is_rolled_out() -> None:
    found = example(FOLDER / "cpu-only.yaml")
    design = a_design(found)
    assert design.replicas is not None
    left_by_the_system = 1.0
    assert (design.replicas + 1) * quantity(design.requests["cpu"]) <= left_by_the_system


@pytest.mark.cluster
@pytest.mark.usefixtures("operator")  # it comes with the CRDs
@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_the_api_server_accepts_it(path: Path, kubectl: Kubectl, namespace: str) -> None:
    command = ("apply", "-n", namespace, "-f", str(path), "--dry-run=server", "--validate=strict")
    result = kubectl.run(*command)
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
