"""What is around the human: network, security, storage, monitoring."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from digital_human_operator.api.addresses import METADATA, Cidr, canonical, network_rule
from digital_human_operator.api.base import (
    LIST_ATOMIC,
    LIST_SET,
    ApiModel,
    Duration,
    LocalObjectRef,
    NamespaceName,
    ObjectName,
    Quantity,
    SecretKeyRef,
    StringMap,
    cel,
    form,
    grows,
    key_rule,
    label_rules,
    no_duration,
    positive_quantity,
    validated,
)
from digital_human_operator.api.v1alpha1.body import no_reserved_keys


class GatewayRef(ApiModel):
    """A Gateway that the route attaches to."""

    name: ObjectName
    """Name of the Gateway."""
    namespace: NamespaceName | None = None
    """Namespace of the Gateway; absent: this one."""
    section_name: ObjectName | None = None
    """Listener of the Gateway; absent: all."""


class Expose(ApiModel):
    """How callers outside the cluster reach the human."""

    type: Literal["ClusterIP", "LoadBalancer", "Ingress", "Gateway"] = "ClusterIP"
    """ClusterIP stays inside; LoadBalancer asks the cloud, for HTTP and WebSockets (gRPC stays
    inside, at the headless Service); Ingress and Gateway route by host."""
    host: (
        Annotated[
            str,
            form(
                r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
                "must be a host name such as ada.example.com, in lower case",
                max_length=253,
                examples=["ada.example.com"],
            ),
        ]
        | None
    ) = None
    """Host name of the Ingress or route."""
    tls_secret: ObjectName | None = None
    """Secret of type kubernetes.io/tls for the Ingress."""
    ingress_class_name: ObjectName | None = None
    """Ingress class; absent: the cluster's default."""
    gateway: GatewayRef | None = None
    """The Gateway that the HTTPRoute attaches to; it carries HTTP, WebSockets (/ws) and gRPC (the
    paths of its services), as a Gateway takes no GRPCRoute of the same host beside it."""
    annotations: StringMap = Field(default_factory=dict)
    """Annotations of the Service or Ingress, for the cloud's or the controller's settings."""
    source_ranges: Annotated[list[Cidr], Field(max_length=64)] = Field(
        default_factory=list, json_schema_extra=LIST_SET
    )
    """Networks that may use the load balancer; empty: all."""

    model_config = validated(
        cel(
            "self.type != 'Ingress' || has(self.host)",
            "host is needed with type Ingress",
            path=".host",
        ),
        cel(
            "(self.type == 'Gateway') == has(self.gateway)",
            "gateway is needed with type Gateway, and only there",
            path=".gateway",
        ),
        cel(
            "!has(self.tlsSecret) || self.type == 'Ingress'",
            "tlsSecret is for type Ingress; a Gateway's listener has its own certificate",
            path=".tlsSecret",
        ),
        cel(
            "!has(self.sourceRanges) || self.sourceRanges.size() == 0"
            " || self.type == 'LoadBalancer'",
            "sourceRanges is for type LoadBalancer",
            path=".sourceRanges",
        ),
        cel(
            f"!has(self.sourceRanges) || self.sourceRanges.all(r, {canonical('r')})",
            "each of sourceRanges must be a network such as 10.0.0.0/8, with no bits set after its"
            " length",
            path=".sourceRanges",
        ),
        no_reserved_keys("annotations"),
        key_rule("annotations"),
    )


class AllowFrom(ApiModel):
    """Callers that may reach the human: a namespace or a network."""

    namespace: NamespaceName | None = None
    """All Pods of this namespace."""
    cidr: Cidr | None = None
    """All addresses of this network."""

    model_config = validated(
        cel(
            "has(self.namespace) != has(self.cidr)",
            "exactly one of namespace, cidr must be given",
        ),
        network_rule(),
    )


class AllowTo(ApiModel):
    """A place that the human may call beside what its spec implies."""

    namespace: NamespaceName | None = None
    """All Pods of this namespace."""
    cidr: Cidr | None = None
    """All addresses of this network."""
    ports: Annotated[
        list[Annotated[int, Field(ge=1, le=65535)]], Field(min_length=1, max_length=16)
    ] = Field(json_schema_extra=LIST_SET)
    """TCP ports."""

    model_config = validated(
        cel(
            "has(self.namespace) != has(self.cidr)",
            "exactly one of namespace, cidr must be given",
        ),
        network_rule(),
        cel(
            "!has(self.cidr) || !isCIDR(self.cidr)"
            f" || !{list(METADATA)}.exists(n, cidr(n).containsCIDR(self.cidr))",
            "cidr must not be link-local or a metadata address: that is where clouds keep their"
            " credentials",
            path=".cidr",
        ),
    )


class Network(ApiModel):
    """Who may reach the human and whom it may reach."""

    expose: Expose = Field(default_factory=Expose)
    """How callers outside the cluster reach the human."""
    policy: Literal["Strict", "Off"] = "Strict"
    """Strict denies everything that the spec does not imply; Off makes no NetworkPolicy."""
    allow_from: Annotated[list[AllowFrom], Field(max_length=32)] = Field(
        default_factory=list, json_schema_extra=LIST_ATOMIC
    )
    """
    Callers that may reach the human. Empty: the Pods of its own namespace, and whoever comes
    through expose: a LoadBalancer's sourceRanges or everybody, every namespace with an Ingress or a
    Gateway. Given, it is the whole list: name the namespace of the Ingress controller or Gateway;
    the networks of a LoadBalancer are those given here and in sourceRanges.
    """
    allow_to: Annotated[list[AllowTo], Field(max_length=32)] = Field(
        default_factory=list, json_schema_extra=LIST_ATOMIC
    )
    """Places that the human may call beside what its spec implies."""


