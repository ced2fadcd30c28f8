"""Audio2Face run by the operator: a Deployment of its own and a Service."""

from __future__ import annotations

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.face import ManagedFace
from digital_human_operator.human import Design, Human

from .common import (
    Manifest,
    container_security,
    image_pull_secrets,
    manifest,
    pod_security,
    scratch_volume,
    without_empty,
)
from .placement import placement
from .services import port


def face_deployment(human: Human, face: ManagedFace, design: Design) -> Manifest:
    """The servers; none while the human is suspended."""
    references = design.digests.get(names.FACE)
    selector = names.selector(human.name, names.FACE)
    wanted = face.placement or human.spec.placement
    return manifest(
        human,
        "apps/v1",
        "Deployment",
        names.face(human.name),
        names.FACE,
        spec={
            "replicas": 0 if design.suspended else face.replicas,
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": 1800,
            "selector": {"matchLabels": selector},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
            },
            "template": {
                "metadata": {
                    "labels": names.labels(human.name, names.FACE),
                    "annotations": (
                        {names.ANNOTATION_REFERENCES: references} if references else None
                    ),
                },
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "imagePullSecrets": image_pull_secrets(human),
                    "terminationGracePeriodSeconds": 60,
                    "securityContext": pod_security(),
                    **placement(wanted, selector, design.face_nodes),
                    "containers": [_container(face, design)],
                    "volumes": [scratch_volume("tmp", "2Gi"), scratch_volume("cache", "20Gi")],
                },
            },
        },
    )


def face_service(human: Human) -> Manifest:
    """GRPC on port 50051, reached by the runtime only."""
    return manifest(
        human,
        "v1",
        "Service",
        names.face(human.name),
        names.FACE,
        spec={
            "type": "ClusterIP",
            "selector": names.selector(human.name, names.FACE),
            "ports": [port("grpc", names.PORT_GRPC, "grpc")],
        },
    )


def _container(face: ManagedFace, design: Design) -> Manifest:
    nodes = design.face_nodes
    gpu = {nodes.resource: str(nodes.count)} if nodes.resource else {}
    probe = {"tcpSocket": {"port": "grpc"}, "periodSeconds": 10, "timeoutSeconds": 5}
    found: Manifest = without_empty(
        {
            "name": names.FACE,
            "image": face.image or design.images.face,
            "imagePullPolicy": design.images.pull_policy,
            "ports": [{"name": "grpc", "containerPort": names.PORT_GRPC, "protocol": "TCP"}],
            "env": [
                {"name": "MAX_STREAMS", "value": str(face.streams)},
                {"name": "GRPC_PORT", "value": str(names.PORT_GRPC)},
                *_api_key(face),
            ],
            "resources": {
                "requests": {**design.face_requests, **gpu},
                "limits": {**design.face_limits, **gpu},
            },
            "startupProbe": probe | {"failureThreshold": 120},
            "livenessProbe": probe | {"failureThreshold": 3},
            "readinessProbe": probe | {"failureThreshold": 3},
            "securityContext": container_security(),
            "volumeMounts": [
                {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a folder of the container
                {"name": "cache", "mountPath": "/opt/nim/.cache"},
            ],
        }
    )
    return found


def _api_key(face: ManagedFace) -> list[Manifest]:
    """What the server fetches its model with, by reference."""
    ref = face.api_key_secret
    if ref is None:
        return []
    source = {"secretKeyRef": {"name": ref.name, "key": ref.key}}
    return [{"name": "NGC_API_KEY", "valueFrom": source}]
