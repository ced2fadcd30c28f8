"""The health expressions for Flux, evaluated in the order in which Flux evaluates them."""

from typing import Any

import cel
import pytest
import yaml

from tests.charts.healths import CASES, Case
from tools.cache import ROOT

PAGE = ROOT / "docs" / "gitops" / "flux" / "kustomization.yaml"
EXPRESSIONS = yaml.safe_load(PAGE.read_text())["spec"]["healthCheckExprs"]
BY_KIND = {found["kind"]: found for found in EXPRESSIONS}


def health(kind: str, thing: dict[str, Any]) -> str:
    """Judge an object as Flux does (its RFC 0009): the top-level fields are the variables."""
    observed = thing.get("status", {}).get("observedGeneration")
    if observed is not None and observed != thing["metadata"]["generation"]:
        return "inProgress"
    for verdict in ("inProgress", "failed", "current"):
        try:
            answer = cel.evaluate(BY_KIND[kind][verdict], thing)
        except RuntimeError:
            return "error"
        assert isinstance(answer, bool)
        if answer:
            return verdict
    return "inProgress"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_health_of_a_human(case: Case) -> None:
    assert health("DigitalHuman", case.thing) == case.flux


@pytest.mark.parametrize("kind", ["DigitalHumanBackup", "DigitalHumanRestore"])
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.thing["spec"]["mode"] == "Running"],
    ids=lambda case: case.name,
)
def test_the_health_of_an_action(case: Case, kind: str) -> None:
    action = case.thing | {"kind": kind, "spec": {}}
    assert health(kind, action) == case.flux


def test_every_kind_has_expressions() -> None:
    crds = [yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")]
    assert set(BY_KIND) == {crd["spec"]["names"]["kind"] for crd in crds}
    versions = {f"{crd['spec']['group']}/{crd['spec']['versions'][0]['name']}" for crd in crds}
    assert {found["apiVersion"] for found in EXPRESSIONS} == versions