class Security(ApiModel):
    """Keys that the runtime enforces, and the identity of the Pods."""

    api_key_secret: SecretKeyRef | None = None
    """Key of a Secret with the API key that callers must send."""
    jwt_secret: SecretKeyRef | None = None
    """Key of a Secret that signs session tokens."""
    tls_secret: LocalObjectRef | None = None
    """Secret with tls.crt and tls.key: the runtime then serves TLS itself."""
    service_account_annotations: StringMap = Field(default_factory=dict)
    """Annotations of the ServiceAccount, for a cloud's workload identity."""

    model_config = validated(
        no_reserved_keys("serviceAccountAnnotations"), key_rule("serviceAccountAnnotations")
    )


class ModelStorage(ApiModel):
    """The volume that holds the weights."""

    size: Quantity = "500Gi"
    """Size of the volume; it can grow where the storage class allows it, and never shrinks."""
    storage_class: ObjectName | None = None
    """Storage class; absent: the cluster's default. Cannot be changed later."""
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"] = "ReadWriteOnce"
    """ReadWriteMany when Pods run on several nodes. Cannot be changed later."""

    model_config = validated(
        cel(
            "(has(self.storageClass) ? self.storageClass : '')"
            " == (has(oldSelf.storageClass) ? oldSelf.storageClass : '')",
            "storageClass cannot be changed: a volume stays in the class it was made in",
            path=".storageClass",
        ),
        cel(
            "self.accessMode == oldSelf.accessMode",
            "accessMode cannot be changed: a volume keeps the mode it was made with",
            path=".accessMode",
        ),
        grows("size"),
        positive_quantity("size"),
    )


def kept_claim() -> dict[str, Any]:
    """
    The rule of the whole spec that the claim of the weights stays as it was made.

    It is also there without storage.models, with the defaults, while weights are fetched: giving
    storage.models later, or taking it away, must not ask for another claim under the same name.
    """
    fetched = (
        "(has({0}.llm) && has({0}.llm.transformers) && has({0}.llm.transformers.source)"
        " && (has({0}.llm.transformers.source.objectStore)"
        " || has({0}.llm.transformers.source.huggingFace)))"
    )
    given = "(has({0}.storage) && has({0}.storage.models))"
    plain = (
        "(!has({0}.storage.models.storageClass) && {0}.storage.models.accessMode == 'ReadWriteOnce'"
        " && isQuantity(string({0}.storage.models.size))"
        " && quantity(string({0}.storage.models.size)).compareTo(quantity('500Gi')) {1} 0)"
    )
    old, new = "oldSelf", "self"
    appears = f"{fetched.format(old)} && !{given.format(old)} && {given.format(new)}"
    leaves = f"{given.format(old)} && !{given.format(new)} && {fetched.format(new)}"
    return cel(
        f"(!({appears}) || {plain.format(new, '>=')})"
        f" && (!({leaves}) || {plain.format(old, '<=')})",
        "storage.models must fit the volume that is there: without storage.models it has the"
        " default class, ReadWriteOnce and 500Gi, of which only the size can grow",
        path=".storage.models",
    )


class Storage(ApiModel):
    """Volumes of the human."""

    models: ModelStorage | None = None
    """The volume that holds the weights; present by itself when weights have to be fetched."""


class Scrape(ApiModel):
    """How Prometheus scrapes the Pods."""

    labels: StringMap = Field(default_factory=dict)
    """Labels that the Prometheus instance selects by, for example release."""
    interval: Duration = "30s"
    """Time between two scrapes, 1s to 1h."""

    model_config = validated(
        *label_rules("labels"),
        cel(
            f"{no_duration('interval')} ||"
            " (self.interval.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$')"
            " && duration(self.interval) >= duration('1s')"
            " && duration(self.interval) <= duration('1h'))",
            "interval must be between 1s and 1h in whole numbers, such as 30s or 1m30s",
            path=".interval",
        ),
    )


class LabelledObject(ApiModel):
    """An object made for a monitoring tool that selects by label."""

    labels: StringMap = Field(default_factory=dict)
    """Labels that the tool selects by."""

    model_config = validated(*label_rules("labels"))


class Monitoring(ApiModel):
    """Objects for Prometheus and Grafana; each is made when it is present here."""

    pod_monitor: Scrape | None = None
    """A PodMonitor, when the cluster serves that kind."""
    service_monitor: Scrape | None = None
    """A ServiceMonitor, when the cluster serves that kind."""
    rules: LabelledObject | None = None
    """A PrometheusRule with the alerts of this human, when the cluster serves that kind."""
    dashboards: LabelledObject | None = None
    """A ConfigMap with the Grafana dashboard."""
    scrape_from: Annotated[list[NamespaceName], Field(max_length=8)] = Field(
        default_factory=list, json_schema_extra=LIST_SET
    )
    """Namespaces whose Pods may scrape; empty: every namespace, on the metrics port only."""

    model_config = validated(
        cel(
            "!(has(self.podMonitor) && has(self.serviceMonitor))",
            "podMonitor and serviceMonitor exclude each other: every sample would be counted twice",
            path=".serviceMonitor",
        )
    )
