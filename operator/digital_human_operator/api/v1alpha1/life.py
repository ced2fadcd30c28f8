"""How the human lives: replicas, autoscaling, availability, sessions, rollout."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from digital_human_operator.api.addresses import RedisUrl, url_rules
from digital_human_operator.api.base import (
    LIST_ATOMIC,
    ApiModel,
    CronSchedule,
    Duration,
    Empty,
    IntOrPercent,
    ObjectName,
    Quantity,
    SecretKeyRef,
    TimeZone,
    at_least,
    cel,
    keeps,
    list_map,
    no_duration,
    positive_quantity,
    union,
    validated,
)


class ScalingPolicy(ApiModel):
    """One limit of the speed of scaling."""

    type: Literal["Pods", "Percent"]
    """Unit of value."""
    value: Annotated[int, Field(ge=1, le=1000)]
    """How much may change within periodSeconds."""
    period_seconds: Annotated[int, Field(ge=1, le=1800)]
    """Length of the window in seconds."""


class ScalingRules(ApiModel):
    """Speed of scaling in one direction."""

    stabilization_window_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    """How long the autoscaler looks back before it follows a change."""
    select_policy: Literal["Max", "Min", "Disabled"] = "Max"
    """Which policy wins when several apply."""
    policies: Annotated[list[ScalingPolicy], Field(min_length=1, max_length=8)] | None = Field(
        default=None, json_schema_extra=LIST_ATOMIC
    )
    """Limits of the speed; absent: those of the deployment guide."""


class ScalingBehavior(ApiModel):
    """Speed of scaling."""

    scale_up: ScalingRules | None = None
    """Absent: at once, at most double or 4 Pods more in 15 s, whichever is more."""
    scale_down: ScalingRules | None = None
    """Absent: at most 10 % fewer per minute, after 300 s."""


class ScalingSchedule(ApiModel):
    """Other bounds at certain times."""

    name: ObjectName
    """Name of the schedule."""
    start: CronSchedule
    """When it begins."""
    duration: Duration
    """How long it lasts, 1m to 168h."""
    time_zone: TimeZone = "UTC"
    """Time zone of start."""
    min_replicas: Annotated[int, Field(ge=1, le=1000)]
    """Lower bound while it lasts."""

    model_config = validated(at_least("duration", "1m", "168h"))


class Autoscaling(ApiModel):
    """Replicas by load: the presence of this object creates a HorizontalPodAutoscaler."""

    min_replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    """Fewest Pods."""
    max_replicas: Annotated[int, Field(ge=1, le=1000)]
    """Most Pods."""
    cpu: Annotated[int, Field(ge=1, le=100)] | None = None
    """Target CPU utilisation in percent of the request. With no target at all: 70."""
    gpu: Annotated[int, Field(ge=1, le=100)] | None = None
    """Target of the Pods metric gpu_utilization in percent; needs a metrics adapter."""
    sessions_per_replica: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Target of the Pods metric digital_human_sessions_active; needs a metrics adapter."""
    behavior: ScalingBehavior = Field(default_factory=ScalingBehavior)
    """Speed of scaling."""
    schedules: Annotated[list[ScalingSchedule], Field(max_length=16)] = Field(
        default_factory=list, json_schema_extra=list_map("name")
    )
    """Other bounds at certain times."""

    model_config = validated(
        cel(
            "self.minReplicas <= self.maxReplicas",
            "minReplicas must be at most maxReplicas",
            path=".minReplicas",
        ),
        cel(
            "!has(self.schedules) || self.schedules.all(s, s.minReplicas <= self.maxReplicas)",
            "minReplicas of each schedule must be at most maxReplicas",
            path=".schedules",
        ),
    )


class Failover(ApiModel):
    """What callers do when a Pod does not answer."""

    timeout: Duration = "30s"
    """How long one try may take, 1s to 10m."""
    max_retries: Annotated[int, Field(ge=0, le=10)] = 3
    """How many other Pods are tried."""

    model_config = validated(at_least("timeout", "1s", "10m"))


class Availability(ApiModel):
    """How many Pods must stay up during voluntary disruptions."""

    min_available: IntOrPercent | None = None
    """Pods that stay up while nodes are drained. Without it: all but one."""
    max_unavailable: IntOrPercent | None = None
    """Pods that may be down while nodes are drained."""
    failover: Failover | None = None
    """What callers do when a Pod does not answer."""
    load_balancing: Literal["RoundRobin", "LeastConnections"] = "RoundRobin"
    """How new sessions are spread over the Pods."""

    model_config = validated(
        cel(
            "!(has(self.minAvailable) && has(self.maxUnavailable))",
            "minAvailable and maxUnavailable exclude each other: give one",
            path=".maxUnavailable",
        ),
        cel(
            "!has(self.maxUnavailable) || !(string(self.maxUnavailable) in ['0', '0%'])",
            "maxUnavailable 0 would block every node drain for ever: give 1 or more",
            path=".maxUnavailable",
        ),
        cel(
            "!has(self.minAvailable) || string(self.minAvailable) != '100%'",
            "minAvailable 100% would block every node drain for ever: give a smaller share",
            path=".minAvailable",
        ),
    )


