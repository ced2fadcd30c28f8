"""The ConfigMap with the human's own object, which backups keep; names of Secrets, never values."""

from __future__ import annotations

import json
from typing import Any

from digital_human_operator import names
from digital_human_operator.api.v1alpha1 import GROUP, VERSION
from digital_human_operator.human import Design, Human, Ref

from .common import Manifest, manifest

HUMAN_FILE = "digitalhuman.json"
NEEDS_FILE = "needs.json"


def objects_map(human: Human, design: Design) -> Manifest:
    """The human as it was written, ready for ``kubectl apply``, and what it refers to."""
    return manifest(
        human,
        "v1",
        "ConfigMap",
        names.objects(human.name),
        names.BACKUP,
        data={HUMAN_FILE: _text(_human(human)), NEEDS_FILE: _text(_needs(design))},
    )


def _human(human: Human) -> dict[str, Any]:
    """Without labels and annotations: those of a GitOps tool must not come back elsewhere."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "DigitalHuman",
        "metadata": {"name": human.name},
        "spec": (human.written or human.spec).model_dump(
            mode="json", by_alias=True, exclude_unset=True
        ),
    }


def _needs(design: Design) -> list[dict[str, Any]]:
    """Secrets and ConfigMaps of the user's, each with the keys that are read."""
    found: dict[Ref, set[str]] = {}
    for need in design.needs:
        if not need.generated:
            found.setdefault(need.ref, set()).update(need.keys)
    return [
        {"kind": ref.kind, "name": ref.name, "keys": sorted(found[ref])} for ref in sorted(found)
    ]


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
