"""The autoscaler: how long missing metrics are excused, and what it decided."""

from typing import Any

import pytest

from digital_human_operator import status
from digital_human_operator.api.v1alpha1.status import DigitalHumanStatus
from digital_human_operator.states import HpaCondition, HpaState
from tests.status.looks import SCALED, compute, condition, deployment, observed
from tests.support.builders import a_human

MADE = "2026-03-01T12:00:00Z"
SOON = "2026-03-01T12:00:20Z"
LATE = "2026-03-01T12:05:00Z"
NO_METRICS = HpaCondition("False", "FailedGetResourceMetric", "the metrics API is not there")
NO_TARGET = HpaCondition("False", "FailedGetScale", "no such Deployment")
GOOD = HpaCondition("True", "ValidMetricFound")


def hpa(active: HpaCondition | None = NO_METRICS, **changes: Any) -> HpaState:
    return HpaState(created=MADE, active=active, **changes)


def look(
    found: HpaState | None, now: str, previous: DigitalHumanStatus | None = None
) -> tuple[DigitalHumanStatus, float | None]:
    seen = observed(deployment(2, 2), hpa=found)
    computed = compute(SCALED, seen, previous, now)
    return computed, status.look_again(a_human(SCALED), computed, seen, now)


def told(found: DigitalHumanStatus) -> tuple[str, str]:
    one = condition(found, "AutoscalingActive")
    assert one is not None
    return one.status, one.reason


class TestPatience:
    def test_converging_says_the_same_from_the_first_word_to_ready(self) -> None:
        first = condition(compute(SCALED, observed(), now=SOON), "AutoscalingActive")
        assert first is not None
        for found in (None, hpa(None), hpa(able=NO_TARGET, active=GOOD), hpa()):
            assert condition(look(found, SOON)[0], "AutoscalingActive") == first

    def test_ready_is_the_last_write_of_the_first_minutes(self) -> None:
        ready, _ = look(hpa(None), SOON)
        after, again = look(hpa(), SOON, ready)
        assert after == ready
        assert again == 280

    def test_metrics_are_told_when_they_come(self) -> None:
        ready, _ = look(hpa(None), SOON)
        assert told(look(hpa(GOOD), SOON, ready)[0]) == ("True", "ValidMetricFound")

    def test_missing_metrics_are_told_after_five_minutes(self) -> None:
        ready, _ = look(hpa(), SOON)
        late, again = look(hpa(), LATE, ready)
        assert told(late) == ("False", "FailedGetResourceMetric")
        assert again is None
        assert look(hpa(), SOON, late)[0] == late, "a clock that goes back takes nothing back"

    def test_metrics_that_were_there_and_went_are_told_at_once(self) -> None:
        good, _ = look(hpa(GOOD), SOON)
        assert told(look(hpa(), SOON, good)[0]) == ("False", "FailedGetResourceMetric")

    def test_other_trouble_is_told_at_once(self) -> None:
        bad = HpaCondition("False", "InvalidMetricSourceType", "no")
        assert told(look(hpa(bad), SOON)[0]) == ("False", "InvalidMetricSourceType")

    def test_restart_changes_nothing(self) -> None:
        """All that is needed is in the objects."""
        before, _ = look(hpa(), SOON)
        assert look(hpa(), LATE, before) == look(hpa(), LATE, before)
        assert told(look(hpa(), LATE, None)[0])[0] == "False"

    def test_silent_autoscaler_is_named_after_five_minutes(self) -> None:
        assert told(look(hpa(None), LATE)[0]) == ("Unknown", "Pending")


CPU = frozenset({"metrics.k8s.io"})
PODS = frozenset({"custom.metrics.k8s.io"})
BY_ALL = {"autoscaling": SCALED["autoscaling"] | {"cpu": 70, "gpu": 80}}
BY_GPU = {"autoscaling": SCALED["autoscaling"] | {"gpu": 80}}


