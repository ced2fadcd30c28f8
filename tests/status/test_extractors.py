"""Objects as the API server shows them, and what is remembered of them."""

from typing import Any

import msgspec
import pytest

from digital_human_operator.observed import EXTRACTORS
from digital_human_operator.states import (
    AddressState,
    CronJobState,
    DeploymentState,
    HpaCondition,
    HpaState,
    JobState,
    PdbState,
    PodState,
    Progress,
    PvcState,
    RouteState,
    StatefulSetState,
)

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def extract(kind: str, **fields: Any) -> Any:
    return EXTRACTORS[kind](_decode(msgspec.json.encode(fields)))


def condition(name: str, value: str, reason: str = "R", message: str = "m") -> dict[str, str]:
    return {"type": name, "status": value, "reason": reason, "message": message}


@pytest.mark.parametrize("kind", sorted(EXTRACTORS))
@pytest.mark.parametrize(
    "fields", [{}, {"metadata": {}, "spec": {}, "status": {}}, {"status": None}]
)
def test_new_object_has_a_state(kind: str, fields: dict[str, Any]) -> None:
    assert extract(kind, **fields) is not None


def test_deployment() -> None:
    found = extract(
        "Deployment",
        metadata={"name": "ada", "generation": 3},
        spec={"replicas": 3, "template": {"spec": {"containers": [{"name": "x"}]}}},
        status={
            "observedGeneration": 2,
            "replicas": 4,
            "updatedReplicas": 2,
            "readyReplicas": 3,
            "availableReplicas": 3,
            "conditions": [
                condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out"),
                condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota"),
            ],
        },
    )
    assert found == DeploymentState(
        generation=3,
        observed_generation=2,
        desired=3,
        replicas=4,
        updated=2,
        ready=3,
        available=3,
        progress_reason="ProgressDeadlineExceeded",
        progress_message="timed out",
        failure="exceeded quota",
    )


def test_counting_message_of_a_deployment_is_not_remembered() -> None:
    def one(message: str) -> Any:
        progressing = condition("Progressing", "True", "ReplicaSetUpdated", message)
        return extract("Deployment", status={"conditions": [progressing]})

    assert one("1 of 3 updated") == one("2 of 3 updated")


def test_stateful_set() -> None:
    found = extract(
        "StatefulSet",
        metadata={"generation": 1},
        spec={"replicas": 1},
        status={"observedGeneration": 1, "updatedReplicas": 1, "readyReplicas": 1},
    )
    assert found == StatefulSetState(1, 1, 1, 1, 1)


LABELS = {"labels": {"app.kubernetes.io/component": "runtime"}}


def a_pod(container: dict[str, Any], *conditions: dict[str, str]) -> PodState:
    found: PodState = extract(
        "Pod",
        metadata=LABELS,
        status={
            "phase": "Pending",
            "conditions": list(conditions),
            "containerStatuses": [{"name": "runtime"} | container],
        },
    )
    return found


def test_unschedulable_pod() -> None:
    found = a_pod({}, condition("PodScheduled", "False", "Unschedulable", "0/3 nodes"))
    assert (found.component, found.unscheduled, found.unscheduled_message) == (
        "runtime",
        "Unschedulable",
        "0/3 nodes",
    )


@pytest.mark.parametrize("component", ["backup", "restore-drill", "runtime"])
def test_last_words_of_a_pod_count_where_they_are_meant_for_us(component: str) -> None:
    labels = {"app.kubernetes.io/component": component, "batch.kubernetes.io/job-name": "j"}
    labels |= {"aiqtoolkit.io/uid": "u"}
    ended = [
        {
            "name": n,
            "state": {"terminated": {"message": m, "finishedAt": f"2026-03-01T0{i}:00:00Z"}},
        }
        for i, (n, m) in enumerate((("a", '{"event":"created","id":"x","new":[1]}'), ("b", "no")))
    ]
    found = extract("Pod", metadata={"labels": labels}, status={"containerStatuses": ended})
    if component == "runtime":
        assert (found.job, found.results, found.ended) == ("", (), "")
        return
    assert found.job == "j"
    assert [(one.event, one.id) for one in found.results] == [("created", "x")]
    assert found.ended == "2026-03-01T01:00:00Z"
    assert found.human_uid == "u"


