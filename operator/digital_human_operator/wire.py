"""The parts of Kubernetes objects that extractors decode, spelled as the API spells them."""

# ruff: noqa: D101 - each is the part of an object that its name says

from __future__ import annotations

import msgspec


class Part(msgspec.Struct, frozen=True, rename="camel"):
    """Part of an object: absent fields have the API's defaults."""


class Condition(Part, frozen=True):
    type: str = ""
    status: str = ""
    reason: str | None = None
    message: str | None = None


Conditions = tuple[Condition, ...] | None


class Metadata(Part, frozen=True):
    generation: int = 0
    creation_timestamp: str | None = None


class Labels(Part, frozen=True):
    labels: dict[str, str] | None = None


class Annotations(Part, frozen=True):
    annotations: dict[str, str] | None = None


class Replicas(Part, frozen=True):
    replicas: int | None = None


class WorkloadStatus(Part, frozen=True):
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    conditions: Conditions = None


class Waiting(Part, frozen=True):
    reason: str | None = None
    message: str | None = None
    exit_code: int = 0
    finished_at: str | None = None


class Running(Part, frozen=True):
    pass


class ContainerState(Part, frozen=True):
    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Waiting | None = None


class Container(Part, frozen=True):
    name: str = ""
    restart_count: int = 0
    ready: bool = False
    state: ContainerState | None = None
    last_state: ContainerState | None = None


class PodStatus(Part, frozen=True):
    phase: str = ""
    conditions: Conditions = None
    init_container_statuses: tuple[Container, ...] | None = None
    container_statuses: tuple[Container, ...] | None = None


class Requests(Part, frozen=True):
    requests: dict[str, str | int] | None = None


class PvcSpec(Part, frozen=True):
    resources: Requests | None = None
    storage_class_name: str | None = None


class PvcStatus(Part, frozen=True):
    phase: str = ""
    capacity: dict[str, str | int] | None = None
    conditions: Conditions = None


class HpaSpec(Part, frozen=True):
    min_replicas: int | None = None
    max_replicas: int = 1


class HpaStatus(Part, frozen=True):
    current_replicas: int | None = None
    desired_replicas: int = 0
    last_scale_time: str | None = None
    conditions: Conditions = None


class PdbStatus(Part, frozen=True):
    disruptions_allowed: int = 0
    current_healthy: int = 0
    desired_healthy: int = 0


class JobStatus(Part, frozen=True):
    active: int = 0
    conditions: Conditions = None


class CronJobSpec(Part, frozen=True):
    suspend: bool | None = None


class CronJobStatus(Part, frozen=True):
    last_schedule_time: str | None = None
    last_successful_time: str | None = None
    active: list[msgspec.Raw] | None = None


class Address(Part, frozen=True):
    ip: str | None = None
    hostname: str | None = None


class LoadBalancer(Part, frozen=True):
    ingress: tuple[Address, ...] | None = None


class AddressStatus(Part, frozen=True):
    load_balancer: LoadBalancer | None = None


class Parent(Part, frozen=True):
    conditions: Conditions = None


class RouteStatus(Part, frozen=True):
    parents: tuple[Parent, ...] | None = None
