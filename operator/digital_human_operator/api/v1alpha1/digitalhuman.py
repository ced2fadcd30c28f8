"""The DigitalHuman kind: one object for the whole human."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from digital_human_operator.api.base import (
    PERCENT,
    ApiModel,
    Empty,
    ImageReference,
    LocalObjectRef,
    cel,
    list_map,
    validated,
)
from digital_human_operator.api.v1alpha1.body import Gpu, Placement, PodTemplate, Resources
from digital_human_operator.api.v1alpha1.care import Audit, Backup, Budget, Privacy
from digital_human_operator.api.v1alpha1.face import Face
from digital_human_operator.api.v1alpha1.life import (
    Autoscaling,
    Availability,
    Rolling,
    Rollout,
    Sessions,
)
from digital_human_operator.api.v1alpha1.mind import (
    Llm,
    Persona,
    Speech,
    Transcription,
)
from digital_human_operator.api.v1alpha1.world import (
    Monitoring,
    Network,
    Security,
    Storage,
    kept_claim,
)

Mode = Literal["Running", "Suspended", "Paused"]
DeletionPolicy = Literal["Delete", "Retain", "FinalBackup"]


class DigitalHumanSpec(ApiModel):
    """What a digital human is and how it runs. Only what differs from the defaults is needed."""

    image: ImageReference | None = None
    """Image of the runtime, best by digest; absent: the operator's own."""
    image_pull_secrets: Annotated[list[LocalObjectRef], Field(max_length=8)] = Field(
        default_factory=list, json_schema_extra=list_map("name")
    )
    """Secrets for pulling images, for air-gapped registries."""
    mode: Mode = "Running"
    """Running; Suspended scales to zero and keeps all data; Paused leaves everything as it is."""
    persona: Persona = Field(default_factory=Persona)
    """Who the human is."""
    llm: Llm = Field(default_factory=lambda: Llm(builtin=Empty()))
    """The language model: exactly one engine; absent: builtin."""
    speech: Speech = Field(default_factory=lambda: Speech(espeak=Empty()))
    """The voice: exactly one engine; absent: espeak."""
    transcription: Transcription | None = None
    """What understands spoken questions: the page then offers a microphone; absent: none does."""
    face: Face = Field(default_factory=lambda: Face(embedded=Empty()))
    """The face: exactly one engine; absent: embedded."""
    gpu: Gpu = Field(default_factory=Gpu)
    """GPUs of each Pod; absent: the CPU."""
    resources: Resources | None = None
    """CPU and memory; absent: 8 CPUs and 32Gi (limits 16 and 64Gi) with a GPU, 1 and 1Gi (limits 2
    and 2Gi) without."""
    placement: Placement = Field(default_factory=Placement)
    """Where the Pods may run, beside what the GPU profile asks for; also those of a managed
    Audio2Face, unless it has a placement of its own."""
    pod_template: PodTemplate = Field(default_factory=PodTemplate)
    """Additions to the Pods, from an allow-list."""
    replicas: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Number of Pods; absent: 1, or what autoscaling decides."""
    autoscaling: Autoscaling | None = None
    """Replicas by load."""
    availability: Availability = Field(default_factory=Availability)
    """How many Pods must stay up during voluntary disruptions."""
    sessions: Sessions = Field(default_factory=Sessions)
    """Conversations: where they are kept, how many, how long."""
    rollout: Rollout = Field(default_factory=lambda: Rollout(rolling=Rolling()))
    """How a change reaches the Pods; absent: rolling."""
    network: Network = Field(default_factory=Network)
    """Who may reach the human and whom it may reach."""
    security: Security = Field(default_factory=Security)
    """Keys that the runtime enforces, and the identity of the Pods."""
    storage: Storage = Field(default_factory=Storage)
    """Volumes of the human."""
    backup: Backup | None = None
    """Scheduled backups."""
    monitoring: Monitoring = Field(default_factory=Monitoring)
    """Objects for Prometheus and Grafana."""
    privacy: Privacy | None = None
    """Personal data in conversations."""
    audit: Audit | None = None
    """An append-only audit log."""
    budget: Budget | None = None
    """What the human may cost."""
    deletion_policy: DeletionPolicy = "Delete"
    """When the object is deleted: Delete its volumes, Retain them, or make a FinalBackup first."""

    model_config = validated(
        cel(
            "(has(self.sessions) && has(self.sessions.store) && has(self.sessions.store.redis))"
            " == (has(oldSelf.sessions) && has(oldSelf.sessions.store)"
            " && has(oldSelf.sessions.store.redis))",
            "sessions.store cannot be changed between memory and redis: conversations would be"
            " lost; create another human instead",
            path=".sessions.store",
        ),
        kept_claim(),
        cel(
            "!(has(self.replicas) && has(self.autoscaling))",
            "replicas and autoscaling exclude each other: give one",
            path=".replicas",
        ),
        cel(
            "!has(self.availability) || !has(self.availability.minAvailable)"
            " || type(self.availability.minAvailable) != int || has(self.autoscaling)"
            " || self.availability.minAvailable < (has(self.replicas) ? self.replicas : 1)"
            " || (has(self.replicas) && self.replicas == 0)",
            "availability.minAvailable must be smaller than replicas, or no node could ever be"
            " drained",
            path=".availability.minAvailable",
        ),
        cel(
            "!has(self.availability) || !has(self.availability.minAvailable)"
            " || type(self.availability.minAvailable) != string || has(self.autoscaling)"
            " || !has(self.replicas) || self.replicas < 2"
            f" || !string(self.availability.minAvailable).matches(r'{PERCENT}')"
            " || int(string(self.availability.minAvailable).replace('%', '')) * self.replicas"
            " <= 100 * (self.replicas - 1)",
            "availability.minAvailable is rounded up to all replicas: give a smaller share, or no"
            " node could ever be drained",
            path=".availability.minAvailable",
        ),
        cel(
            "!has(self.availability) || !has(self.availability.minAvailable)"
            " || type(self.availability.minAvailable) != int || !has(self.autoscaling)"
            " || self.availability.minAvailable < self.autoscaling.maxReplicas",
            "availability.minAvailable must be smaller than autoscaling.maxReplicas, or no node"
            " could ever be drained",
            path=".availability.minAvailable",
        ),
        cel(
            "!has(self.llm) || !has(self.llm.transformers)"
            " || self.llm.transformers.precision != 'fp8'"
            " || !has(self.gpu) || !self.gpu.profile.startsWith('a100')",
            "the A100 has no fp8 units: set llm.transformers.precision to int8 or int4",
            path=".llm.transformers.precision",
        ),
        cel(
            "!has(self.llm) || !has(self.llm.transformers) || !has(self.gpu)"
            " || !has(self.gpu.quantization)"
            " || self.llm.transformers.precision == self.gpu.quantization.method",
            "llm.transformers.precision and gpu.quantization.method must name the same format",
            path=".gpu.quantization.method",
        ),
        cel(
            "!has(self.gpu) || !has(self.gpu.quantization)"
            " || (has(self.llm) && has(self.llm.transformers))",
            "gpu.quantization needs a model in the Pod: set llm.transformers",
            path=".gpu.quantization",
        ),
        cel(
            "!has(self.autoscaling) || !has(self.autoscaling.gpu)"
            " || (has(self.gpu) && self.gpu.profile != 'none')",
            "autoscaling.gpu needs a GPU: choose a gpu.profile",
            path=".autoscaling.gpu",
        ),
        cel(
            "!has(self.autoscaling) || !has(self.autoscaling.sessionsPerReplica)"
            " || self.autoscaling.sessionsPerReplica <= (has(self.sessions)"
            " ? self.sessions.perReplica : 8)",
            "autoscaling.sessionsPerReplica must be at most sessions.perReplica",
            path=".autoscaling.sessionsPerReplica",
        ),
        cel(
            "!has(self.backup) || !has(self.backup.include)"
            " || !self.backup.include.exists(p, p == 'sessions') || (has(self.sessions)"
            " && has(self.sessions.store) && has(self.sessions.store.redis))",
            "backup.include names sessions, which are kept in memory: set sessions.store.redis",
            path=".backup.include",
        ),
        cel(
            "self.deletionPolicy != 'FinalBackup' || has(self.backup)",
            "deletionPolicy FinalBackup needs backup: it says where to put it",
            path=".deletionPolicy",
        ),
        cel(
            "!has(self.budget) || self.budget.onExceed != 'Suspend' || self.mode != 'Paused'",
            "a Paused human cannot be suspended by its budget: set budget.onExceed to Warn",
            path=".budget.onExceed",
        ),
    )
