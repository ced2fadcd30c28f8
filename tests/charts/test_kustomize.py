"""`kubectl apply -k config/default` installs what the chart installs."""

from typing import Any

import yaml

from config import generate
from tests.charts.helm import Helm, Manifest
from tools.binaries import binary
from tools.cache import ROOT
from tools.cluster.kubectl import Kubectl


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
