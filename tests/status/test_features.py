"""Conditions of one feature each, and what Pods and volumes say."""

from typing import Any, ClassVar

import pytest

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.status import DigitalHumanStatus
from digital_human_operator.observed import Observed
from digital_human_operator.states import (
    AddressState,
    CronJobState,
    DeploymentState,
    JobState,
    PodState,
    Progress,
    PvcState,
    RouteState,
    StatefulSetState,
)
from digital_human_operator.status.pods import scheduler
from tests.status.looks import (
    BACKUP,
    FETCHED,
    GPU,
    NO_CPU,
    NO_GPU,
    REDIS,
    SCALED,
    compute,
    condition,
    deployment,
    fetch_job,
    observed,
    reason,
    value,
)
from tests.support.builders import a_human


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

    @pytest.mark.parametrize(
        "afterword",
        [
            "",
            " preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
            " no new claims to deallocate,",
            " no new claims to deallocate, preemption: 0/3 nodes are available: 3 Not helpful.",
        ],
    )
    def test_scheduler_is_quoted_without_its_way_out(self, afterword: str) -> None:
        said = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
        pod = PodState(unscheduled="Unschedulable", unscheduled_message=said + afterword)
        assert scheduler(pod) == said

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

    def test_pull_secret_that_cannot_be_used_is_named_before_the_registrys_answer(self) -> None:
        seen = observed(deployment(0), pods=(self.pod("ImagePullBackOff", "401"),))
        found = compute({}, seen, pull_secrets=('Secret "pull" does not exist',))
        ready = condition(found, "Ready")
        assert ready is not None
        assert ready.message.endswith('cannot pull its image: Secret "pull" does not exist; 401')
        assert reason(found, "Warning") == "SecretMissing"

    def test_pull_secret_alone_does_not_gate_ready(self) -> None:
        found = compute({}, observed(deployment()), pull_secrets=('Secret "pull" is not there',))
        assert found.phase == "Ready"
        assert reason(found, "Warning") == "SecretMissing"

    def test_deadline_tells_the_cause(self) -> None:
        seen = observed(
            deployment(0, progress_reason="ProgressDeadlineExceeded"),
            pods=(self.pod("ImagePullBackOff", "not found"),),
        )
        stalled = condition(compute({}, seen), "Stalled")
        assert stalled is not None
        assert "not found" in stalled.message

    def test_redis_without_a_pod_says_where_the_reason_is(self) -> None:
        state = StatefulSetState(1, 1, 1, 0, 0)
        pod = PodState(component="redis", phase="Running")
        ready = [
            condition(compute(REDIS, observed(deployment(), redis=state, pods=pods)), "Ready")
            for pods in ((), (pod,))
        ]
        assert [one.message for one in ready if one] == [
            (
                "StatefulSet ada-redis has no Pod yet; if that lasts,"
                " `kubectl describe statefulset ada-redis` says why"
            ),
            "Redis is not ready",
        ]

    def test_fetch_without_a_pod_says_where_the_reason_is(self) -> None:
        human = a_human(FETCHED)
        name = fetch_job(human)
        found = compute(human, observed(deployment(0), jobs={name: JobState()}))
        for kind in ("Ready", "ModelsReady"):
            one = condition(found, kind)
            assert one is not None
            assert one.message.startswith(f"Job {name} has no Pod yet")
            assert f"`kubectl describe job {name}`" in one.message
        going = compute(human, observed(deployment(0), jobs={name: JobState(active=1)}))
        one = condition(going, "ModelsReady")
        assert one is not None
        assert one.message == "the weights are being fetched"

    def test_face_whose_pods_are_refused_says_why(self) -> None:
        used = "requested: pods=1, used: pods=0, limited: pods=0"
        failure = f"pods is forbidden: exceeded quota: tight, {used}"
        seen = observed(deployment(), face=deployment(0, failure=failure))
        found = compute({"face": {"managed": {"gpu": {"profile": "l4"}}}}, seen)
        assert reason(found) == "QuotaExceeded"

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

    @pytest.mark.parametrize("runtime", [None, deployment(1)])
    def test_fetched_since_is_not_ready_before_the_pods_follow(
        self, runtime: DeploymentState | None
    ) -> None:
        human = a_human(FETCHED)
        seen = observed(runtime, jobs={fetch_job(human): JobState(complete=True)})
        found = compute(human, seen, withheld=frozenset({names.RUNTIME}))
        assert value(found, "Ready") != "True"
        assert reason(found) == "FetchingModels"

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


