"""When status is written, what is told as an event, and that it settles."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_human_operator import status
from digital_human_operator.api.v1alpha1.status import DigitalHumanStatus
from digital_human_operator.observed import Observed
from digital_human_operator.states import (
    CronJobState,
    DeploymentState,
    HpaCondition,
    HpaState,
    PodState,
    PvcState,
    StatefulSetState,
)
from tests.status.looks import (
    BACKUP,
    FETCHED,
    GPU,
    LATER,
    NO_CPU,
    NO_GPU,
    NOW,
    REDIS,
    SCALED,
    check,
    compute,
    condition,
    deployment,
    observed,
    reason,
    value,
)
from tests.support.builders import a_human


class TestTime:
    def test_same_look_is_the_same_status_an_hour_later(self) -> None:
        before = compute(FETCHED | GPU, observed(deployment(0), pods=(NO_GPU,)))
        assert (
            compute(FETCHED | GPU, observed(deployment(0), pods=(NO_GPU,)), before, LATER) == before
        )

    def test_time_moves_only_with_the_status(self) -> None:
        before = compute({"replicas": 3}, observed(deployment(1, 3)))
        after = compute({"replicas": 3}, observed(deployment(2, 3)), before, LATER)
        assert condition(after, "Ready").last_transition_time == NOW  # type: ignore[union-attr]
        last = compute({"replicas": 3}, observed(deployment(3, 3)), after, LATER)
        assert condition(last, "Ready").last_transition_time == LATER  # type: ignore[union-attr]
        assert condition(last, "Serving").last_transition_time == NOW  # type: ignore[union-attr]

    def test_survives_the_way_over_the_wire(self) -> None:
        human = a_human(FETCHED | GPU | REDIS | BACKUP)
        before = compute(human, observed(deployment(0), pods=(NO_GPU,)))
        body = status.to_apply("humans", "ada", human.uid, before)
        again = DigitalHumanStatus.model_validate(
            msgspec.json.decode(msgspec.json.encode(body))["status"]
        )
        assert again == before
        assert "null" not in msgspec.json.encode(body).decode()
        assert body["metadata"]["uid"] == human.uid


UNTOLD = DigitalHumanStatus(phase="Pending")


class TestFirst:
    def test_is_about_the_children_as_they_are(self) -> None:
        human = a_human(GPU | FETCHED)
        found = compute(human, observed(), UNTOLD)
        assert value(found, "Ready") == "False"
        assert value(found, "Reconciling") == "True"
        assert found.phase == "Provisioning"
        assert found.memory_plan is not None

    @pytest.mark.parametrize(
        ("spec", "seen", "expected"),
        [
            ({}, observed(), "soon"),
            ({}, observed(deployment(0)), "soon"),
            ({}, observed(deployment()), "now"),
            ({}, observed(foreign=("Service ada",)), "now"),
            ({}, observed(missing=("a",)), "now"),
            ({}, observed(deployment(0), pods=(NO_CPU,)), "now"),
            ({"replicas": 0}, observed(deployment(0, 0)), "now"),
        ],
    )
    def test_waits_as_long_as_it_tells_of_progress_only(
        self, spec: dict[str, Any], seen: Observed, expected: str
    ) -> None:
        assert status.urgency(UNTOLD, compute(spec, seen, UNTOLD)) == expected

    def test_happy_path_is_one_write_that_cannot_wait(self) -> None:
        human = a_human(GPU | {"replicas": 3})
        told = compute(human, observed(), UNTOLD)
        steps = [
            observed(deployment(0, 3, replicas=0, updated=0, generation=1, observed_generation=0)),
            observed(deployment(0, 3)),
            observed(deployment(1, 3)),
            observed(deployment(2, 3)),
        ]
        for seen in steps:
            computed = compute(human, seen, told)
            assert status.urgency(told, computed) == "soon"
        ready = compute(human, observed(deployment(3, 3)), told)
        assert status.urgency(told, ready) == "now"
        assert (
            status.urgency(ready, compute(human, observed(deployment(3, 3)), ready, LATER)) is None
        )


class TestUrgency:
    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            (observed(deployment()), observed(deployment()), None),
            (observed(deployment()), observed(deployment(0)), "now"),
            (observed(deployment(0)), observed(deployment()), "now"),
            (observed(), observed(deployment(0)), "soon"),
            (observed(deployment(0)), observed(deployment(0), pods=(NO_CPU,)), "now"),
            (observed(deployment(0), pods=(NO_CPU,)), observed(deployment(0)), "now"),
            (observed(missing=("a",)), observed(missing=("b",)), "now"),
            (observed(missing=("a",)), observed(deployment(0)), "now"),
            (observed(), observed(foreign=("Service ada",)), "now"),
        ],
    )
    def test_what_somebody_waits_for_is_written_at_once(
        self, before: Observed, after: Observed, expected: str | None
    ) -> None:
        told = compute({}, before)
        assert status.urgency(told, compute({}, after, told, LATER)) == expected

    def test_new_generation_is_told_at_once(self) -> None:
        told = compute({}, observed(deployment()))
        newer = replace(a_human(), generation=2)
        assert status.urgency(told, compute(newer, observed(deployment()), told)) == "now"

    def test_failed_backup_is_told_at_once(self) -> None:
        told = compute(BACKUP, observed(deployment()))
        bad = CronJobState("2026-03-01T02:00:00Z", None)
        after = compute(BACKUP, observed(deployment(), backup=bad), told)
        assert status.urgency(told, after) == "now"

    def test_autoscaler_speaking_is_only_progress(self) -> None:
        told = compute(SCALED, observed(deployment(2, 2)))
        hpa = HpaState(active=HpaCondition("False", "FailedGetResourceMetric"))
        after = compute(SCALED, observed(deployment(2, 2), hpa=hpa), told)
        assert status.urgency(told, after) == "soon"


class TestNotes:
    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            (observed(), observed(deployment()), [("Ready", "Normal")]),
            (observed(deployment()), observed(deployment()), []),
            (observed(deployment()), observed(deployment(0)), [("PodsNotReady", "Warning")]),
            (observed(), observed(foreign=("Service ada",)), [("ForeignObject", "Warning")]),
            (observed(), observed(deployment(0)), []),
            (observed(deployment()), observed(deployment(generation=2)), [("Updating", "Normal")]),
        ],
    )
    def test_events(
        self, before: Observed, after: Observed, expected: list[tuple[str, str]]
    ) -> None:
        # Another generation, so that an unobserved Deployment is an update.
        told = compute({}, before)
        found = status.notable(told, compute(replace(a_human(), generation=2), after, told))
        assert [(n.reason, n.type) for n in found] == expected

    def test_first_start_without_trouble_is_told_by_status_alone(self) -> None:
        starting, foreign = compute({}, observed()), compute({}, observed(foreign=("Service ada",)))
        ready = observed(deployment())
        assert status.notable(starting, compute({}, ready, starting)) == ()
        found = status.notable(foreign, compute({}, ready, foreign))
        assert [n.reason for n in found] == ["Ready"]

    def test_failed_backup(self) -> None:
        bad = CronJobState("2026-03-01T02:00:00Z", None)
        told = compute(BACKUP, observed(deployment()))
        found = status.notable(told, compute(BACKUP, observed(deployment(), backup=bad), told))
        assert [n.reason for n in found] == ["BackupFailed"]


class TestRefused:
    def test_bad_spec_stalls_and_keeps_what_is_known(self) -> None:
        before = compute(REDIS, observed(deployment(), redis=StatefulSetState(1, 1, 1, 1, 1)))
        found = status.refused(7, "spec.replicas must be a whole number", before, LATER)
        check(replace(a_human(), generation=7), found)
        assert reason(found, "Stalled") == "InvalidSpec"
        assert value(found, "Serving") == "True"
        assert found.endpoints == before.endpoints
        assert status.refused(7, "spec.replicas must be a whole number", found, NOW) == found

    def test_without_any_status_before(self) -> None:
        found = status.refused(1, "bad", None, NOW)
        check(a_human(), found)
        assert status.urgency(None, found) == "now"


counts = st.integers(0, 5)
deployments = st.builds(
    DeploymentState,
    generation=st.integers(1, 3),
    observed_generation=st.integers(0, 3),
    desired=counts,
    replicas=counts,
    updated=counts,
    ready=counts,
    available=counts,
    progress_reason=st.sampled_from(
        ["", "NewReplicaSetAvailable", "ReplicaSetUpdated", "ProgressDeadlineExceeded"]
    ),
    failure=st.sampled_from(["", "quota"]),
)
pods = st.builds(
    PodState,
    component=st.sampled_from(["runtime", "audio2face", "redis", "model-fetch"]),
    phase=st.sampled_from(["Pending", "Running"]),
    ready=st.booleans(),
    unscheduled=st.sampled_from(["", "Unschedulable"]),
    unscheduled_message=st.sampled_from(["", "Insufficient nvidia.com/gpu", "Insufficient cpu"]),
    waiting=st.sampled_from(["", "CrashLoopBackOff", "ImagePullBackOff"]),
)
specs = st.builds(
    lambda *parts: {k: v for part in parts for k, v in part.items()},
    *(st.sampled_from([{}, part]) for part in (REDIS, FETCHED, GPU, BACKUP)),
    st.sampled_from([{}, SCALED, {"replicas": 0}, {"replicas": 3}]),
    st.sampled_from([{}, {"mode": "Suspended"}, {"mode": "Paused"}]),
    st.sampled_from([{}, {"face": {"managed": {"gpu": {"profile": "l4"}}}}]),
)
looks = st.builds(
    observed,
    st.none() | deployments,
    face=st.none() | deployments,
    redis=st.none() | st.builds(StatefulSetState, ready=counts),
    claim=st.none() | st.builds(PvcState, phase=st.sampled_from(["", "Pending", "Bound", "Lost"])),
    pods=st.lists(pods, max_size=4).map(tuple),
    missing=st.sampled_from([(), ("Secret x does not exist",)]),
    foreign=st.sampled_from([(), ("Service ada",)]),
    failed=st.sampled_from([(), (("Role ada", "Forbidden", "no"),), (("Job x", "Invalid", "no"),)]),
    paused_differences=st.sampled_from([None, 0, 2]),
)


@given(specs, looks, looks)
def test_any_look_follows_kstatus_and_settles(
    spec: dict[str, Any], one: Observed, two: Observed
) -> None:
    before = compute(spec, one)
    after = compute(spec, two, before, LATER)
    assert compute(spec, two, after, "2027-01-01T00:00:00Z") == after or _was_ready(before, after)
    assert status.urgency(after, after) is None
    status.notable(before, after)


def _was_ready(before: DigitalHumanStatus, after: DigitalHumanStatus) -> bool:
    """Being Ready before is remembered for one look: see View._was_ready."""
    return value(before, "Ready") != value(after, "Ready")


def test_what_was_never_ready_is_not_degraded() -> None:
    human = a_human(REDIS)
    told = compute(human, observed(), UNTOLD)
    warming = compute(human, observed(deployment()), told)
    assert warming.phase == "Warming"
    redis = StatefulSetState(1, 1, 1, 1, 1)
    ready = compute(human, observed(deployment(), redis=redis), warming)
    assert compute(human, observed(deployment()), ready).phase == "Degraded"
