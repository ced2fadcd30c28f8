"""Two operators with different Leases in one namespace: slowed down, told, and mended."""

import json
import time

import pytest

from tests.support.operator import Place, human
from tools.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
SETTINGS = {"LEASE_NAME": "other", "RUNTIME_IMAGE": "registry.example.com/other:1"}


@pytest.mark.timeout(240)
def test_two_operators_of_one_namespace_are_slowed_down_and_told(place: Place) -> None:
    place.apply(human())
    place.wait_condition("Ready", "True")
    before = place.get("deployment", "ada")["spec"]
    settings = SETTINGS | {"NAMESPACES": place.namespace}
    directory = place.cluster.directory / "operators"
    # The chart's account may not have another Lease: whoever runs two has given them rights.
    other = OperatorProcess(place.cluster, directory, name="other", settings=settings, admin=True)
    other.start()
    try:
        warning = place.wait_condition("Warning", "True", reason="Contested", seconds=60)
        assert (
            "Deployment ada is rewritten again and again by another program" in (warning["message"])
        )
        time.sleep(5)
        first = _generation(place)
        time.sleep(20)
        assert _generation(place) - first <= 8
        assert any(e["reason"] == "Contested" for e in place.items("events.events.k8s.io"))
    finally:
        other.stop()
    place.wait(
        "the fight to end", lambda: "Contested" not in json.dumps(place.condition("Warning")), 150
    )
    assert place.get("deployment", "ada")["spec"] == before


def _generation(place: Place) -> int:
    found: int = place.get("deployment", "ada")["metadata"]["generation"]
    return found