class TestClaims:
    STORED: ClassVar[dict[str, Any]] = {"storage": {"models": {}}}
    UNBOUND = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."

    def waiting(self, component: str, said: str = UNBOUND) -> PodState:
        return PodState(
            component=component,
            phase="Pending",
            unscheduled="Unschedulable",
            unscheduled_message=said,
        )

    @pytest.mark.parametrize(
        ("storage_class", "says"),
        [
            ("fast", "waits for a volume of StorageClass fast; if that lasts"),
            (None, "waits for a volume of the cluster's default StorageClass; if that lasts"),
            ("", "waits for a volume that somebody makes by hand, as its StorageClass is empty"),
        ],
    )
    def test_waiting_claim_says_of_what_class_and_where_to_look(
        self, storage_class: str | None, says: str
    ) -> None:
        claim = PvcState("Pending", "5Gi", storage_class=storage_class)
        found = compute(self.STORED, observed(deployment(0), claim=claim))
        assert reason(found) == "VolumePending"
        for name in ("Ready", "StorageBound"):
            told = condition(found, name)
            assert told is not None
            assert told.status == "False"
            assert f"claim ada-models {says}" in told.message
            assert "`kubectl get storageclass`" in told.message
            assert "`kubectl describe pvc ada-models`" in told.message

    @pytest.mark.parametrize(
        ("spec", "component", "kind", "name"),
        [
            (STORED, "runtime", "claim", "ada-models"),
            (FETCHED, "model-fetch", "claim", "ada-models"),
            (REDIS, "redis", "redis_claim", "data-ada-redis-0"),
        ],
    )
    def test_scheduler_that_waits_for_a_volume_is_told_by_the_claim(
        self, spec: dict[str, Any], component: str, kind: str, name: str
    ) -> None:
        human = a_human(spec)
        state = PvcState("Pending", "5Gi", storage_class="typo")
        jobs = {fetch_job(human): JobState(active=1)} if spec is FETCHED else {}
        seen = observed(deployment(0), jobs=jobs, pods=(self.waiting(component),), **{kind: state})
        ready = condition(compute(human, seen), "Ready")
        assert ready is not None
        assert ready.reason == "VolumePending"
        assert ready.message.startswith(f"claim {name} waits for a volume of StorageClass typo")

    def test_deadline_names_the_claim(self) -> None:
        seen = observed(
            deployment(0, progress_reason="ProgressDeadlineExceeded"),
            claim=PvcState("Pending", "5Gi", storage_class="typo"),
            pods=(self.waiting("runtime"),),
        )
        stalled = condition(compute(self.STORED, seen), "Stalled")
        assert stalled is not None
        assert "no progress: claim ada-models waits" in stalled.message

    def test_scheduler_keeps_its_words_about_anything_else(self) -> None:
        claim = PvcState("Pending", "5Gi")
        said = "0/3 nodes are available: 3 Insufficient cpu."
        seen = observed(deployment(0), claim=claim, pods=(self.waiting("runtime", said),))
        assert reason(compute(self.STORED, seen)) == "Unschedulable"
        bound = observed(
            deployment(0), claim=PvcState("Bound"), pods=(self.waiting("runtime", self.UNBOUND),)
        )
        assert reason(compute(self.STORED, bound)) == "Unschedulable"

    def test_claim_of_redis_is_told_beside_that_of_the_weights(self) -> None:
        ready = StatefulSetState(1, 1, 1, 1, 1)
        bound = PvcState("Bound", "5Gi", "5Gi")
        seen = observed(deployment(), claim=bound, redis=ready, redis_claim=bound)
        found = compute(REDIS | self.STORED, seen)
        told = condition(found, "StorageBound")
        assert told is not None
        assert (told.status, told.reason) == ("True", "Bound")
        assert told.message == "claim ada-models has 5Gi; claim data-ada-redis-0 has 5Gi"
        assert found.phase == "Ready"

    def test_one_claim_that_waits_is_told_alone(self) -> None:
        bound, waits = PvcState("Bound", "5Gi", "5Gi"), PvcState("Pending", storage_class="slow")
        seen = observed(deployment(0), claim=bound, redis_claim=waits)
        told = condition(compute(REDIS | self.STORED, seen), "StorageBound")
        assert told is not None
        assert told.status == "False"
        assert told.message.startswith("claim data-ada-redis-0 waits")

    def test_claim_of_redis_that_we_cannot_see_is_not_waited_for(self) -> None:
        """A StatefulSet uses a claim of its name that is there already, whatever its labels."""
        seen = observed(deployment(), redis=StatefulSetState(1, 1, 1, 1, 1))
        found = compute(REDIS, seen)
        assert found.phase == "Ready"
        assert condition(found, "StorageBound") is None

    def test_lost_volume_of_redis_is_trouble(self) -> None:
        found = compute(REDIS, observed(deployment(), redis_claim=PvcState("Lost")))
        assert reason(found) == "VolumeLost"
        assert value(found, "StorageBound") == "False"


