"""Tables of what was observed, and whether that is Ready."""

from typing import Any

import pytest

from digital_human_operator.observed import Observed
from digital_human_operator.states import (
    HpaCondition,
    HpaState,
    StatefulSetState,
)
from tests.status.looks import (
    FETCHED,
    GPU,
    REDIS,
    SCALED,
    compute,
    condition,
    deployment,
    observed,
    reason,
)


class TestReady:
    @pytest.mark.parametrize(
        ("spec", "seen", "expected"),
        [
            ({}, observed(), ("Provisioning", "Progressing")),
            ({}, observed(deployment(0, replicas=0)), ("Provisioning", "PodsNotReady")),
            ({}, observed(deployment(0)), ("Warming", "PodsNotReady")),
            ({}, observed(deployment()), ("Ready", "Ready")),
            ({"replicas": 3}, observed(deployment(2, 3)), ("Warming", "PodsNotReady")),
            (
                {"replicas": 3},
                observed(deployment(2, 3, progress_reason="NewReplicaSetAvailable")),
                ("Degraded", "PodsNotReady"),
            ),
            (
                {},
                observed(deployment(0, progress_reason="NewReplicaSetAvailable")),
                ("Degraded", "PodsNotReady"),
            ),
            (
                {"replicas": 3},
                observed(deployment(3, 3, updated=1, replicas=4)),
                ("Updating", "Updating"),
            ),
            ({}, observed(deployment(generation=2)), ("Updating", "Updating")),
            ({}, observed(deployment(replicas=2, updated=2)), ("Degraded", "PodsNotReady")),
            (REDIS, observed(deployment()), ("Degraded", "SessionStoreNotReady")),
            (
                REDIS,
                observed(deployment(), redis=StatefulSetState(1, 1, 1, 1, 1)),
                ("Ready", "Ready"),
            ),
            ({"face": {"managed": {}}}, observed(deployment()), ("Degraded", "FaceNotReady")),
            (
                {"face": {"managed": {}}},
                observed(deployment(), face=deployment()),
                ("Ready", "Ready"),
            ),
            ({"replicas": 0}, observed(deployment(0, 0)), ("Asleep", "Asleep")),
            ({"mode": "Suspended"}, observed(deployment(0, 0)), ("Suspended", "Suspended")),
            ({"mode": "Suspended"}, observed(deployment(1)), ("Draining", "Suspending")),
            ({"mode": "Paused"}, observed(deployment()), ("Ready", "Ready")),
            (
                {"mode": "Paused"},
                observed(deployment(), paused_differences=2),
                ("Paused", "Paused"),
            ),
            ({}, observed(missing=("Secret x does not exist",)), ("Pending", "SecretMissing")),
            (
                {"mode": "Paused"},
                observed(missing=("Secret x does not exist",), paused_differences=9),
                ("Paused", "SecretMissing"),
            ),
            (
                {"mode": "Paused"},
                observed(deployment(), missing=("Secret x does not exist",)),
                ("Paused", "SecretMissing"),
            ),
            (
                {"mode": "Suspended"},
                observed(missing=("Secret x does not exist",)),
                ("Suspended", "SecretMissing"),
            ),
            (
                {"mode": "Suspended"},
                observed(deployment(1), missing=("Secret x does not exist",)),
                ("Draining", "SecretMissing"),
            ),
            (
                {"mode": "Paused", "replicas": 0},
                observed(paused_differences=9),
                ("Paused", "Paused"),
            ),
            (
                {},
                observed(failed=(("Service ada", "Forbidden", "exceeded quota: tight"),)),
                ("Pending", "QuotaExceeded"),
            ),
            (
                {},
                observed(deployment(), failed=(("Role ada", "Forbidden", "not allowed"),)),
                ("Degraded", "Forbidden"),
            ),
            (
                {},
                observed(deployment(), failed=(("Deployment ada", "Invalid", "bad"),)),
                ("Failed", "ChildRefused"),
            ),
            (
                {},
                observed(deployment(), foreign=("Service ada (no owner)",)),
                ("Failed", "ForeignObject"),
            ),
            (
                {},
                observed(deployment(0, progress_reason="ProgressDeadlineExceeded")),
                ("Failed", "ProgressDeadlineExceeded"),
            ),
            (
                {},
                observed(deployment(0, failure="forbidden: exceeded quota")),
                ("Warming", "ReplicaFailure"),
            ),
        ],
    )
    def test_phase_and_reason(
        self, spec: dict[str, Any], seen: Observed, expected: tuple[str, str]
    ) -> None:
        found = compute(spec, seen)
        assert (found.phase, reason(found)) == expected

    def test_model_that_does_not_fit_stalls_with_the_sum(self) -> None:
        spec = {"llm": {"transformers": {"model": "llama3:70b"}}, "gpu": {"profile": "a100-40gb"}}
        found = compute(spec, observed())
        stalled = condition(found, "Stalled")
        assert stalled is not None
        assert stalled.reason == "ModelDoesNotFit"
        assert "needs 131 GiB for weights" in stalled.message
        assert found.memory_plan is not None
        assert found.memory_plan.fits is False

    def test_paused_is_not_reconciling(self) -> None:
        found = compute({"mode": "Paused"}, observed(deployment(0), paused_differences=1))
        assert condition(found, "Reconciling") is None
        ready = condition(found, "Ready")
        assert ready is not None
        assert "1 object differs" in ready.message

    def test_paused_without_its_secret_tells_both(self) -> None:
        seen = observed(missing=("Secret x does not exist",), paused_differences=9)
        found = compute({"mode": "Paused"} | SCALED, seen)
        assert condition(found, "Reconciling") is None
        assert condition(found, "AutoscalingActive") is None, "none is about to be made"
        ready = condition(found, "Ready")
        assert ready is not None
        assert ready.message.startswith("Secret x does not exist; paused before it was made: 9")

    @pytest.mark.parametrize("rest", [{"mode": "Suspended"}, {"replicas": 0}])
    def test_at_rest_without_its_secret_is_not_reconciling(self, rest: dict[str, Any]) -> None:
        found = compute(rest, observed(missing=("Secret x does not exist",)))
        assert condition(found, "Reconciling") is None
        assert reason(found) == "SecretMissing"

    def test_trouble_is_named_before_what_takes_time(self) -> None:
        seen = observed(deployment(0), missing=("Secret x does not exist",))
        assert reason(compute(REDIS | FETCHED, seen)) == "SecretMissing"


