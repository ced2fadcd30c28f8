"""What the operator reports about a DigitalHuman. Only the operator writes it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from digital_human_operator.api.base import LIST_ATOMIC, ApiModel, list_map

Phase = Literal[
    "Pending",
    "Provisioning",
    "Warming",
    "Ready",
    "Degraded",
    "Draining",
    "Restoring",
    "Updating",
    "Asleep",
    "Suspended",
    "Paused",
    "Failed",
]

Text = Annotated[str, Field(max_length=2048)]
Time = Annotated[str, Field(max_length=35, json_schema_extra={"format": "date-time"})]
"""A moment as RFC 3339, in UTC: 2026-01-31T02:00:00Z."""


class Condition(ApiModel):
    """One observation, in the form that all of Kubernetes uses."""

    type: Annotated[str, Field(max_length=316)]
    """What is observed."""
    status: Literal["True", "False", "Unknown"]
    """Whether it is so."""
    observed_generation: Annotated[int, Field(ge=0)] = 0
    """Generation of the spec that this is about."""
    last_transition_time: Time
    """When status last changed."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """The cause in one CamelCase word."""
    message: Annotated[str, Field(max_length=32768)]
    """The cause in a sentence, with what to do."""


class ReplicaStatus(ApiModel):
    """Pods of the human."""

    desired: int = 0
    """How many there should be."""
    ready: int = 0
    """How many answer."""
    updated: int = 0
    """How many run the newest template."""


class SessionStatus(ApiModel):
    """Conversations."""

    capacity: int = 0
    """How many the Pods that answer can hold: sessions.perReplica each."""


Step = Literal["UnderWay", "Complete", "Failed"]


class RolloutStatus(ApiModel):
    """How far the newest template of the Pods is."""

    strategy: Literal["Rolling", "Recreate"]
    """How Pods are replaced."""
    step: Step
    """Whether it is under way, complete, or got stuck."""
    updated: int = 0
    """Pods that run the newest template."""
    outdated: int = 0
    """Pods that still run an earlier one."""


class ScalingDecision(ApiModel):
    """One change of the number of Pods by the autoscaler."""

    time: Time
    """When it was made."""
    from_replicas: int | None = None
    """Pods before, where that is known."""
    to_replicas: int
    """Pods after."""
    reason: Text | None = None
    """The metric that asked for it, in the autoscaler's words."""


class Endpoints(ApiModel):
    """Addresses of the human."""

    http: Text | None = None
    """HTTP API within the cluster."""
    grpc: Text | None = None
    """Address of the gRPC API within the cluster."""
    websocket: Text | None = None
    """WebSocket within the cluster."""
    external: Text | None = None
    """Address outside the cluster."""


class FacePlan(ApiModel):
    """What a managed Audio2Face server needs on the GPU of its own, in GiB as decimal strings."""

    needs: Text | None = None
    """Memory of one server with all its streams."""
    available: Text | None = None
    """Memory of its GPU."""
    fits: bool | None = None
    """Whether needs is at most available."""


class MemoryPlan(ApiModel):
    """The sum of what must fit into the memory of a Pod's GPUs, in GiB as decimal strings."""

    weights: Text | None = None
    """Weights of the language model."""
    kv_cache: Text | None = None
    """Key/value cache of all sessions of one Pod."""
    contexts: Text | None = None
    """CUDA contexts and work space."""
    total: Text | None = None
    """Sum of weights, kvCache and contexts; absent when the model is not known."""
    available: Text | None = None
    """Memory of the Pod's GPUs times memoryFraction."""
    fits: bool | None = None
    """Whether total is at most available; absent when the model is not known."""
    face: FacePlan | None = None
    """A managed face, which has a GPU of its own: it is no part of total."""


class ModelStatus(ApiModel):
    """The fetch of the weights."""

    job: Text | None = None
    """Name of the Job."""
    bytes_fetched: int | None = None
    """Bytes that have arrived."""
    bytes_total: int | None = None
    """Bytes in all, when the source tells."""
    seconds_left: int | None = None
    """Estimate of the remaining time."""


