"""A field changed at random: refused with a reason, or followed, or explained; never half-done."""

import os
import random
from itertools import islice
from typing import Any

import pytest

from digital_human_operator.status import reasons
from tests.api.schemas import schema
from tests.support.kstatus import violations
from tests.support.mutate import Expectation, Mutation, applied, mutations
from tests.support.operator import Place, human
from tools.cluster import ClusterError

pytestmark = pytest.mark.cluster

SEED = int(os.environ.get("MUTATION_SEED", "20261124"))
COUNT = 160
BASES: tuple[dict[str, Any], ...] = (
    {},
    {"autoscaling": {"minReplicas": 1, "maxReplicas": 3}, "monitoring": {"dashboards": {}}},
    {"sessions": {"store": {"redis": {"managed": {}}}}, "availability": {"minAvailable": 1}},
)
WAITING = {
    reasons.FACE_NOT_READY,
    reasons.FETCHING_MODELS,
    reasons.PODS_NOT_READY,
    reasons.SESSION_STORE_NOT_READY,
    reasons.VOLUME_PENDING,
}
"""Reasons that name what is waited for, where the simulated nodes have nothing that fits."""


@pytest.mark.timeout(300)
def test_any_field_may_be_changed(place: Place) -> None:
    taken = {}
    for number, (name, spec, mutation) in enumerate(_changed()):
        said = _try(place, human(name, **spec))
        if said is None:
            assert mutation.expectation is not Expectation.REFUSED, mutation
            taken[name] = mutation
        else:
            assert "spec" in said, f"{number}: {mutation}: {said}"
    assert len(taken) > COUNT / 12

    for name, mutation in taken.items():
        place.wait(f"an answer about {mutation}", lambda name=name: _is_answered(place, name), 60)  # type: ignore[misc]
    for name, mutation in taken.items():
        assert violations(place.get("dh", name)) == [], mutation


@pytest.mark.timeout(300)
def test_change_and_its_undoing_leave_no_trace(place: Place) -> None:
    base = BASES[1]
    place.apply(human("ada", **base))
    place.wait_condition("Ready", "True")
    before = _shape(place)
    for _, spec, mutation in islice(_changed((base,)), COUNT // 3):
        if _try(place, human("ada", **spec)) is not None:
            continue
        place.wait(f"an answer about {mutation}", lambda: _is_answered(place, "ada"))
        if _try(place, human("ada", **base)) is not None:
            continue  # one of the fields that cannot be changed back
        place.wait_condition("Ready", "True", seconds=60)
        assert _shape(place) == before, mutation


def _changed(
    bases: tuple[dict[str, Any], ...] = BASES,
) -> "list[tuple[str, dict[str, Any], Mutation]]":
    rng = random.Random(SEED)
    whole = schema("DigitalHuman")["properties"]["spec"]
    stream = islice(mutations(whole, rng), COUNT)
    return [
        (f"human-{number}", applied(one, rng.choice(bases), whole), one)
        for number, one in enumerate(stream)
    ]


def _try(place: Place, manifest: dict[str, Any]) -> str | None:
    """What the API server says against it; None when it takes it."""
    try:
        place.apply(manifest)
    except ClusterError as error:
        return str(error)
    return None


def _is_answered(place: Place, name: str) -> bool:
    """Whether status is about this spec and says Ready, or why not."""
    found = place.get("dh", name)
    ready = next(
        (c for c in found.get("status", {}).get("conditions", []) if c["type"] == "Ready"), None
    )
    if ready is None or ready["observedGeneration"] != found["metadata"]["generation"]:
        return False
    told = reasons.PROBLEMS | reasons.AT_REST | WAITING
    return ready["status"] == "True" or (ready["reason"] in told and bool(ready["message"]))


def _shape(place: Place) -> list[tuple[str, str, str]]:
    """Every child with its spec, without what the cluster itself writes."""
    kinds = (
        "deployments,services,horizontalpodautoscalers,networkpolicies,configmaps,secrets,"
        "poddisruptionbudgets,statefulsets,cronjobs,jobs,serviceaccounts,roles,rolebindings"
    )
    items = place.items(kinds, "app.kubernetes.io/managed-by=digital-human-operator")
    return sorted((i["kind"], i["metadata"]["name"], repr(_content(i))) for i in items)


def _content(item: dict[str, Any]) -> Any:
    if item["kind"] == "Deployment":
        return item["spec"]["template"]["spec"]
    return {k: v for k, v in item.items() if k not in {"metadata", "status", "kind", "apiVersion"}}
