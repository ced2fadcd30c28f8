"""
Takes the state of a child from an event that is not decoded otherwise.

An extractor gets the top-level fields of the object as raw JSON. It runs for every event of its
kind, so it decodes the few fields that it needs with typed decoders and skips the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from digital_human_operator import wire
from digital_human_operator.names import (
    ANNOTATION_FETCH,
    ANNOTATION_RECORDED,
    ANNOTATION_TEMPLATE,
    BACKUP,
    DRILL,
    LABEL_COMPONENT,
    LABEL_JOB,
    LABEL_UID,
    RESTORE,
)
from digital_human_operator.states import (
    RESTART_BUCKETS,
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
    Result,
    RouteState,
    StatefulSetState,
)

Fields = Mapping[str, msgspec.Raw]
T = TypeVar("T")


class _Part(Generic[T]):
    """Decodes one top-level field; a field that is absent or null gives the type's defaults."""

    def __init__(self, name: str, type_: type[T]) -> None:
        self._name = name
        self._decode = msgspec.json.Decoder(type_).decode
        self._absent = type_()

    def __call__(self, fields: Fields) -> T:
        raw = fields.get(self._name)
        if raw is None or bytes(raw) == b"null":
            return self._absent
        return self._decode(raw)


_metadata = _Part("metadata", wire.Metadata)
_labels = _Part("metadata", wire.Labels)
_annotations = _Part("metadata", wire.Annotations)
_replicas = _Part("spec", wire.Replicas)
_workload = _Part("status", wire.WorkloadStatus)
_pod = _Part("status", wire.PodStatus)
_pvc_spec = _Part("spec", wire.PvcSpec)
_pvc = _Part("status", wire.PvcStatus)
_hpa_spec = _Part("spec", wire.HpaSpec)
_hpa = _Part("status", wire.HpaStatus)
_pdb = _Part("status", wire.PdbStatus)
_job = _Part("status", wire.JobStatus)
_cron_spec = _Part("spec", wire.CronJobSpec)
_cron = _Part("status", wire.CronJobStatus)
_address = _Part("status", wire.AddressStatus)
_route = _Part("status", wire.RouteStatus)
_decode_result = msgspec.json.Decoder(Result).decode
_decode_progress = msgspec.json.Decoder(Progress).decode
_NONE = wire.Condition()


def _find(conditions: wire.Conditions, name: str) -> wire.Condition:
    for condition in conditions or ():
        if condition.type == name:
            return condition
    return _NONE


def deployment(fields: Fields) -> DeploymentState:
    """State of a Deployment."""
    wanted = _replicas(fields).replicas
    status = _workload(fields)
    progress = _find(status.conditions, "Progressing")
    failure = _find(status.conditions, "ReplicaFailure")
    return DeploymentState(
        generation=_metadata(fields).generation,
        observed_generation=status.observed_generation,
        desired=1 if wanted is None else wanted,
        replicas=status.replicas,
        updated=status.updated_replicas,
        ready=status.ready_replicas,
        available=status.available_replicas,
        progress_reason=progress.reason or "",
        # While it progresses the message counts along; only a standstill is worth remembering.
        progress_message=(progress.message or "") if progress.status == "False" else "",
        failure=(failure.message or failure.reason or "") if failure.status == "True" else "",
    )


def stateful_set(fields: Fields) -> StatefulSetState:
    """State of a StatefulSet."""
    wanted = _replicas(fields).replicas
    status = _workload(fields)
    return StatefulSetState(
        generation=_metadata(fields).generation,
        observed_generation=status.observed_generation,
        desired=1 if wanted is None else wanted,
        updated=status.updated_replicas,
        ready=status.ready_replicas,
    )


