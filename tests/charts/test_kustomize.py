"""`kubectl apply -k config/default` installs what the chart installs."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import generate
from digital_human_operator.settings import Settings
from tests.charts.helm import Helm, Manifest
from tools.binaries import binary
from tools.cache import ROOT
from tools.cluster.kubectl import Kubectl

pytestmark = pytest.mark.programs("helm4", "kubectl")


def built() -> list[Manifest]:
    kubectl = Kubectl(ROOT / "no-cluster-is-asked")
    return list(yaml.safe_load_all(kubectl("kustomize", str(ROOT / "config" / "default"))))


def by_name(objects: list[Manifest]) -> dict[tuple[str, str], Any]:
    return {(o["kind"], o["metadata"]["name"]): o for o in objects}


def test_the_manifests_are_up_to_date(helm: Helm) -> None:
    assert binary(helm.name)
    assert generate.main(["--check"]) == 0, "run `python -m config.generate`"


def test_the_objects_are_those_of_the_chart(helm: Helm) -> None:
    kustomized = by_name(built())
    name = f"fullnameOverride={generate.NAME}"
    charted = by_name(helm.objects("scope=cluster", name))
    assert set(kustomized) == set(charted) | {("Namespace", generate.NAMESPACE)}
    for key, found in kustomized.items():
        if key[0] in {"ClusterRole", "Role"}:
            assert found["rules"] == charted[key]["rules"], key
        if key[0] == "CustomResourceDefinition":
            assert found["spec"] == charted[key]["spec"], key


def test_nothing_in_it_names_helm() -> None:
    assert "helm" not in yaml.safe_dump_all(built()).lower()


def test_every_object_is_in_the_namespace_that_comes_with_it() -> None:
    placed = {o["metadata"].get("namespace", generate.NAMESPACE) for o in built()}
    assert placed == {generate.NAMESPACE}


def test_the_kustomization_of_the_page_builds(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "install.md").read_text()
    text = page.split("```yaml\n", 1)[1].split("```", 1)[0]
    (tmp_path / "digital-human").symlink_to(ROOT)
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(text)
    kubectl = Kubectl(ROOT / "no-cluster-is-asked")
    found = by_name(list(yaml.safe_load_all(kubectl("kustomize", str(folder)))))
    role = found["ClusterRole", generate.NAME]
    assert role["rules"][-1]["apiGroups"] == ["monitoring.coreos.com"]
    pod = found["Deployment", generate.NAME]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "registry.example.com/digital-human-operator:0.1.0"


def test_the_page_names_only_variables_that_exist() -> None:
    table = (ROOT / "docs" / "install.md").read_text().split("| variable `DIGITAL", 1)[1]
    rows = table.split("\n\n", 1)[0].splitlines()[2:]
    named = {name.lower() for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert named
    assert named <= set(Settings.model_fields)
