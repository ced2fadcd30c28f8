"""What a human costs the API server, by its record: children and at most two writes of status."""

import time

import pytest

from tests.support.operator import Place, human
from tools.bench.audit import AuditLog, is_write
from tools.operator_process import NAMESPACE, RELEASE

pytestmark = pytest.mark.cluster
USER = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"


def test_human_with_an_autoscaler_costs_its_children_and_at_most_two_writes(place: Place) -> None:
    log = AuditLog(place.cluster.audit_log, USER)
    log.skip()
    place.apply(human(autoscaling={"minReplicas": 1, "maxReplicas": 3}))
    place.wait_condition("Ready", "True")

    def spoken() -> bool:
        conditions = place.get("hpa", "ada").get("status", {}).get("conditions", [])
        return any(c["type"] == "ScalingActive" for c in conditions)

    place.wait("the autoscaler to look for metrics", spoken)
    time.sleep(7)  # longer than what is mere progress waits
    writes = [
        entry["objectRef"]
        for entry in log.entries()
        if is_write(entry) and entry["objectRef"].get("namespace") == place.namespace
    ]
    status = [one for one in writes if one.get("subresource") == "status"]
    assert {one["resource"] for one in status} == {"digitalhumans"}
    assert len(status) <= 2
    children = {(one["resource"], one["name"]) for one in writes if one not in status}
    assert len(writes) == len(children) + len(status)
    # The cluster of the tests serves no metrics, and never will: that is known from the first word.
    told = place.condition("AutoscalingActive")
    assert (told["status"], told["reason"]) == ("False", "MetricsNotServed")
