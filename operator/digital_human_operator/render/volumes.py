"""The claim with the weights, and the volumes of the runtime's Pod."""

from __future__ import annotations

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.world import ModelStorage
from digital_human_operator.human import Design, Human

from .common import Manifest, manifest, scratch_volume, secret_volume
from .config import FILE, SECRETS


def models_claim(human: Human, design: Design) -> Manifest | None:
    """The claim with the weights, unless there is none or it is the user's."""
    if design.models_claim != names.models(human.name):
        return None
    storage = human.spec.storage.models or ModelStorage()
    return manifest(
        human,
        "v1",
        "PersistentVolumeClaim",
        names.models(human.name),
        names.RUNTIME,
        owned=human.spec.deletion_policy == "Delete",
        spec={
            "accessModes": [storage.access_mode],
            "storageClassName": storage.storage_class,
            "resources": {"requests": {"storage": storage.size}},
        },
    )


def runtime_volumes(human: Human, design: Design) -> tuple[list[Manifest], list[Manifest]]:
    """Volumes of the runtime's Pod, and where the container mounts them."""
    volumes = [
        {
            "name": "config",
            "configMap": {
                "name": names.config(human.name),
                "defaultMode": 0o444,
                "items": [{"key": FILE, "path": FILE}],
            },
        },
        scratch_volume("tmp", "1Gi"),
        scratch_volume("cache", "10Gi"),
    ]
    mounts: list[Manifest] = [
        {"name": "config", "mountPath": "/etc/digital-human", "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a folder of the container
        {"name": "cache", "mountPath": "/var/cache/digital-human"},
    ]
    for name, secret, items in _secrets(human):
        volumes.append(secret_volume(name, secret, items))
        mounts.append({"name": name, "mountPath": f"{SECRETS}/{name}", "readOnly": True})
    weights = _weights(human, design)
    if weights is not None:
        volumes.append(weights)
        mounts.append({"name": "models", "mountPath": "/models", "readOnly": True})
    return volumes, mounts


def _secrets(human: Human) -> list[tuple[str, str, dict[str, str]]]:
    """(volume, Secret, key -> file) of everything that the runtime reads as a file."""
    spec = human.spec
    found = []
    external = spec.face.external
    function = external.cloud_function if external is not None else None
    for name, ref in (
        ("api-key", spec.security.api_key_secret),
        ("jwt-secret", spec.security.jwt_secret),
        ("llm-api-key", spec.llm.open_ai.api_key_secret if spec.llm.open_ai else None),
        ("riva-api-key", spec.speech.riva.api_key_secret if spec.speech.riva else None),
        ("speech-api-key", spec.speech.http.api_key_secret if spec.speech.http else None),
        (
            "transcription-api-key",
            spec.transcription.http.api_key_secret if spec.transcription else None,
        ),
        ("face-api-key", function.api_key_secret if function else None),
    ):
        if ref is not None:
            found.append((name, ref.name, {ref.key: "value"}))
    if external is not None and external.tls is not None and external.tls.ca_secret is not None:
        found.append(
            ("face-ca", external.tls.ca_secret.name, {external.tls.ca_secret.key: "ca.crt"})
        )
    if spec.security.tls_secret is not None:
        files = {"tls.crt": "tls.crt", "tls.key": "tls.key"}
        found.append(("tls", spec.security.tls_secret.name, files))
    password = redis_password(human)
    if password is not None:
        found.append(("redis", password[0], {password[1]: "password"}))
    return found


def redis_password(human: Human) -> tuple[str, str] | None:
    """Secret and key of the password of the session store; None without one."""
    redis = human.spec.sessions.store.redis
    if redis is None:
        return None
    if redis.managed is not None:
        return names.redis(human.name), "password"
    ref = redis.external.password_secret if redis.external is not None else None
    return (ref.name, ref.key) if ref is not None else None


def _weights(human: Human, design: Design) -> Manifest | None:
    engine = human.spec.llm.transformers
    source = engine.source if engine is not None else None
    if source is not None and source.oci is not None:
        return {
            "name": "models",
            "image": {"reference": source.oci.reference, "pullPolicy": "IfNotPresent"},
        }
    if design.models_claim is None:
        return None
    return {
        "name": "models",
        "persistentVolumeClaim": {"claimName": design.models_claim, "readOnly": True},
    }