def pod(fields: Fields) -> PodState:
    """State of a Pod."""
    status = _pod(fields)
    scheduled = _find(status.conditions, "PodScheduled")
    unscheduled = scheduled.status == "False"
    containers = (*(status.init_container_statuses or ()), *(status.container_statuses or ()))
    container, waiting, message = _stuck(containers)
    restarts = sum(c.restart_count for c in containers)
    labels = _labels(fields).labels or {}
    component = labels.get(LABEL_COMPONENT, "")
    tells = component in _TELLING
    job, results, ended = _ended(labels, containers) if tells else ("", (), "")
    return PodState(
        component=component,
        phase=status.phase,
        ready=_find(status.conditions, "Ready").status == "True",
        unscheduled=(scheduled.reason or "Unschedulable") if unscheduled else "",
        unscheduled_message=(scheduled.message or "") if unscheduled else "",
        waiting=waiting,
        waiting_message=message,
        container=container,
        restarts=max(b for b in RESTART_BUCKETS if b <= restarts),
        job=job,
        human_uid=labels.get(LABEL_UID, "") if job else "",
        results=results,
        ended=ended,
        step=_step(containers) if tells else "",
    )


_TELLING = frozenset({BACKUP, DRILL, RESTORE})
"""Components whose containers end with a line of JSON."""


def _ended(
    labels: Mapping[str, str], containers: tuple[wire.Container, ...]
) -> tuple[str, tuple[Result, ...], str]:
    """The Job, what its containers told in the end, and when the last one of them ended."""
    over = [one.state.terminated for one in containers if one.state and one.state.terminated]
    results = (_result(one.message) for one in over if one.message)
    ended = max((one.finished_at or "" for one in over), default="")
    return labels.get(LABEL_JOB, ""), tuple(one for one in results if one is not None), ended


_STEPS = frozenset({"create", "verify", "prune", "restore"})
"""Their containers, one after the other; others may have added some of their own."""


def _step(containers: tuple[wire.Container, ...]) -> str:
    """The first one that has not ended well, once it or the one before it has begun."""
    has_begun = False
    for one in containers:
        state = one.state or wire.ContainerState()
        if one.name not in _STEPS:
            continue
        if state.terminated is None or state.terminated.exit_code:
            return one.name if has_begun or state.running is not None else ""
        has_begun = True
    return ""


def _result(text: str) -> Result | None:
    try:
        return _decode_result(text)
    except (msgspec.DecodeError, RecursionError):
        return None  # written by a Pod: a malformed value is no news


_STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
_CRASHES = 3
"""Restarts after which a container that runs again and is not ready still counts as crashing."""


def _stuck(containers: tuple[wire.Container, ...]) -> tuple[str, str, str]:
    """
    Name, reason and message of the first container that cannot start or has failed.

    A container in trouble goes through several states in a circle; all of them give the same
    answer, or status would be written at every turn.
    """
    for one in containers:
        state, last = one.state or wire.ContainerState(), one.last_state or wire.ContainerState()
        ended = state.terminated or last.terminated
        if state.waiting is not None and (state.waiting.reason or "") not in _STARTING:
            return one.name, *_waiting(state.waiting, ended)
        if ended is None or ended.exit_code == 0 or one.ready:
            continue
        if one.restart_count >= _CRASHES:
            return one.name, "CrashLoopBackOff", _exit(ended)
        if state.terminated is not None:
            return one.name, ended.reason or "Error", _exit(ended)
    return "", "", ""


def _waiting(waiting: wire.Waiting, ended: wire.Waiting | None) -> tuple[str, str]:
    reason, message = waiting.reason or "", waiting.message or ""
    if reason in {"ErrImagePull", "ImagePullBackOff"}:
        return "ImagePullBackOff", message.rpartition("ErrImagePull: ")[2]
    if reason == "CrashLoopBackOff" and ended is not None:
        return reason, _exit(ended)
    return reason, message


def _exit(ended: wire.Waiting) -> str:
    return f"{ended.reason or 'Error'}, exit code {ended.exit_code}"


