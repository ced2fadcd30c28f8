"""
What keeps a human from being as specified: an ordered list of small checks.

The first finding is what status says; a finding whose reason stalls says that waiting is no use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from digital_human_operator import names
from digital_human_operator.states import DeploymentState, JobState

from . import reasons
from .claims import claims, trouble
from .pods import stuck
from .refusals import explain
from .text import no_pod, progress_text
from .view import View, is_settled


@dataclass(frozen=True)
class Finding:
    """One thing that is not as specified (yet)."""

    reason: str
    message: str

    @property
    def stalls(self) -> bool:
        """Whether retrying cannot help."""
        return self.reason in reasons.STALLING


def findings(view: View) -> list[Finding]:
    """Everything that is not as specified; trouble before what merely takes time."""
    found = [one for check in CHECKS for one in check(view)]
    return sorted(found, key=lambda one: (not one.stalls, one.reason not in reasons.PROBLEMS))


def memory(view: View) -> Iterator[Finding]:
    """Models that can never fit into the GPUs."""
    verdict = view.decision.memory
    if verdict.fits is False:
        yield Finding(reasons.MODEL_DOES_NOT_FIT, verdict.message or "the models do not fit")


def foreign(view: View) -> Iterator[Finding]:
    """Objects of somebody else that have the name of a child."""
    for one in view.observed.foreign:
        yield Finding(
            reasons.FOREIGN_OBJECT,
            f"{one} exists and does not belong to this DigitalHuman; it is left alone: delete or"
            " rename it, or rename this DigitalHuman",
        )


def refused(view: View) -> Iterator[Finding]:
    """Children that the API server does not take."""
    for child, reason, message in view.observed.failed:
        told = explain(child, message)
        other = reasons.FORBIDDEN if reason == "Forbidden" else reasons.CHILD_REFUSED
        yield Finding(told.reason or other, told.message)


def retrying(view: View) -> Iterator[Finding]:
    """Children that could not be applied this time, and are tried again."""
    waiting = view.observed.waiting
    if waiting:
        child, message = waiting[0]
        others = f" (and {len(waiting) - 1} more)" if len(waiting) > 1 else ""
        said = explain(f"{child}{others} is tried again", message).message
        yield Finding(reasons.RETRYING, said)


def secrets(view: View) -> Iterator[Finding]:
    """Secrets and ConfigMaps that are referred to and not there."""
    if view.observed.missing:
        yield Finding(reasons.SECRET_MISSING, "; ".join(view.observed.missing))


def paused(view: View) -> Iterator[Finding]:
    """What a paused human would change."""
    count = view.observed.paused_differences or 0
    if count and view.runtime is None:
        text = f"paused before it was made: {count} objects are missing until spec.mode is Running"
        yield Finding(reasons.PAUSED, text)
    elif count:
        objects = "1 object differs" if count == 1 else f"{count} objects differ"
        yield Finding(reasons.PAUSED, f"paused: {objects} from the spec and stay as they are")


def suspending(view: View) -> Iterator[Finding]:
    """Pods that are still there after the human was scaled to zero."""
    left = view.runtime.replicas if view.runtime is not None else 0
    if view.decision.restore is not None:
        text = "its Pods are held back: DigitalHumanRestore"
        yield Finding(reasons.RESTORING, f"{text} {view.decision.restore} brings its sessions")
    if view.design.replicas == 0 and left:
        yield Finding(reasons.SUSPENDING, f"{left} Pods are going away")


def models(view: View) -> Iterator[Finding]:
    """Weights that are not there yet."""
    name = view.fetch_name
    if name is None or (view.design.replicas == 0 and view.fetch is None):
        return
    job = view.fetch
    if job is None:
        yield Finding(reasons.FETCHING_MODELS, "the fetch of the weights has not started")
    elif job.failed_reason:
        yield Finding(
            reasons.MODEL_FETCH_FAILED,
            f"the weights could not be fetched: {job.failed_message or job.failed_reason}; see the"
            f" logs of Job {name}, then delete it to try again",
        )
    elif not job.complete:
        yield from _stuck(view, names.FETCH)
        yield Finding(reasons.FETCHING_MODELS, fetching_text(view, job))


def fetching_text(view: View, job: JobState) -> str:
    """How far the fetch is, or that nothing fetches yet."""
    if job.progress is None and not job.active and not view.pods(names.FETCH):
        return no_pod("Job", view.fetch_name or "")
    return progress_text(job.progress)


def volumes(view: View) -> Iterator[Finding]:
    """Volumes that keep Pods from starting."""
    for claim in claims(view):
        found = trouble(claim)
        if found is not None:
            yield Finding(*found)


def session_store(view: View) -> Iterator[Finding]:
    """Redis that does not answer yet, or that is about to get another password."""
    if view.awaits_password:
        text = "the password of Redis is being made; the Pods wait for it"
        yield Finding(reasons.SESSION_STORE_NOT_READY, text)
    elif view.has_redis and not is_settled(view.redis):
        yield from _stuck(view, names.REDIS)
        text = "Redis is not ready"
        if view.redis is not None and not view.pods(names.REDIS):
            text = no_pod("StatefulSet", names.redis(view.human.name))
        yield Finding(reasons.SESSION_STORE_NOT_READY, text)


def face(view: View) -> Iterator[Finding]:
    """Audio2Face that does not answer yet."""
    if not view.has_face or is_settled(view.face):
        return
    found = view.face
    if found is not None and found.progress_reason == reasons.DEADLINE_EXCEEDED:
        yield _deadline(view, names.FACE, found.progress_message)
    yield from _refusing(found)
    yield from _stuck(view, names.FACE)
    counts = f"{found.ready} of {found.desired} Pods" if found is not None else "no Pod"
    yield Finding(reasons.FACE_NOT_READY, f"Audio2Face: {counts} ready")


def runtime(view: View) -> Iterator[Finding]:
    """Pods of the human itself."""
    if view.design.replicas == 0:
        return
    waits = names.RUNTIME in view.design.withheld and not view.observed.missing
    if waits and view.fetch_name and not view.awaits_password:
        # Also when the fetch has become complete since: the Pods are still those of before.
        yield Finding(reasons.FETCHING_MODELS, "the runtime waits for its weights")
        return
    if view.is_complete:
        return
    found = view.runtime
    if found is None:
        is_told = names.RUNTIME in view.design.withheld and view.observed.missing
        if not is_told and not view.is_paused:
            yield Finding(reasons.PROGRESSING, "the objects of this human are being made")
        return
    if found.progress_reason == reasons.DEADLINE_EXCEEDED:
        yield _deadline(view, names.RUNTIME, found.progress_message)
    yield from _refusing(found)
    yield from _stuck(view, names.RUNTIME)
    if view.is_serving and not view.is_updated:
        text = f"{found.updated} of {found.desired} Pods run the newest template"
        yield Finding(reasons.UPDATING, text)
    else:
        wanted = max(view.wanted, found.desired)
        yield Finding(reasons.PODS_NOT_READY, f"{found.ready} of {wanted} Pods are ready")


def _refusing(found: DeploymentState | None) -> Iterator[Finding]:
    """Pods that the API server does not take."""
    if found is not None and found.failure:
        told = explain("Pods", found.failure)
        quota = told.reason == reasons.QUOTA_EXCEEDED
        reason = reasons.QUOTA_EXCEEDED if quota else reasons.REPLICA_FAILURE
        yield Finding(reason, told.message)


def _stuck(view: View, component: str) -> Iterator[Finding]:
    found = stuck(view, component)
    if found is not None:
        yield Finding(found.reason, found.message)


def _deadline(view: View, component: str, said: str) -> Finding:
    """No progress within the deadline, with the cause when the Pods tell one."""
    cause = stuck(view, component)
    if cause is not None:
        return Finding(reasons.DEADLINE_EXCEEDED, f"no progress: {cause.message}")
    return Finding(reasons.DEADLINE_EXCEEDED, said or "no progress within the deadline")


CHECKS: tuple[Callable[[View], Iterator[Finding]], ...] = (
    memory,
    foreign,
    refused,
    secrets,
    paused,
    retrying,
    suspending,
    volumes,
    models,
    session_store,
    face,
    runtime,
)
"""In the order in which status names the cause, among findings of the same weight."""