class TestUnserved:
    """A metrics API that nobody has installed is known before the autoscaler finds out."""

    def told(
        self, spec: dict[str, Any], absent: frozenset[str], found: HpaState | None, now: str = SOON
    ) -> tuple[str, str, str]:
        seen = observed(deployment(2, 2), hpa=found)
        one = condition(compute(spec, seen, now=now, absent=absent), "AutoscalingActive")
        assert one is not None
        return one.status, one.reason, one.message

    def test_it_is_told_from_the_first_word_and_costs_no_write_when_patience_ends(self) -> None:
        begun = compute(SCALED, observed(), now=SOON, absent=CPU)
        first = condition(begun, "AutoscalingActive")
        assert first is not None
        assert (first.status, first.reason) == ("False", "MetricsNotServed")
        assert "metrics.k8s.io (metrics-server does)" in first.message
        ready = compute(SCALED, observed(deployment(2, 2), hpa=hpa(None)), begun, absent=CPU)
        for now in (SOON, LATE):
            seen = observed(deployment(2, 2), hpa=hpa())
            assert compute(SCALED, seen, ready, now, absent=CPU) == ready
            assert status.look_again(a_human(SCALED), ready, seen, now) is None

    @pytest.mark.parametrize(
        ("spec", "absent", "expected"),
        [
            (SCALED, CPU, "MetricsNotServed"),
            (SCALED, PODS, "WaitingForMetrics"),
            (BY_GPU, PODS, "MetricsNotServed"),
            (BY_GPU, CPU, "WaitingForMetrics"),
            (BY_ALL, CPU | PODS, "MetricsNotServed"),
            (BY_ALL, PODS, "WaitingForMetrics"),
        ],
    )
    def test_only_when_none_of_its_metrics_is_served(
        self, spec: dict[str, Any], absent: frozenset[str], expected: str
    ) -> None:
        assert self.told(spec, absent, hpa())[1] == expected

    def test_one_that_is_not_served_is_told_beside_the_others(self) -> None:
        state, reason, message = self.told(BY_ALL, PODS, hpa(GOOD))
        assert (state, reason) == ("True", "ValidMetricFound")
        assert "custom.metrics.k8s.io (an adapter such as prometheus-adapter does)" in message

    def test_other_trouble_keeps_its_own_words(self) -> None:
        bad = HpaCondition("False", "InvalidMetricSourceType", "no")
        assert self.told(SCALED, CPU, hpa(bad))[1] == "InvalidMetricSourceType"

    def test_the_autoscaler_knows_better(self) -> None:
        assert self.told(SCALED, CPU, hpa(GOOD))[0] == "True"

    def test_metrics_that_are_installed_begin_the_usual_way(self) -> None:
        assert self.told(SCALED, frozenset(), hpa())[1] == "WaitingForMetrics"
        assert self.told(SCALED, frozenset(), hpa(), LATE)[1] == "FailedGetResourceMetric"


def decided(found: DigitalHumanStatus) -> list[tuple[int | None, int]]:
    return [(one.from_replicas, one.to_replicas) for one in found.scaling_decisions]


class TestDecisions:
    def scaled(self, minute: int, current: int, desired: int) -> HpaState:
        said = (
            "the HPA was able to successfully calculate a replica count from cpu resource"
            " utilization (percentage of request)"
        )
        active = HpaCondition("True", "ValidMetricFound", said)
        at = f"2026-03-01T12:{minute:02}:00Z"
        return hpa(active, scaled=at, current=current, desired=desired)

    def test_decision_is_remembered_once(self) -> None:
        first, _ = look(self.scaled(1, 2, 4), LATE)
        assert decided(first) == [(2, 4)]
        assert first.scaling_decisions[0].reason == (
            "cpu resource utilization (percentage of request)"
        )
        assert look(self.scaled(1, 4, 4), LATE, first)[0] == first

    def test_number_before_is_known_from_the_decision_before(self) -> None:
        first, _ = look(self.scaled(1, 2, 4), LATE)
        second, _ = look(self.scaled(2, 5, 5), LATE, first)
        assert decided(second) == [(2, 4), (4, 5)]

    def test_only_the_last_ten_are_kept(self) -> None:
        found: DigitalHumanStatus | None = None
        for minute in range(1, 15):
            found, _ = look(self.scaled(minute, 2, 3 + minute % 2), LATE, found)
        assert found is not None
        assert len(found.scaling_decisions) == 10
        assert found.scaling_decisions[-1].time == "2026-03-01T12:14:00Z"

    def test_they_outlive_the_autoscaler(self) -> None:
        first, _ = look(self.scaled(1, 2, 4), LATE)
        assert decided(compute({}, observed(deployment()), first)) == [(2, 4)]


@pytest.mark.parametrize(
    ("spec", "seen", "expected"),
    [
        ({}, observed(deployment(0, 2)), ("Rolling", "UnderWay", 2, 0)),
        ({}, observed(deployment(2, 2, updated=1)), ("Rolling", "UnderWay", 1, 1)),
        ({}, observed(deployment(1, 1)), ("Rolling", "Complete", 1, 0)),
        ({"rollout": {"recreate": {}}}, observed(deployment()), ("Recreate", "Complete", 1, 0)),
        (
            {},
            observed(deployment(0, progress_reason="ProgressDeadlineExceeded")),
            ("Rolling", "Failed", 1, 0),
        ),
        ({"replicas": 0}, observed(deployment(0, 0)), None),
        ({"mode": "Paused"}, observed(paused_differences=3), None),
    ],
)
def test_rollout(spec: dict[str, Any], seen: Any, expected: tuple[Any, ...] | None) -> None:
    found = compute(spec, seen).rollout
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert (found.strategy, found.step, found.updated, found.outdated) == expected


def test_capacity_is_that_of_the_pods_that_answer() -> None:
    found = compute({"replicas": 3, "sessions": {"perReplica": 5}}, observed(deployment(2, 3)))
    assert found.sessions is not None
    assert found.sessions.capacity == 10