class ManagedRedisResources(ApiModel):
    """CPU and memory of Redis."""

    cpu: Quantity = "100m"
    """CPU request."""
    memory: Quantity = "256Mi"
    """Memory request and limit; three quarters of it can be filled with conversations."""


class ManagedRedis(ApiModel):
    """A Redis run by the operator: StatefulSet, Service and a Secret with a generated password."""

    storage: Quantity = "8Gi"
    """
    Size of its volume. Cannot be changed later: Kubernetes keeps a StatefulSet's claims as they
    were made. Where the storage class allows it, grow the claim data-NAME-redis-0 itself.
    """
    storage_class: ObjectName | None = None
    """Storage class of its volume; absent: the cluster's default. Cannot be changed later."""
    resources: ManagedRedisResources | None = None
    """CPU and memory of Redis."""

    model_config = validated(
        positive_quantity("storage"),
        keeps("storage", "grow the claim of Redis itself, as far as its storage class allows"),
    )


class ExternalRedis(ApiModel):
    """A Redis that somebody else runs."""

    url: RedisUrl
    """Address without a password: redis:// or, encrypted, rediss://."""
    password_secret: SecretKeyRef | None = None
    """Key of a Secret that holds the password."""

    model_config = validated(*url_rules(instead="passwordSecret"))


class RedisStore(ApiModel):
    """Sessions in Redis: exactly one of managed and external."""

    managed: ManagedRedis | None = None
    """A Redis run by the operator."""
    external: ExternalRedis | None = None
    """A Redis that somebody else runs."""

    model_config = validated(
        union("managed", "external"),
        cel(
            "has(self.managed) == has(oldSelf.managed)",
            "managed and external cannot be exchanged: sessions would be lost; create another"
            " human",
        ),
        cel(
            "!has(self.managed) || !has(oldSelf.managed)"
            " || (has(self.managed.storageClass) ? self.managed.storageClass : '')"
            " == (has(oldSelf.managed.storageClass) ? oldSelf.managed.storageClass : '')",
            "storageClass cannot be changed: a volume stays in the class it was made in",
            path=".managed.storageClass",
        ),
    )


class SessionStore(ApiModel):
    """Where conversations are kept: exactly one."""

    memory: Empty | None = None
    """In the Pod: lost with it."""
    redis: RedisStore | None = None
    """In Redis: another Pod can go on with the conversation."""

    model_config = validated(union("memory", "redis"))


class Sessions(ApiModel):
    """Conversations: where they are kept, how many, how long."""

    store: SessionStore = Field(default_factory=lambda: SessionStore(memory=Empty()))
    """Where conversations are kept; absent: memory. The kind cannot be changed later."""
    affinity: Literal["ClientIP", "None"] = "ClientIP"
    """Whether the Service sends one client to the same Pod."""
    affinity_timeout: Duration = "3h"
    """How long the Service remembers a client, at most 24h."""
    per_replica: Annotated[int, Field(ge=1, le=1000)] = 8
    """Conversations that one Pod holds at once; GPU memory is planned for so many."""
    idle_timeout: Duration = "10m"
    """When a silent conversation is closed."""
    drain_deadline: Duration = "10m"
    """How long a Pod that has to go waits for its conversations, at most 24h."""

    model_config = validated(
        cel(
            f"{no_duration('drainDeadline')} || duration(self.drainDeadline) <= duration('24h')",
            "drainDeadline must be at most 24h",
            path=".drainDeadline",
        ),
        at_least("affinityTimeout", "1s", "24h"),
        at_least("idleTimeout", "10s"),
    )


class BlueGreen(ApiModel):
    """Two colours: new sessions go to the new one, the old one leaves when it is empty."""

    auto_promote: Literal["WhenHealthy", "Never"] = "WhenHealthy"
    """Whether the new colour takes over by itself."""
    old_session_deadline: Duration = "1h"
    """How long the old colour waits for its last conversations, at most 24h."""

    model_config = validated(at_least("oldSessionDeadline", "0s", "24h"))


class Rolling(ApiModel):
    """One Pod after the other."""

    max_surge: IntOrPercent = 1
    """Pods above the wanted number; each needs its GPUs."""
    max_unavailable: IntOrPercent = 0
    """Pods that may be missing."""

    model_config = validated(
        cel(
            "!(string(self.maxSurge) in ['0', '0%'] && string(self.maxUnavailable) in ['0', '0%'])",
            "maxSurge and maxUnavailable cannot both be 0: nothing could ever change",
            path=".maxUnavailable",
        )
    )


class Rollout(ApiModel):
    """How a change reaches the Pods: exactly one."""

    rolling: Rolling | None = None
    """One Pod after the other."""
    blue_green: BlueGreen | None = None
    """Two colours side by side."""
    recreate: Empty | None = None
    """All old Pods first, then the new ones: for when there are no spare GPUs."""

    model_config = validated(union("rolling", "blueGreen", "recreate"))
