"""What is remembered of each child: the few facts that status is computed from."""

from __future__ import annotations

from typing import Annotated

import msgspec

RESTART_BUCKETS = (0, 1, 3, 10)
"""Restarts are only told apart so far: a crash loop must not write status for ever."""


class DeploymentState(msgspec.Struct, frozen=True, gc=False):
    """A Deployment: what is wanted, what is there, and what its controller says."""

    generation: int = 0
    observed_generation: int = 0
    desired: int = 1
    """spec.replicas"""
    replicas: int = 0
    """Pods of all templates."""
    updated: int = 0
    ready: int = 0
    available: int = 0
    progress_reason: str = ""
    """Reason of the Progressing condition, for example ProgressDeadlineExceeded."""
    progress_message: str = ""
    failure: str = ""
    """Message of ReplicaFailure while it is True: a quota, an admission plugin."""


class StatefulSetState(msgspec.Struct, frozen=True, gc=False):
    """A StatefulSet: what is wanted and what is there."""

    generation: int = 0
    observed_generation: int = 0
    desired: int = 1
    updated: int = 0
    ready: int = 0


_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, lt=2**31)]
_Word = Annotated[str, msgspec.Meta(max_length=128)]
_Piece = Annotated[str, msgspec.Meta(max_length=4096)]


class Erased(msgspec.Struct, frozen=True, gc=False):
    """What a restore left out because the erasure ledger says so."""

    sessions: _Count = 0


class Result(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """
    What a verb of the backup tool left behind as its container's last word.

    ``event`` is created, verified, restored, pruned, objects or failed; the rest belongs to one or
    two of them.
    """

    event: _Word = ""
    id: _Word = ""
    bytes: _Count = 0
    stored_bytes: _Count = 0
    sent_bytes: _Count = 0
    digest: _Word = ""
    key_id: _Word | None = None
    ok: bool = False
    opened: bool = False
    seconds: _Seconds = 0.0
    """What a restore took."""
    age_seconds: _Count = 0
    """How old the data were that came back."""
    erased: Erased | None = None
    held: tuple[_Word, ...] = ()
    """Parts of the backup that an object was read from."""
    size: _Count = 0
    """Characters of the packed object."""
    text: _Piece = ""
    """A piece of it."""
    oldest: _Word | None = None
    """The oldest backup that is still in the store after a prune."""
    message: str = ""
    """Why it failed, and what to do."""


class PodState(msgspec.Struct, frozen=True, gc=False):
    """A Pod: where it is stuck, if it is."""

    component: str = ""
    """Value of the component label."""
    phase: str = ""
    ready: bool = False
    unscheduled: str = ""
    """Reason of PodScheduled while it is False: Unschedulable, SchedulingGated."""
    unscheduled_message: str = ""
    waiting: str = ""
    """Reason why a container waits or has ended badly: ImagePullBackOff, OOMKilled."""
    waiting_message: str = ""
    container: str = ""
    """The container that ``waiting`` is about."""
    restarts: int = 0
    """Restarts of all containers, rounded down to one of RESTART_BUCKETS."""
    job: str = ""
    """The Job that a backup's or a drill's Pod belongs to."""
    human_uid: str = ""
    """Of a backup or a drill that holds for its human as a whole: whose it is."""
    results: tuple[Result, ...] = ()
    """What its containers told in the end, in their order."""
    ended: str = ""
    """When the last of them ended, as RFC 3339."""
    step: str = ""
    """The container that such a Pod has come to: create, verify, prune or restore."""


class PvcState(msgspec.Struct, frozen=True, gc=False):
    """A PersistentVolumeClaim."""

    phase: str = ""
    requested: str = ""
    capacity: str = ""
    problem: str = ""
    """Message of a condition that says that resizing does not work."""
    storage_class: str | None = None
    """Name of its StorageClass; empty for a volume made by hand, None without any."""


class HpaCondition(msgspec.Struct, frozen=True, gc=False):
    """One condition of an autoscaler."""

    status: str
    reason: str = ""
    message: str = ""


class HpaState(msgspec.Struct, frozen=True, gc=False):
    """A HorizontalPodAutoscaler, in its own words."""

    minimum: int = 1
    maximum: int = 1
    current: int = 0
    desired: int = 0
    created: str = ""
    """When the object was made, as RFC 3339."""
    scaled: str = ""
    """When it last changed the number of Pods, as RFC 3339."""
    able: HpaCondition | None = None
    active: HpaCondition | None = None
    limited: HpaCondition | None = None


class PdbState(msgspec.Struct, frozen=True, gc=False):
    """A PodDisruptionBudget."""

    allowed: int = 0
    healthy: int = 0
    wanted: int = 0


class Progress(msgspec.Struct, frozen=True, gc=False):
    """How far a fetch is, as the Job writes it into its annotation."""

    bytes: int | None = None
    total: int | None = None
    seconds_left: int | None = msgspec.field(default=None, name="secondsLeft")


class JobState(msgspec.Struct, frozen=True, gc=False):
    """A Job: over, failed or still at it, and the digest of what it was made from."""

    complete: bool = False
    failed_reason: str = ""
    failed_message: str = ""
    active: int = 0
    progress: Progress | None = None
    template: str = ""
    recorded: str = ""
    """The DigitalHumanBackup that was made to tell of it."""

    @property
    def is_over(self) -> bool:
        """Whether it ended, well or not."""
        return self.complete or bool(self.failed_reason)


class CronJobState(msgspec.Struct, frozen=True, gc=False):
    """A CronJob: when it last started and last succeeded, and was made, as RFC 3339."""

    last_schedule: str | None = None
    last_success: str | None = None
    suspended: bool = False
    active: int = 0
    created: str = ""


class AddressState(msgspec.Struct, frozen=True, gc=False):
    """A Service or Ingress: the address that a load balancer has given it."""

    address: str | None = None


class RouteState(msgspec.Struct, frozen=True, gc=False):
    """An HTTPRoute: whether a Gateway has taken it; None: nobody has said."""

    accepted: bool | None = None
    message: str = ""
