"""The ConfigMap of the runtime: everything it is told that is not secret, as one JSON document."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from digital_human_operator import names
from digital_human_operator.api.base import ApiModel
from digital_human_operator.human import Design, Human

from .common import Manifest, manifest, seconds

FILE = "runtime.json"
SECRETS = "/var/run/secrets/digital-human"
"""Where the runtime finds keys and passwords, as files."""


def config_map(human: Human, design: Design) -> Manifest:
    """The ConfigMap with the one document."""
    return manifest(
        human,
        "v1",
        "ConfigMap",
        names.config(human.name),
        names.RUNTIME,
        data={FILE: document(human, design)},
    )


def digest(human: Human, design: Design) -> str:
    """Changes with the document: on the Pod template it rolls the Pods."""
    return sha256(document(human, design).encode()).hexdigest()[:32]


def document(human: Human, design: Design) -> str:
    """The settings of the runtime as JSON with sorted keys."""
    spec = human.spec
    settings = {
        "name": human.name,
        "persona": _plain(spec.persona),
        "llm": _plain(spec.llm),
        "speech": _plain(spec.speech),
        "transcription": _plain(spec.transcription),
        "face": _face(human),
        "gpu": _gpu(human),
        "failover": _plain(spec.availability.failover),
        "sessions": {
            "store": session_store(human),
            "perReplica": spec.sessions.per_replica,
            "idleSeconds": seconds(spec.sessions.idle_timeout),
            "drainSeconds": seconds(spec.sessions.drain_deadline),
        },
        "models": _models_path(design),
        "security": {
            "apiKey": _file("api-key", spec.security.api_key_secret is not None),
            "jwtSecret": _file("jwt-secret", spec.security.jwt_secret is not None),
            "tls": _file("tls", spec.security.tls_secret is not None),
        },
        "privacy": _plain(spec.privacy),
    }
    return json.dumps(_without_none(settings), indent=2, sort_keys=True, ensure_ascii=False)


def face_address(human: Human) -> str | None:
    """Host and port of the Audio2Face server; None when the face is embedded."""
    face = human.spec.face
    if face.managed is not None:
        return f"{names.face(human.name)}.{human.namespace}.svc:{names.PORT_GRPC}"
    return face.external.server if face.external is not None else None


def session_store(human: Human) -> dict[str, Any]:
    """Where conversations are kept, without the password."""
    redis = human.spec.sessions.store.redis
    if redis is None:
        return {"kind": "memory"}
    if redis.external is not None:
        return {"kind": "redis", "url": redis.external.url}
    host = f"{names.redis(human.name)}.{human.namespace}.svc"
    return {"kind": "redis", "url": f"redis://{host}:{names.PORT_REDIS}/0"}


def _face(human: Human) -> dict[str, Any]:
    address = face_address(human)
    emotion = _plain(human.spec.face.emotion)
    if address is None:
        return {"kind": "embedded", "emotion": emotion}
    external = human.spec.face.external
    function = external.cloud_function if external is not None else None
    return {
        "kind": "audio2face",
        "address": address,
        "tls": external is not None and external.encrypted,
        "functionId": function.function_id if function is not None else None,
        "emotion": emotion,
    }


def _gpu(human: Human) -> dict[str, Any]:
    """Without pruning: a Warning says that nothing is pruned, and the runtime would not start."""
    found: dict[str, Any] = _plain(human.spec.gpu)
    return {name: value for name, value in found.items() if name != "pruning"}


def _models_path(design: Design) -> str | None:
    if design.fetch_digest is not None:
        return f"/models/{design.fetch_digest}"
    return "/models" if design.models_claim is not None else None


def _file(name: str, given: bool) -> str | None:
    return f"{SECRETS}/{name}" if given else None


def _plain(model: ApiModel | None) -> Any:
    """The model as the user wrote it, without references to Secrets."""
    if model is None:
        return None
    found = model.model_dump(by_alias=True, exclude_none=True)
    kept: dict[str, Any] = _no_references(found)
    return kept


def _no_references(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            k: _no_references(v)
            for k, v in value.items()
            if not k.endswith(("Secret", "SecretRef"))
        }
    return value


def _without_none(value: dict[str, Any]) -> dict[str, Any]:
    return {
        k: _without_none(v) if isinstance(v, dict) else v for k, v in value.items() if v is not None
    }
