"""
The values that decisions are made of and rendered from: plain, frozen, without I/O.

``plan`` computes a :class:`Design` from a :class:`Human`; ``render`` turns both into manifests.
Neither imports the other: they meet here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from digital_human_operator.api.v1alpha1 import GROUP, VERSION
from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec

REDIS_SHARE = 0.75
"""Of a managed Redis' memory what its data may fill: the rest is for rewriting its file."""


@dataclass(frozen=True)
class Human:
    """One parsed DigitalHuman."""

    name: str
    namespace: str
    uid: str
    generation: int
    spec: DigitalHumanSpec
    annotations: Mapping[str, str] = field(default_factory=dict)
    written: DigitalHumanSpec | None = None
    """What the user wrote, where ``spec`` is something else for a while."""


@dataclass(frozen=True)
class Request:
    """A DigitalHumanBackup or a DigitalHumanRestore: what is made for it goes with it."""

    name: str
    uid: str
    kind: Literal["DigitalHumanBackup", "DigitalHumanRestore"] = "DigitalHumanBackup"
    usual: bool = False
    """Whether it is a backup of the same parts, at the same place, as those by schedule."""

    def owner(self) -> dict[str, Any]:
        """The owner reference."""
        return {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": self.kind,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }


@dataclass(frozen=True)
class Images:
    """Images that the operator uses when the spec names none, and how they are pulled."""

    runtime: str
    runtime_gpu: str
    """The runtime with torch."""
    face: str
    redis: str
    tools: str
    pull_policy: str = "IfNotPresent"


@dataclass(frozen=True, order=True)
class Ref:
    """A Secret or ConfigMap of the human's namespace."""

    kind: Literal["Secret", "ConfigMap"]
    name: str


@dataclass(frozen=True)
class Need:
    """Keys of a Secret or ConfigMap that one component reads; ``field`` is the path in the spec."""

    ref: Ref
    keys: frozenset[str]
    component: str
    field: str
    generated: bool = False
    """Made by us: while it is not there its component waits, and nobody has to do anything."""


@dataclass(frozen=True)
class Reference:
    """What is known about a referenced object: names of its keys and a digest, never a value."""

    keys: frozenset[str]
    digest: str
    type: str = ""
    """Of a Secret, for example kubernetes.io/tls."""


@dataclass(frozen=True)
class NodeChoice:
    """What makes the scheduler pick a node with the GPU that a profile means."""

    resource: str | None
    """Extended resource, for example ``nvidia.com/gpu``; None without a GPU."""
    count: int
    node_selector: Mapping[str, str] = field(default_factory=dict)
    match_expressions: tuple[Mapping[str, Any], ...] = ()
    """Node affinity terms where labels have several spellings or are numbers."""
    tolerations: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Design:
    """Everything that ``plan`` decided about one human: what the renderers need beside the spec."""

    images: Images
    image: str
    """Image of the runtime's Pods."""
    operator_namespace: str
    nodes: NodeChoice
    face_nodes: NodeChoice
    replicas: int | None
    """Pods to ask for; None while an autoscaler owns the number."""
    autoscaled: bool
    suspended: bool
    disruption_limit: Mapping[str, int | str] | None
    """What a PodDisruptionBudget of the runtime says; None without one."""
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    face_requests: Mapping[str, str]
    face_limits: Mapping[str, str]
    redis_max_memory: int | None
    """Bytes that a managed Redis may fill."""
    digests: Mapping[str, str]
    """Component -> digest of all Secrets and ConfigMaps that its Pods read."""
    fetch_digest: str | None
    """Digest of source and revision when weights have to be fetched."""
    models_claim: str | None
    """The claim with the weights: ours or the user's."""
    served: frozenset[str]
    """Optional kinds that the cluster serves: HTTPRoute, PodMonitor ..."""
    needs: tuple[Need, ...] = ()
    """Every Secret and ConfigMap that is referred to."""
    withheld: frozenset[str] = frozenset()
    """Components whose Secrets or ConfigMaps are missing: neither applied nor pruned."""


@dataclass(frozen=True)
class Child:
    """One manifest that should exist."""

    manifest: dict[str, Any]
    component: str
    create_only: bool = False
    """Created once and never overwritten: it holds a generated password."""
    generate: Mapping[str, int] = field(default_factory=dict)
    """Secret key -> length of the random text to put there when the object is created."""
    templates: Mapping[str, str] = field(default_factory=dict)
    """Secret key -> text with ``{key}`` for each generated one, filled in at the same moment."""

    @property
    def kind(self) -> str:
        """Kind of the manifest."""
        return str(self.manifest["kind"])

    @property
    def name(self) -> str:
        """Name of the object."""
        return str(self.manifest["metadata"]["name"])
