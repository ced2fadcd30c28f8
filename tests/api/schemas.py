"""The generated CRDs as the tests look at them."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from digital_human_operator.api.crd import manifest
from digital_human_operator.api.kinds import KINDS
from digital_human_operator.api.v1alpha1 import GROUP, VERSION

JsonObject = dict[str, Any]


@cache
def crds() -> dict[str, JsonObject]:
    """Kind -> CustomResourceDefinition."""
    return {kind.kind: manifest(kind, GROUP, VERSION) for kind in KINDS}


def schema(kind: str) -> JsonObject:
    """The schema of a kind."""
    found: JsonObject = crds()[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def nodes(node: JsonObject, path: str = "") -> Iterator[tuple[str, JsonObject]]:
    """Every node of a schema with its path: ``.spec.llm``, ``[]`` for items, ``{}`` for values."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from nodes(node["additionalProperties"], f"{path}{{}}")


def everything() -> list[tuple[str, str, JsonObject]]:
    """(kind, path, node) of all kinds."""
    return [(kind, path, node) for kind in crds() for path, node in nodes(schema(kind))]


def all_rules() -> list[tuple[str, str, str]]:
    """(kind, path, message) of every CEL rule."""
    return [
        (kind, path, rule["message"])
        for kind, path, node in everything()
        for rule in node.get("x-kubernetes-validations", ())
    ]