WAITING = {"waiting": {"reason": "PodInitializing"}}
RUNNING = {"running": {"startedAt": "2026-03-01T00:00:00Z"}}
DONE = {"terminated": {"exitCode": 0}}
BROKEN = {"terminated": {"exitCode": 3}}


@pytest.mark.parametrize(
    ("states", "step"),
    [
        ([], ""),
        ([{}, {}, {}], ""),
        ([WAITING, WAITING, WAITING], ""),
        ([RUNNING, WAITING, WAITING], "create"),
        ([DONE, WAITING, WAITING], "verify"),  # between the two, or it would be told of twice
        ([DONE, RUNNING, WAITING], "verify"),
        ([DONE, DONE, RUNNING], "prune"),
        ([DONE, DONE, DONE], ""),
        ([BROKEN, WAITING, WAITING], ""),
        ([DONE, BROKEN, WAITING], "verify"),
    ],
)
@pytest.mark.parametrize("component", ["backup", "runtime"])
def test_step_of_a_pod(states: list[dict[str, Any]], step: str, component: str) -> None:
    verbs = ("create", "verify", "prune")
    *first, last = [
        {"name": "istio-proxy", "state": RUNNING},  # somebody else's, and never over
        *({"name": verb, "state": state} for verb, state in zip(verbs, states, strict=False)),
    ]
    found = extract(
        "Pod",
        metadata={"labels": {"app.kubernetes.io/component": component}},
        status={"phase": "Pending", "initContainerStatuses": first, "containerStatuses": [last]},
    )
    assert found.step == (step if component == "backup" else "")


def test_starting_pod_is_not_stuck() -> None:
    assert a_pod({"state": {"waiting": {"reason": "ContainerCreating"}}}).waiting == ""


def test_ready_pod() -> None:
    assert a_pod({"state": {"running": {}}}, condition("Ready", "True")).ready


def test_image_that_cannot_be_pulled_looks_the_same_all_the_time() -> None:
    why = "rpc error: code = NotFound desc = x:1: not found"
    pulling = a_pod({"state": {"waiting": {"reason": "ErrImagePull", "message": why}}})
    backing_off = a_pod(
        {
            "state": {
                "waiting": {
                    "reason": "ImagePullBackOff",
                    "message": f'Back-off pulling image "x:1": ErrImagePull: {why}',
                }
            }
        }
    )
    assert pulling == backing_off
    assert pulling.waiting_message == why


def test_crash_loop_looks_the_same_all_the_time() -> None:
    ended = {"terminated": {"exitCode": 1, "reason": "Error"}}
    waiting = a_pod(
        {
            "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
            "lastState": ended,
        }
    )
    running = a_pod({"restartCount": 5, "state": {"running": {}}, "lastState": ended})
    over = a_pod({"restartCount": 5, "state": ended, "lastState": ended})
    assert waiting == running == over
    assert (waiting.waiting, waiting.waiting_message, waiting.restarts) == (
        "CrashLoopBackOff",
        "Error, exit code 1",
        3,
    )


def test_recovered_container_is_not_stuck() -> None:
    ended = {"terminated": {"exitCode": 1, "reason": "Error"}}
    found = a_pod({"restartCount": 5, "ready": True, "state": {"running": {}}, "lastState": ended})
    assert found.waiting == ""


def test_init_container_that_fails_is_found() -> None:
    found: PodState = extract(
        "Pod",
        metadata=LABELS,
        status={
            "initContainerStatuses": [
                {"name": "wait", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
            ],
            "containerStatuses": [
                {"name": "runtime", "state": {"waiting": {"reason": "PodInitializing"}}}
            ],
        },
    )
    assert (found.container, found.waiting) == ("wait", "OOMKilled")


def test_claim() -> None:
    found = extract(
        "PersistentVolumeClaim",
        spec={"resources": {"requests": {"storage": "10Gi"}}},
        status={
            "phase": "Bound",
            "capacity": {"storage": "5Gi"},
            "conditions": [condition("ControllerResizeError", "True", message="cannot grow")],
        },
    )
    assert found == PvcState("Bound", "10Gi", "5Gi", "cannot grow")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [({}, None), ({"storageClassName": ""}, ""), ({"storageClassName": "fast"}, "fast")],
)
def test_class_of_a_claim(spec: dict[str, str], expected: str | None) -> None:
    assert extract("PersistentVolumeClaim", spec=spec).storage_class == expected


