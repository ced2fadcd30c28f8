"""One look at a human: what was decided, what was observed, and the questions asked of both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.status import DigitalHumanStatus
from digital_human_operator.decision import Decision
from digital_human_operator.human import Design, Human
from digital_human_operator.observed import Observed
from digital_human_operator.states import (
    CronJobState,
    DeploymentState,
    JobState,
    PodState,
    PvcState,
    StatefulSetState,
)

from .conditions import is_true

T = TypeVar("T")


@dataclass(frozen=True)
class View:
    """Everything that a check may look at."""

    human: Human
    decision: Decision
    observed: Observed
    previous: DigitalHumanStatus | None = None
    now: str = ""
    """The time of this look, in RFC 3339."""

    @property
    def design(self) -> Design:
        """What was decided to render."""
        return self.decision.design

    @cached_property
    def runtime(self) -> DeploymentState | None:
        """The Deployment of the runtime."""
        return _typed(DeploymentState, self.observed.get("Deployment", self.human.name))

    @cached_property
    def face(self) -> DeploymentState | None:
        """The Deployment of a managed Audio2Face."""
        return _typed(DeploymentState, self.observed.get("Deployment", names.face(self.human.name)))

    @cached_property
    def redis(self) -> StatefulSetState | None:
        """The StatefulSet of a managed Redis."""
        found = self.observed.get("StatefulSet", names.redis(self.human.name))
        return _typed(StatefulSetState, found)

    @cached_property
    def claim(self) -> PvcState | None:
        """Our claim with the weights."""
        found = self.observed.get("PersistentVolumeClaim", names.models(self.human.name))
        return _typed(PvcState, found)

    @cached_property
    def redis_claim(self) -> PvcState | None:
        """The claim of a managed Redis, made by the StatefulSet controller."""
        name = names.redis_claim(self.human.name)
        return _typed(PvcState, self.observed.get("PersistentVolumeClaim", name))

    @property
    def is_paused(self) -> bool:
        """Whether everything stays as it is."""
        return self.human.spec.mode == "Paused"

    @property
    def has_claim(self) -> bool:
        """Whether the claim with the weights is ours."""
        return self.design.models_claim == names.models(self.human.name)

    @property
    def has_redis(self) -> bool:
        """Whether Redis is run by the operator."""
        redis = self.human.spec.sessions.store.redis
        return redis is not None and redis.managed is not None

    @property
    def awaits_password(self) -> bool:
        """Whether the Secret of a managed Redis is still to be made, and both sides wait for it."""
        return self.has_redis and names.REDIS in self.design.withheld and not self.observed.missing

    @property
    def has_face(self) -> bool:
        """Whether Audio2Face is run by the operator."""
        return self.human.spec.face.managed is not None

    @property
    def fetch_name(self) -> str | None:
        """Name of the Job that fetches the weights; None when nothing is fetched."""
        digest = self.design.fetch_digest
        return names.fetch(self.human.name, digest) if digest is not None else None

    @cached_property
    def fetch(self) -> JobState | None:
        """The Job that fetches the weights."""
        name = self.fetch_name
        return _typed(JobState, self.observed.get("Job", name)) if name is not None else None

    def cron_job(self, name: str) -> CronJobState | None:
        """A CronJob by name."""
        return _typed(CronJobState, self.observed.get("CronJob", name))

    def pods(self, component: str) -> tuple[PodState, ...]:
        """The Pods of one component."""
        return tuple(pod for pod in self.observed.pods if pod.component == component)

    @property
    def wanted(self) -> int:
        """Pods that there have to be: as asked for, or the fewest that the autoscaler keeps."""
        if self.design.replicas is not None:
            return self.design.replicas
        scaling = self.human.spec.autoscaling
        return scaling.min_replicas if scaling is not None else 1

    @property
    def desired(self) -> int:
        """Pods that are wanted right now, also by the autoscaler."""
        if self.design.replicas is not None:
            return self.design.replicas
        return self.runtime.desired if self.runtime is not None else self.wanted

    @property
    def is_updated(self) -> bool:
        """Whether every Pod of the runtime has the newest template."""
        found = self.runtime
        if found is None:
            return False
        if found.observed_generation < found.generation and not self._was_ready:
            return False
        return found.updated >= found.replicas

    @property
    def _was_ready(self) -> bool:
        """
        Whether status said Ready about this very spec.

        Then a Deployment that its controller has not looked at yet was most likely scaled by the
        autoscaler: no reason to say not Ready for the blink of an eye.
        """
        before = self.previous
        if before is None or before.observed_generation != self.human.generation:
            return False
        return is_true(before, "Ready")

    @property
    def is_complete(self) -> bool:
        """Whether the runtime is as specified: enough Pods, all new, all available."""
        found = self.runtime
        if found is None or not self.is_updated or found.available < self.wanted:
            return False
        return self.design.replicas is None or found.replicas == self.wanted

    @property
    def is_serving(self) -> bool:
        """Whether at least one Pod can talk now."""
        return self.runtime is not None and self.runtime.ready > 0


def is_settled(found: DeploymentState | StatefulSetState | None) -> bool:
    """Whether a workload with a fixed number of Pods is as its spec says."""
    return (
        found is not None
        and found.observed_generation >= found.generation
        and found.updated >= found.desired
        and found.ready >= found.desired
    )


def _typed(kind: type[T], found: object) -> T | None:
    return found if isinstance(found, kind) else None