class BackupFacts(ApiModel):
    """A backup that was made."""

    id: Text
    """Its id in the store: what `digital-human-backup restore` takes."""
    time: Time | None = None
    """When it was complete."""
    bytes: int = 0
    """Bytes of what it holds."""
    stored_bytes: int = 0
    """Bytes that it takes in the store."""
    sent_bytes: int = 0
    """Bytes that were sent for it: what the store had already was not."""
    digest: Text | None = None
    """SHA-256 of its manifest."""
    key_id: Text | None = None
    """Which key it is encrypted with; absent: not encrypted."""
    verified: bool = False
    """Whether every byte of it was read back, decrypted and compared."""


class DrillFacts(ApiModel):
    """A drill that brought a backup back: what a restore takes, and what it would lose."""

    backup: Text
    """Id of the backup."""
    time: Time | None = None
    """When the drill was over."""
    bytes: int = 0
    """Bytes that came back."""
    restore_seconds: int = 0
    """Seconds that it took: the measured recovery time (RTO)."""
    data_age_seconds: int = 0
    """Age of the data that came back: the measured recovery point (RPO)."""


class BackupStatus(ApiModel):
    """Backups and the drills that prove them."""

    last_success: Time | None = None
    """When the last scheduled backup succeeded."""
    last_drill: Time | None = None
    """When the last drill succeeded."""
    newest: BackupFacts | None = None
    """The newest backup, by a schedule or on request."""
    proven: DrillFacts | None = None
    """What the last drill measured."""


class AskedBackup(ApiModel):
    """The backup that was asked for last by an annotation."""

    token: Text
    """The annotation's value: for the same one no other backup is made."""
    backup: Text
    """The DigitalHumanBackup that was made for it."""


_SHOWN = 28
"""Characters of a model that kubectl get has room for on a terminal of 100 columns."""


def _shown(name: object) -> object:
    """A model as kubectl get shows it; what is no text stays for the check of its type."""
    if not isinstance(name, str) or len(name) <= _SHOWN:
        return name
    bare = name.rpartition("/")[2] or name
    return bare if len(bare) <= _SHOWN else f"{bare[: _SHOWN - 3]}..."


ShownModel = Annotated[str, BeforeValidator(_shown), Field(max_length=512)]


class Effective(ApiModel):
    """What the operator computed from the spec: the spec itself is never written."""

    image: Text | None = None
    """Image of the runtime."""
    model: ShownModel | None = None
    """Language model, as shown by kubectl get: without its owner, and cut, where it is long."""
    gpus: int | None = None
    """GPUs in all."""
    min_replicas: int | None = None
    """Fewest Pods."""
    max_replicas: int | None = None
    """Most Pods."""


class DigitalHumanStatus(ApiModel):
    """What the operator sees. Ready, Reconciling and Stalled follow kstatus."""

    observed_generation: int | None = None
    """Generation of the spec that this status is about."""
    phase: Phase | None = None
    """One word for people; machines read conditions."""
    conditions: Annotated[list[Condition], Field(max_length=32)] = Field(
        default_factory=list, json_schema_extra=list_map("type")
    )
    """Observations; see the conditions reference."""
    replicas: ReplicaStatus | None = None
    """Pods of the human."""
    scale_replicas: int | None = None
    """Pods there are, for the scale subresource."""
    selector: Annotated[str, Field(max_length=1024)] | None = None
    """Label selector of the Pods, for the scale subresource."""
    sessions: SessionStatus | None = None
    """Conversations."""
    rollout: RolloutStatus | None = None
    """How far the newest template of the Pods is; absent while there is nothing to roll out."""
    scaling_decisions: Annotated[list[ScalingDecision], Field(max_length=10)] = Field(
        default_factory=list, json_schema_extra=LIST_ATOMIC
    )
    """The last changes of the number of Pods by the autoscaler, the newest at the end."""
    endpoints: Endpoints | None = None
    """Addresses of the human."""
    memory_plan: MemoryPlan | None = None
    """What must fit into the memory of the GPUs: the Pod's, and those of a managed face."""
    models: ModelStatus | None = None
    """The fetch of the weights."""
    backup: BackupStatus | None = None
    """Backups and the drills that prove them."""
    asked_backup: AskedBackup | None = None
    """The backup that was asked for last by an annotation."""
    restore: Text | None = None
    """The DigitalHumanRestore for which the Pods are held back."""
    effective: Effective | None = None
    """What the operator computed from the spec."""
    warnings: Annotated[list[Text], Field(max_length=64)] = Field(
        default_factory=list, json_schema_extra=LIST_ATOMIC
    )
    """Fields of the spec that this version does not act on yet."""