def claim(fields: Fields) -> PvcState:
    """State of a PersistentVolumeClaim."""
    spec, status = _pvc_spec(fields), _pvc(fields)
    requests = (spec.resources.requests if spec.resources else None) or {}
    problem = next((c for c in status.conditions or () if c.type.endswith("ResizeError")), _NONE)
    return PvcState(
        phase=status.phase,
        requested=str(requests.get("storage", "")),
        capacity=str((status.capacity or {}).get("storage", "")),
        problem=(problem.message or "") if problem.status == "True" else "",
        storage_class=spec.storage_class_name,
    )


def autoscaler(fields: Fields) -> HpaState:
    """State of a HorizontalPodAutoscaler."""
    spec, status = _hpa_spec(fields), _hpa(fields)
    return HpaState(
        minimum=1 if spec.min_replicas is None else spec.min_replicas,
        maximum=spec.max_replicas,
        current=status.current_replicas or 0,
        desired=status.desired_replicas,
        created=_metadata(fields).creation_timestamp or "",
        scaled=status.last_scale_time or "",
        able=_hpa_condition(status, "AbleToScale"),
        active=_hpa_condition(status, "ScalingActive"),
        limited=_hpa_condition(status, "ScalingLimited"),
    )


def _hpa_condition(status: wire.HpaStatus, name: str) -> HpaCondition | None:
    found = _find(status.conditions, name)
    if found is _NONE:
        return None
    return HpaCondition(found.status, found.reason or "", found.message or "")


def disruption_budget(fields: Fields) -> PdbState:
    """State of a PodDisruptionBudget."""
    status = _pdb(fields)
    return PdbState(status.disruptions_allowed, status.current_healthy, status.desired_healthy)


def job(fields: Fields) -> JobState:
    """State of a Job, with the progress that it writes about itself."""
    status = _job(fields)
    annotations = _annotations(fields).annotations or {}
    failed = _find(status.conditions, "Failed")
    is_failed = failed.status == "True"
    return JobState(
        complete=_find(status.conditions, "Complete").status == "True",
        failed_reason=(failed.reason or "Failed") if is_failed else "",
        failed_message=(failed.message or "") if is_failed else "",
        active=status.active,
        progress=_progress(annotations.get(ANNOTATION_FETCH)),
        template=annotations.get(ANNOTATION_TEMPLATE, ""),
        recorded=annotations.get(ANNOTATION_RECORDED, ""),
    )


def _progress(text: str | None) -> Progress | None:
    if text is None:
        return None
    try:
        return _decode_progress(text)
    except (msgspec.DecodeError, RecursionError):
        return None  # written by a Pod: a malformed value is no news


def cron_job(fields: Fields) -> CronJobState:
    """State of a CronJob."""
    status = _cron(fields)
    return CronJobState(
        last_schedule=status.last_schedule_time,
        last_success=status.last_successful_time,
        suspended=bool(_cron_spec(fields).suspend),
        active=len(status.active or ()),
        created=_metadata(fields).creation_timestamp or "",
    )


def address(fields: Fields) -> AddressState:
    """State of a Service or Ingress."""
    balancer = _address(fields).load_balancer
    for one in (balancer.ingress if balancer else None) or ():
        found = one.hostname or one.ip
        if found:
            return AddressState(found)
    return AddressState()


def route(fields: Fields) -> RouteState:
    """State of an HTTPRoute: accepted and resolved by every parent that answered."""
    parents = _route(fields).parents or ()
    if not parents:
        return RouteState()
    for parent in parents:
        for condition in parent.conditions or ():
            if condition.type in {"Accepted", "ResolvedRefs"} and condition.status == "False":
                return RouteState(False, condition.message or condition.reason or "")
    return RouteState(accepted=True)


EXTRACTORS: dict[str, Callable[[Fields], Any]] = {
    "Deployment": deployment,
    "StatefulSet": stateful_set,
    "Pod": pod,
    "PersistentVolumeClaim": claim,
    "HorizontalPodAutoscaler": autoscaler,
    "PodDisruptionBudget": disruption_budget,
    "Job": job,
    "CronJob": cron_job,
    "Service": address,
    "Ingress": address,
    "HTTPRoute": route,
}
"""Kind -> extractor; kinds without one have no state."""
