"""What every manifest has in common: metadata, owner, labels, restricted Pod security."""

from __future__ import annotations

import re
from typing import Any

from digital_human_operator import names
from digital_human_operator.api.v1alpha1 import GROUP, VERSION
from digital_human_operator.human import Human

Manifest = dict[str, Any]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9.]+)(ms|s|m|h)")
USER = 65532
"""The unprivileged user of all our images."""


def seconds(duration: str) -> int:
    """Whole seconds of a duration such as ``1h30m``, at least 1."""
    parts = _PART.findall(duration)
    return max(1, round(sum(float(number) * _UNITS[unit] for number, unit in parts)))


def without_empty(value: Any) -> Any:
    """
    ``value`` without None and without members that are empty lists.

    The API server drops both, so a manifest that had them would never look as applied.
    """
    if isinstance(value, dict):
        cleaned = {k: without_empty(v) for k, v in value.items() if v is not None}
        return {k: v for k, v in cleaned.items() if v != []}
    if isinstance(value, list):
        return [without_empty(item) for item in value]
    return value


def owner(human: Human) -> list[Manifest]:
    """The owner reference that makes a child go with its human."""
    return [
        {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "DigitalHuman",
            "name": human.name,
            "uid": human.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def manifest(
    human: Human,
    api_version: str,
    kind: str,
    name: str,
    component: str,
    *,
    annotations: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    owned: bool = True,
    **body: Any,
) -> Manifest:
    """A child with metadata, without anything empty; ``owned`` False leaves it behind for good."""
    metadata: Manifest = {
        "name": name,
        "namespace": human.namespace,
        "labels": (labels or {}) | names.labels(human.name, component),
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    if owned:
        metadata["ownerReferences"] = owner(human)
    head = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
    found: Manifest = without_empty(head | body)
    return found


def pod_security() -> Manifest:
    """The Pod's part of what the ``restricted`` Pod security standard asks for."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Manifest:
    """The container's part, with a read-only root file system on top."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def secret_volume(name: str, secret: str, items: dict[str, str]) -> Manifest:
    """A volume with some keys of a Secret as files: key -> path."""
    return {
        "name": name,
        "secret": {
            "secretName": secret,
            "defaultMode": 0o440,
            "items": [{"key": key, "path": path} for key, path in sorted(items.items())],
        },
    }


def scratch_volume(name: str, size: str) -> Manifest:
    """A writable folder that goes with the Pod."""
    return {"name": name, "emptyDir": {"sizeLimit": size}}


def image_pull_secrets(human: Human) -> list[Manifest]:
    """As the Pod spells them."""
    return [{"name": ref.name} for ref in human.spec.image_pull_secrets]
