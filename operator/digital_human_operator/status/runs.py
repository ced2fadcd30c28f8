"""From what is known about one DigitalHumanBackup to what is reported: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from digital_human_operator.api.v1alpha1.backups import DigitalHumanBackupStatus
from digital_human_operator.api.v1alpha1.status import BackupFacts
from digital_human_operator.states import JobState, PodState

from . import proofs
from .conditions import Draft, stamp
from .text import size

_MAKING = "the backup is being made"
_DOING = {
    "verify": "the backup is made, and is being read back",
    "prune": "the backup is made and verified; old ones are being removed",
}
"""Step -> what is told meanwhile."""
PENDING, RUNNING, SUCCEEDED, FAILED = "Pending", "Running", "Succeeded", "Failed"


@dataclass(frozen=True)
class Obstacle:
    """Why there is no Job; ``final`` when waiting is no use."""

    reason: str
    message: str
    final: bool = False


@dataclass(frozen=True)
class Run:
    """One backup on request: its Job with the Pods, or what stands in its way."""

    name: str
    """Of the Job."""
    job: JobState | None = None
    pods: Sequence[PodState] = ()
    obstacle: Obstacle | None = None

    @property
    def made(self) -> BackupFacts | None:
        """What its Pods told about the backup."""
        made = [one for one in map(proofs.made_by, self.pods) if one is not None]
        return max(made, key=lambda one: one.id, default=None)


def is_over(told: DigitalHumanBackupStatus | None, generation: int) -> bool:
    """Whether everything was said."""
    return (
        told is not None
        and told.observed_generation == generation
        and told.phase in {SUCCEEDED, FAILED}
    )


def compute(
    run: Run, generation: int, previous: DigitalHumanBackupStatus | None, now: str
) -> DigitalHumanBackupStatus:
    """The status of one look; ``now`` is used where something begins or ends."""
    before = previous or DigitalHumanBackupStatus()
    step = at_step(run.pods, before.step)
    phase, drafts = _verdict(run, _DOING.get(step or "", _MAKING))
    started = before.start_time or (now if run.job is not None else None)
    return DigitalHumanBackupStatus(
        observed_generation=generation,
        phase=phase,
        conditions=stamp(drafts, generation, previous, now),
        job=run.name if run.job is not None else None,
        step=step if phase == RUNNING else None,
        start_time=started,
        completion_time=now if phase in {SUCCEEDED, FAILED} and started else None,
        uid=before.uid,
        destination=before.destination,
        encryption=before.encryption,
        image_pull_secrets=before.image_pull_secrets,
        tolerations=before.tolerations,
        backup=run.made if phase in {SUCCEEDED, FAILED} else None,
    )


def _verdict(run: Run, doing: str) -> tuple[str, list[Draft]]:
    """The phase and the conditions."""
    job, obstacle = run.job, run.obstacle
    if obstacle is not None:
        last = "Stalled" if obstacle.final else "Reconciling"
        phase = FAILED if obstacle.final else PENDING
        return phase, _not_ready(obstacle.reason, obstacle.message, last)
    if job is None:
        return PENDING, _not_ready("Pending", "its Job is being made", "Reconciling")
    if job.failed_reason:
        told = proofs.failure(run.pods) or job.failed_message or job.failed_reason
        text = (
            f"no backup: {told}" if run.made is None else f"made, but not as it should be: {told}"
        )
        return FAILED, _not_ready("Failed", text, "Stalled")
    if not job.complete:
        return RUNNING, _not_ready("Running", going_on(run.pods, doing), "Reconciling")
    return SUCCEEDED, [Draft("Ready", "True", "Succeeded", _success(run.made))]


def _not_ready(reason: str, message: str, last: str) -> list[Draft]:
    return [Draft("Ready", "False", reason, message), Draft(last, "True", reason, message)]


def at_step(pods: Sequence[PodState], before: str | None) -> str | None:
    """
    Which of its containers the Pod has come to; None while there is none that has begun.

    ``before`` stays for the moment between the end of the Pod and that of its Job.
    """
    now = (pod.step for pod in pods if pod.step and pod.phase not in {"Succeeded", "Failed"})
    fails = any(pod.phase == "Failed" for pod in pods)
    return next(now, None if fails else before)


def going_on(pods: Sequence[PodState], what: str) -> str:
    """What is being done, or what keeps the Pod from starting."""
    for pod in pods:
        if pod.unscheduled:
            return f"its Pod waits for a node: {pod.unscheduled_message or pod.unscheduled}"
        if pod.waiting and pod.phase == "Pending":
            return f"{pod.container} cannot start ({pod.waiting}): {pod.waiting_message}"
    if told := proofs.failure(pods):
        return f"tried again after a failure: {told}"
    return what


def _success(made: BackupFacts | None) -> str:
    if made is None:
        return "the backup is made and verified; its Pod is gone, and what it told with it"
    checked = "made and verified" if made.verified else "made; it is not verified"
    return f"backup {made.id} of {size(made.bytes)} is {checked}"
