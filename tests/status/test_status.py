"""Tables of what was observed, and what status makes of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_human_operator import names, status
from digital_human_operator.api.v1alpha1.status import Condition, DigitalHumanStatus
from digital_human_operator.human import Human
from digital_human_operator.observed import Observed
from digital_human_operator.states import (
    AddressState,
    CronJobState,
    DeploymentState,
    HpaCondition,
    HpaState,
    JobState,
    PodState,
    Progress,
    PvcState,
    RouteState,
    StatefulSetState,
)
from tests.support.builders import a_decision, a_human
from tests.support.kstatus import verdict, violations

NOW = "2026-03-01T12:00:00Z"
LATER = "2026-03-01T13:00:00Z"
Children = Mapping[tuple[str, str], Any]


def deployment(ready: int = 1, desired: int = 1, **changes: Any) -> DeploymentState:
    full = {
        "generation": 1,
        "observed_generation": 1,
        "desired": desired,
        "replicas": desired,
        "updated": desired,
        "ready": ready,
        "available": ready,
        "progress_reason": "NewReplicaSetAvailable" if ready >= desired else "ReplicaSetUpdated",
    }
    return DeploymentState(**(full | changes))


def observed(runtime: DeploymentState | None = None, **kinds: Any) -> Observed:
    """``runtime`` and children by keyword, for example ``hpa=HpaState()``."""
    keys = {
        "hpa": ("HorizontalPodAutoscaler", "ada"),
        "redis": ("StatefulSet", "ada-redis"),
        "face": ("Deployment", "ada-audio2face"),
        "claim": ("PersistentVolumeClaim", "ada-models"),
        "backup": ("CronJob", names.backup("ada")),
        "drill": ("CronJob", names.drill("ada")),
        "service": ("Service", "ada"),
        "ingress": ("Ingress", "ada"),
        "route": ("HTTPRoute", "ada"),
    }
    children = {keys[k]: v for k, v in kinds.items() if k in keys}
    children |= {("Job", name): state for name, state in kinds.pop("jobs", {}).items()}
    if runtime is not None:
        children["Deployment", "ada"] = runtime
    rest = {k: v for k, v in kinds.items() if k not in keys}
    return Observed(children=children, **rest)


def compute(
    spec: dict[str, Any] | Human,
    seen: Observed,
    previous: DigitalHumanStatus | None = None,
    now: str = NOW,
) -> DigitalHumanStatus:
    human = spec if isinstance(spec, Human) else a_human(spec)
    found = status.compute(human, a_decision(human), seen, previous, now)
    check(human, found)
    return found


def check(human: Human, found: DigitalHumanStatus) -> None:
    """What must hold of every status."""
    obj = status.to_apply(human.namespace, human.name, human.uid, found)
    obj["metadata"]["generation"] = human.generation
    assert violations(obj) == []
    if condition(found, "Stalled"):
        assert verdict(obj) == "Failed"
        assert found.phase == "Failed"
    elif value(found, "Ready") == "True":
        assert verdict(obj) == "Current"
        assert found.phase == "Ready"
    else:
        assert verdict(obj) == "InProgress"
        assert found.phase != "Ready"


def condition(found: DigitalHumanStatus, name: str) -> Condition | None:
    return next((c for c in found.conditions if c.type == name), None)


def value(found: DigitalHumanStatus, name: str) -> str | None:
    one = condition(found, name)
    return one.status if one else None


def reason(found: DigitalHumanStatus, name: str = "Ready") -> str | None:
    one = condition(found, name)
    return one.reason if one else None


REDIS: dict[str, Any] = {"sessions": {"store": {"redis": {"managed": {}}}}}
FETCHED = {
    "llm": {
        "transformers": {"model": "llama3:8b", "source": {"huggingFace": {"repository": "a/b"}}}
    }
}
GPU = {"gpu": {"profile": "a100-80gb"}}
SCALED = {"autoscaling": {"minReplicas": 2, "maxReplicas": 5}}
BACKUP = {
    "backup": {
        "schedule": "@daily",
        "destination": {"persistentVolumeClaim": {"claimName": "x"}},
        "drill": {"schedule": "@weekly"},
    }
}


def fetch_job(human: Human) -> str:
    digest = a_decision(human).design.fetch_digest
    assert digest is not None
    return names.fetch("ada", digest)


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
                ("Degraded", "Paused"),
            ),
            ({}, observed(missing=("Secret x does not exist",)), ("Pending", "SecretMissing")),
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
            (None, ("Unknown", "Pending")),
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


NO_GPU = PodState(
    component="runtime",
    phase="Pending",
    unscheduled="Unschedulable",
    unscheduled_message="0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3",
)
NO_CPU = PodState(
    component="runtime",
    phase="Pending",
    unscheduled="Unschedulable",
    unscheduled_message="0/3 nodes are available: 3 Insufficient cpu.",
)


class TestPods:
    def pod(self, waiting: str, message: str = "") -> PodState:
        return PodState(
            component="runtime",
            phase="Pending",
            waiting=waiting,
            waiting_message=message,
            container="runtime",
        )

    def test_missing_gpus_are_counted(self) -> None:
        spec = {"gpu": {"profile": "a100-80gb", "count": 2}, "replicas": 3}
        ready = PodState(component="runtime", phase="Running", ready=True)
        found = compute(spec, observed(deployment(1, 3), pods=(ready, NO_GPU, NO_GPU)))
        satisfied = condition(found, "GPUSatisfied")
        assert satisfied is not None
        assert satisfied.status == "False"
        assert satisfied.message == (
            "4 GPUs are missing: 2 of 3 Pods wait for a node with 2 x a100-80gb:"
            " 0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
        )
        assert reason(found) == "GPUsMissing"

    def test_other_shortage_is_no_missing_gpu(self) -> None:
        found = compute(GPU, observed(deployment(0), pods=(NO_CPU,)))
        assert reason(found) == "Unschedulable"
        assert value(found, "GPUSatisfied") == "Unknown"

    def test_shortage_beyond_the_lower_bound_does_not_gate_ready(self) -> None:
        ready = PodState(component="runtime", phase="Running", ready=True)
        seen = observed(deployment(2, 3), pods=(ready, ready, NO_GPU))
        found = compute(SCALED | GPU, seen)
        assert found.phase == "Ready"
        assert value(found, "GPUSatisfied") == "False"

    @pytest.mark.parametrize(
        ("waiting", "expected"),
        [
            ("ImagePullBackOff", "ImagePullFailed"),
            ("InvalidImageName", "ImagePullFailed"),
            ("CrashLoopBackOff", "ContainerCrashing"),
            ("OOMKilled", "ContainerCrashing"),
            ("CreateContainerConfigError", "ContainerConfigError"),
        ],
    )
    def test_kubelet_trouble(self, waiting: str, expected: str) -> None:
        found = compute({}, observed(deployment(0), pods=(self.pod(waiting, "why"),)))
        ready = condition(found, "Ready")
        assert ready is not None
        assert ready.reason == expected
        assert ready.message.startswith("container runtime of 1 of 1 Pods ")
        assert ready.message.endswith(": why")

    def test_deadline_tells_the_cause(self) -> None:
        seen = observed(
            deployment(0, progress_reason="ProgressDeadlineExceeded"),
            pods=(self.pod("ImagePullBackOff", "not found"),),
        )
        stalled = condition(compute({}, seen), "Stalled")
        assert stalled is not None
        assert "not found" in stalled.message

    def test_pods_of_others_do_not_matter(self) -> None:
        pod = PodState(component="backup", waiting="CrashLoopBackOff", container="backup")
        assert compute({}, observed(deployment(), pods=(pod,))).phase == "Ready"


class TestModels:
    @pytest.mark.parametrize(
        ("job", "expected"),
        [
            (None, ("Unknown", "FetchingModels")),
            (JobState(active=1), ("False", "FetchingModels")),
            (JobState(failed_reason="BackoffLimitExceeded"), ("False", "ModelFetchFailed")),
            (JobState(complete=True), ("True", "PodsNotReady")),
        ],
    )
    def test_fetch(self, job: JobState | None, expected: tuple[str, str]) -> None:
        human = a_human(FETCHED)
        jobs = {} if job is None else {fetch_job(human): job}
        found = compute(human, observed(deployment(0), jobs=jobs))
        assert (value(found, "ModelsReady"), reason(found)) == expected

    def test_progress_in_steps(self) -> None:
        human = a_human(FETCHED)
        gib = 2**30

        def at(done: int, left: int) -> DigitalHumanStatus:
            progress = Progress(bytes=done, total=40 * gib, seconds_left=left)
            job = JobState(active=1, progress=progress)
            return compute(human, observed(deployment(0), jobs={fetch_job(human): job}))

        ready = condition(at(10 * gib, 230), "ModelsReady")
        assert ready is not None
        assert ready.message == (
            "10.0 of 40.0 GiB of the weights are fetched, about 4 minutes left"
        )
        assert at(10 * gib, 230) == at(10 * gib + 1000, 190)

    def test_done_is_all_of_it(self) -> None:
        human = a_human(FETCHED)
        job = JobState(complete=True, progress=Progress(bytes=5, total=7, seconds_left=1))
        found = compute(human, observed(deployment(), jobs={fetch_job(human): job}))
        assert found.phase == "Ready"
        assert found.models is not None
        assert (found.models.bytes_fetched, found.models.seconds_left) == (7, None)

    def test_fetching_pod_in_trouble_is_named(self) -> None:
        human = a_human(FETCHED)
        pod = PodState(component="model-fetch", waiting="ImagePullBackOff", container="fetch")
        seen = observed(deployment(0), jobs={fetch_job(human): JobState(active=1)}, pods=(pod,))
        assert reason(compute(human, seen)) == "ImagePullFailed"

    @pytest.mark.parametrize(
        ("claim", "expected"),
        [
            (None, "Unknown"),
            (PvcState("Pending", "5Gi"), "False"),
            (PvcState("Bound", "5Gi", "5Gi"), "True"),
            (PvcState("Bound", "9Gi", "5Gi", "cannot grow"), "False"),
        ],
    )
    def test_volume(self, claim: PvcState | None, expected: str) -> None:
        found = compute({"storage": {"models": {}}}, observed(deployment(0), claim=claim))
        assert value(found, "StorageBound") == expected


class TestFeatures:
    def test_conditions_go_with_their_features(self) -> None:
        types = {c.type for c in compute({}, observed(deployment())).conditions}
        assert types == {"Ready", "Serving", "RolloutHealthy"}

    @pytest.mark.parametrize(
        ("job", "expected"),
        [
            (None, "Unknown"),
            (CronJobState(), "Unknown"),
            (CronJobState("2026-03-01T02:00:00Z", None, active=1), "Unknown"),
            (CronJobState("2026-03-01T02:00:00Z", None), "False"),
            (CronJobState("2026-03-01T02:00:00Z", "2026-02-28T02:10:00Z"), "False"),
            (CronJobState("2026-03-01T02:00:00Z", "2026-02-28T02:10:00Z", active=1), "True"),
            (CronJobState("2026-03-01T02:00:00Z", "2026-03-01T02:10:00Z"), "True"),
            (CronJobState("2026-03-01T02:00:00Z", None, suspended=True), "Unknown"),
        ],
    )
    def test_backups_and_drills(self, job: CronJobState | None, expected: str) -> None:
        found = compute(BACKUP, observed(deployment(), backup=job, drill=job))
        assert value(found, "BackupHealthy") == expected
        assert value(found, "RestoreProven") == expected
        assert found.phase == "Ready"

    def test_last_backup_survives_its_cron_job(self) -> None:
        job = CronJobState("2026-03-01T02:00:00Z", "2026-03-01T02:10:00Z")
        before = compute(BACKUP, observed(deployment(), backup=job))
        after = compute(BACKUP, observed(deployment()), before)
        assert after.backup is not None
        assert after.backup.last_success == "2026-03-01T02:10:00Z"

    @pytest.mark.parametrize(
        ("expose", "children", "expected"),
        [
            ({"type": "LoadBalancer"}, {}, ("Unknown", None)),
            (
                {"type": "LoadBalancer"},
                {"service": AddressState("10.0.0.9")},
                ("True", "http://10.0.0.9"),
            ),
            (
                {"type": "Ingress", "host": "ada.example"},
                {"ingress": AddressState("10.0.0.9")},
                ("True", "http://ada.example"),
            ),
            (
                {"type": "Gateway", "host": "ada.example", "gateway": {"name": "g"}},
                {"route": RouteState(accepted=False, message="no such listener")},
                ("False", "http://ada.example"),
            ),
            (
                {"type": "Gateway", "host": "ada.example", "gateway": {"name": "g"}},
                {"route": RouteState(accepted=True)},
                ("True", "http://ada.example"),
            ),
        ],
    )
    def test_exposed(
        self, expose: dict[str, Any], children: dict[str, Any], expected: tuple[str, str | None]
    ) -> None:
        found = compute({"network": {"expose": expose}}, observed(deployment(), **children))
        assert found.endpoints is not None
        assert (value(found, "Exposed"), found.endpoints.external) == expected
        assert found.phase == "Ready"

    def test_warnings_and_budget(self) -> None:
        found = compute({"budget": {"monthly": 5}}, observed(deployment()))
        assert value(found, "BudgetOK") == "Unknown"
        assert value(found, "Warning") == "True"
        assert len(found.warnings) == 1
        assert found.phase == "Ready"


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


class TestFirst:
    def test_says_unknown_before_anything_exists(self) -> None:
        human = a_human(GPU | FETCHED)
        found = status.first(human, a_decision(human), NOW)
        check(human, found)
        assert value(found, "Ready") == "Unknown"
        assert value(found, "Reconciling") == "True"
        assert found.phase == "Pending"
        assert found.memory_plan is not None

    def test_happy_path_is_two_writes_that_cannot_wait(self) -> None:
        human = a_human(GPU | {"replicas": 3})
        told = status.first(human, a_decision(human), NOW)
        steps = [
            observed(),
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
    told = status.first(human, a_decision(human), NOW)
    warming = compute(human, observed(deployment()), told)
    assert warming.phase == "Warming"
    redis = StatefulSetState(1, 1, 1, 1, 1)
    ready = compute(human, observed(deployment(), redis=redis), warming)
    assert compute(human, observed(deployment()), ready).phase == "Degraded"
