"""Redis run by the operator: StatefulSet, Service, and a Secret with a generated password."""

from __future__ import annotations

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.life import ManagedRedis, ManagedRedisResources
from digital_human_operator.human import Design, Human

from .common import (
    Manifest,
    container_security,
    image_pull_secrets,
    manifest,
    pod_security,
    scratch_volume,
    secret_volume,
    without_empty,
)
from .placement import tolerations
from .services import port

PASSWORD_LENGTH = 32
ACL = "user default on >{password} ~* &* +@all\n"
"""Redis' access list with the one user; its password is filled in when the Secret is created."""
_ACL_FOLDER = "/etc/redis"


def redis_secret(human: Human) -> Manifest:
    """The Secret without its password: that is generated when the Secret is created."""
    return manifest(human, "v1", "Secret", names.redis(human.name), names.REDIS, type="Opaque")


def redis_service(human: Human) -> Manifest:
    """One name for the one Pod."""
    return manifest(
        human,
        "v1",
        "Service",
        names.redis(human.name),
        names.REDIS,
        spec={
            "type": "ClusterIP",
            "clusterIP": "None",
            "selector": names.selector(human.name, names.REDIS),
            "ports": [port("redis", names.PORT_REDIS, "redis")],
        },
    )


def redis_stateful_set(human: Human, redis: ManagedRedis, design: Design) -> Manifest:
    """One Redis with an append-only file; it keeps running while the human is suspended."""
    secret = design.digests.get(names.REDIS)
    keep = "Delete" if human.spec.deletion_policy == "Delete" else "Retain"
    return manifest(
        human,
        "apps/v1",
        "StatefulSet",
        names.redis(human.name),
        names.REDIS,
        spec={
            "replicas": 1,
            "serviceName": names.redis(human.name),
            # Else a Pod that never became ready is not replaced, however it is mended.
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": names.selector(human.name, names.REDIS)},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": keep, "whenScaled": "Retain"},
            "template": {
                "metadata": without_empty(
                    {
                        "labels": names.labels(human.name, names.REDIS),
                        "annotations": {names.ANNOTATION_REFERENCES: secret} if secret else None,
                    }
                ),
                "spec": _pod(human, redis, design),
            },
            "volumeClaimTemplates": [_claim(redis)],
        },
    )


def _pod(human: Human, redis: ManagedRedis, design: Design) -> Manifest:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "imagePullSecrets": image_pull_secrets(human),
        "terminationGracePeriodSeconds": 60,
        "securityContext": pod_security(),
        "tolerations": tolerations(human.spec.placement),
        "containers": [_container(redis, design)],
        "volumes": [
            scratch_volume("tmp", "64Mi"),
            secret_volume(
                "acl", names.redis(human.name), {names.REDIS_ACL_KEY: names.REDIS_ACL_KEY}
            ),
        ],
    }


def _container(redis: ManagedRedis, design: Design) -> Manifest:
    wanted = redis.resources or ManagedRedisResources()
    probe = {"tcpSocket": {"port": "redis"}, "periodSeconds": 5, "timeoutSeconds": 3}
    found: Manifest = without_empty(
        {
            "name": "redis",
            "image": design.images.redis,
            "imagePullPolicy": design.images.pull_policy,
            # The password is in a file: the arguments of a process can be read by others.
            "args": [
                "--appendonly",
                "yes",
                "--dir",
                "/data",
                *_memory(design),
                "--aclfile",
                f"{_ACL_FOLDER}/{names.REDIS_ACL_KEY}",
            ],
            "ports": [{"name": "redis", "containerPort": names.PORT_REDIS, "protocol": "TCP"}],
            "resources": {
                "requests": {"cpu": wanted.cpu, "memory": wanted.memory},
                "limits": {"memory": wanted.memory},
            },
            "livenessProbe": probe | {"failureThreshold": 6},
            "readinessProbe": probe | {"failureThreshold": 2},
            "securityContext": container_security(),
            "volumeMounts": [
                {"name": names.CLAIM_OF_REDIS, "mountPath": "/data"},
                {"name": "acl", "mountPath": _ACL_FOLDER, "readOnly": True},
                {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a folder of the container
            ],
        }
    )
    return found


def _memory(design: Design) -> list[str]:
    """How much it may store; a conversation is never dropped for another."""
    policy = ["--maxmemory-policy", "noeviction"]
    limit = design.redis_max_memory
    return ["--maxmemory", str(limit), *policy] if limit is not None else policy


def _claim(redis: ManagedRedis) -> Manifest:
    """The template of the claim, with what the API server would add inside an atomic list."""
    found: Manifest = without_empty(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": names.CLAIM_OF_REDIS},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": redis.storage}},
                "storageClassName": redis.storage_class,
                "volumeMode": "Filesystem",
            },
        }
    )
    return found