class TestAutoscaled:
    def test_ready_from_the_lower_bound_while_more_pods_come(self) -> None:
        seen = observed(deployment(2, 4, replicas=4))
        assert compute(SCALED, seen).phase == "Ready"

    def test_not_ready_below_the_lower_bound(self) -> None:
        assert compute(SCALED, observed(deployment(1, 1))).phase == "Warming"

    def test_scaling_is_no_update(self) -> None:
        before = compute(SCALED, observed(deployment(2, 2)))
        scaled = deployment(2, 3, generation=2, observed_generation=1, replicas=2, updated=2)
        assert compute(SCALED, observed(scaled), before).phase == "Ready"
        assert compute(SCALED, observed(scaled)).phase == "Updating"

    @pytest.mark.parametrize(
        ("hpa", "expected"),
        [
            (None, ("Unknown", "WaitingForMetrics")),
            (HpaState(), ("Unknown", "Pending")),
            (
                HpaState(active=HpaCondition("False", "FailedGetPodsMetric", "no adapter")),
                ("False", "FailedGetPodsMetric"),
            ),
            (
                HpaState(able=HpaCondition("False", "FailedGetScale"), active=HpaCondition("True")),
                ("False", "FailedGetScale"),
            ),
            (
                HpaState(active=HpaCondition("True", "ValidMetricFound")),
                ("True", "ValidMetricFound"),
            ),
        ],
    )
    def test_own_words_of_the_autoscaler_never_gate_ready(
        self, hpa: HpaState | None, expected: tuple[str, str]
    ) -> None:
        found = compute(SCALED, observed(deployment(2, 2), hpa=hpa))
        assert found.phase == "Ready"
        one = condition(found, "AutoscalingActive")
        assert one is not None
        assert (one.status, one.reason) == expected

    def test_bounds_and_gpus_are_told(self) -> None:
        found = compute(SCALED | GPU, observed(deployment(3, 3)))
        assert found.effective is not None
        assert found.effective.gpus == 3
        assert (found.effective.min_replicas, found.effective.max_replicas) == (2, 5)