class TestNothingMayBeRolledOut:
    """Without a Deployment that will come there is no rollout, and no Pod to wait for."""

    TOO_BIG: ClassVar[dict[str, Any]] = GPU | {
        "llm": {"transformers": {"model": "llama3:70b"}},
    }

    @pytest.mark.parametrize(
        ("spec", "seen", "expected"),
        [
            (TOO_BIG, observed(), "ModelDoesNotFit"),
            (GPU, observed(missing=("Secret x does not exist",)), "SecretMissing"),
            (GPU, observed(foreign=("ConfigMap ada",)), "ForeignObject"),
            (GPU, observed(failed=(("Deployment ada", "Invalid", "no"),)), "ChildRefused"),
        ],
    )
    def test_trouble_before_the_deployment(
        self, spec: dict[str, Any], seen: Observed, expected: str
    ) -> None:
        found = compute(spec, seen)
        assert reason(found) == expected
        assert condition(found, "RolloutHealthy") is None
        assert condition(found, "GPUSatisfied") is None

    def test_trouble_beside_a_deployment(self) -> None:
        found = compute(GPU, observed(deployment(), missing=("Secret x does not exist",)))
        assert value(found, "RolloutHealthy") == "True"
        assert value(found, "GPUSatisfied") == "True"

    def test_deployment_on_its_way(self) -> None:
        found = compute(GPU, observed())
        assert value(found, "RolloutHealthy") == "Unknown"
        assert value(found, "GPUSatisfied") == "Unknown"


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

    @pytest.mark.parametrize(
        ("kind", "host"),
        [("ClusterIP", "ada.humans.svc"), ("LoadBalancer", "ada-headless.humans.svc")],
    )
    def test_grpc_is_where_its_port_is(self, kind: str, host: str) -> None:
        found = compute({"network": {"expose": {"type": kind}}}, observed(deployment()))
        assert found.endpoints is not None
        assert found.endpoints.grpc == f"{host}:50051"

    def test_warnings_and_budget(self) -> None:
        found = compute({"budget": {"monthly": 5}}, observed(deployment()))
        assert value(found, "BudgetOK") == "Unknown"
        assert value(found, "Warning") == "True"
        assert len(found.warnings) == 1
        assert found.phase == "Ready"