def test_autoscaler() -> None:
    found = extract(
        "HorizontalPodAutoscaler",
        metadata={"creationTimestamp": "2026-03-01T12:00:00Z"},
        spec={"minReplicas": 2, "maxReplicas": 5},
        status={
            "lastScaleTime": "2026-03-01T12:01:00Z",
            "currentReplicas": 2,
            "desiredReplicas": 3,
            "conditions": [
                condition("AbleToScale", "True"),
                condition("ScalingActive", "False", "FailedGetPodsMetric", "no adapter"),
            ],
        },
    )
    assert found == HpaState(
        minimum=2,
        maximum=5,
        current=2,
        desired=3,
        created="2026-03-01T12:00:00Z",
        scaled="2026-03-01T12:01:00Z",
        able=HpaCondition("True", "R", "m"),
        active=HpaCondition("False", "FailedGetPodsMetric", "no adapter"),
    )


def test_disruption_budget() -> None:
    status = {"disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2}
    assert extract("PodDisruptionBudget", status=status) == PdbState(1, 3, 2)


@pytest.mark.parametrize(
    ("text", "progress"),
    [
        ('{"bytes": 5, "total": 9, "secondsLeft": 3}', Progress(5, 9, 3)),
        ('{"bytes": 5}', Progress(5)),
        ("nonsense", None),
        ('{"bytes": "many"}', None),
    ],
)
def test_job(text: str, progress: Progress | None) -> None:
    found = extract(
        "Job",
        metadata={"annotations": {"aiqtoolkit.io/fetch-progress": text}},
        status={"active": 1, "conditions": [condition("Failed", "True", "BackoffLimitExceeded")]},
    )
    assert found == JobState(
        failed_reason="BackoffLimitExceeded", failed_message="m", active=1, progress=progress
    )


def test_job_says_what_it_was_made_from() -> None:
    found = extract("Job", metadata={"annotations": {"aiqtoolkit.io/template": "0a"}}, status={})
    assert found == JobState(template="0a")


def test_complete_job() -> None:
    status = {
        "conditions": [condition("SuccessCriteriaMet", "True"), condition("Complete", "True")]
    }
    assert extract("Job", status=status).complete


def test_cron_job() -> None:
    found = extract(
        "CronJob",
        metadata={"creationTimestamp": "2026-02-01T00:00:00Z"},
        spec={"suspend": True},
        status={
            "lastScheduleTime": "2026-03-01T02:00:00Z",
            "lastSuccessfulTime": "2026-03-01T02:10:00Z",
            "active": [{"name": "x"}],
        },
    )
    assert found == CronJobState(
        "2026-03-01T02:00:00Z",
        "2026-03-01T02:10:00Z",
        suspended=True,
        active=1,
        created="2026-02-01T00:00:00Z",
    )


@pytest.mark.parametrize("kind", ["Service", "Ingress"])
def test_addresses(kind: str) -> None:
    status = {"loadBalancer": {"ingress": [{"ip": "10.0.0.9", "ports": []}]}}
    assert extract(kind, status=status) == AddressState("10.0.0.9")
    assert extract(kind, status={"loadBalancer": {}}) == AddressState()


def test_routes() -> None:
    def parents(*conditions: dict[str, str]) -> Any:
        return extract("HTTPRoute", status={"parents": [{"conditions": list(conditions)}]})

    assert extract("HTTPRoute", status={"parents": []}) == RouteState()
    assert parents(condition("Accepted", "True")) == RouteState(accepted=True)
    assert parents(condition("Accepted", "False", message="no listener")) == RouteState(
        accepted=False, message="no listener"
    )


def test_states_are_values() -> None:
    one, two = (extract("Deployment", spec={"replicas": 2}) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
