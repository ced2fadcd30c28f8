"""
Pydantic models -> structural CustomResourceDefinitions.

pydantic writes JSON Schema 2020-12; the API server wants the structural subset of OpenAPI 3.0:
no references, no ``null`` branches, no ``const``, no titles, boolean ``exclusiveMinimum``.
The text under each field becomes its description.
"""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import BaseModel

JsonObject = dict[str, Any]

CATEGORY = "digital-humans"
"""Names all kinds in ``kubectl get``; the plural of a kind would make every use of it mean all."""
_DROPPED = ("title", "additionalProperties", "$defs", "examples", "const", "exclusiveMinimum")


@dataclass(frozen=True)
class Column:
    """One column of ``kubectl get``; ``priority`` 1 is shown with ``-o wide`` only."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0
    description: str = ""


@dataclass(frozen=True)
class Kind:
    """Everything a CustomResourceDefinition says beside its schema."""

    kind: str
    plural: str
    short: str
    description: str
    spec: type[BaseModel]
    status: type[BaseModel]
    columns: tuple[Column, ...]
    name_limit: int
    spec_required: bool = True
    scale: JsonObject | None = None
    rules: tuple[JsonObject, ...] = field(default=())
    status_default: JsonObject = field(default_factory=dict)
    """Status of an object that nobody has looked at yet."""


@cache
def _module_docs(module: str) -> dict[tuple[str, str], str]:
    """The text under each annotated field: (class, field) -> sentence."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    found: dict[tuple[str, str], str] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for before, after in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(before, ast.AnnAssign)
                and isinstance(before.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
            ):
                found[node.name, before.target.id] = " ".join(str(after.value.value).split())
    return found


def _described(model: type[BaseModel]) -> dict[str, str]:
    """Alias -> sentence for all fields of ``model``, inherited ones included."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        docs = _module_docs(owner.__module__) if issubclass(owner, BaseModel) else {}
        for name, info in model.model_fields.items():
            if (owner.__name__, name) in docs:
                found[info.alias or name] = docs[owner.__name__, name]
    return found


def _models_by_name(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}

    def visit(annotation: Any) -> None:
        is_model = inspect.isclass(annotation) and issubclass(annotation, BaseModel)
        if is_model and annotation.__name__ not in found:
            found[annotation.__name__] = annotation
            for info in annotation.model_fields.values():
                visit(info.annotation)
        for inner in getattr(annotation, "__args__", ()):
            visit(inner)

    visit(model)
    return found


def structural(model: type[BaseModel]) -> JsonObject:
    """The structural schema of ``model``; raises KeyError when a field has no documentation."""
    raw = model.model_json_schema(by_alias=True, mode="validation")
    models = _models_by_name(model)
    definitions: JsonObject = raw.get("$defs", {})

    def inline(node: JsonObject, owner: type[BaseModel] | None) -> JsonObject:
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[1]
            siblings = {k: v for k, v in node.items() if k != "$ref"}
            target = inline(definitions[name], models[name])
            return target | inline(siblings, None)
        if node.get("x-kubernetes-int-or-string"):
            return {k: v for k, v in node.items() if k not in ("title", "examples")}
        if "anyOf" in node:
            branch = [b for b in node["anyOf"] if b.get("type") != "null"]
            siblings = {k: v for k, v in node.items() if k != "anyOf"}
            if len(branch) != 1:
                raise ValueError(f"a union without structural form: {node}")
            return inline(branch[0], None) | inline(siblings, None)
        return _plain(node, owner, inline)

    return inline(raw, model)


def _plain(node: JsonObject, owner: type[BaseModel] | None, inline: Any) -> JsonObject:
    """One schema node without references or unions."""
    found = {
        k: v for k, v in node.items() if k not in _DROPPED and not (k == "default" and v is None)
    }
    if "const" in node:
        found["enum"] = [node["const"]]
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(node.get(exclusive), int | float):
            found |= {bound: node[exclusive], exclusive: True}
    if isinstance(node.get("additionalProperties"), dict):
        found["additionalProperties"] = inline(node["additionalProperties"], None)
    elif node.get("type") == "object" and "properties" not in node and owner is None:
        found["x-kubernetes-preserve-unknown-fields"] = True
    found.pop("propertyNames", None)
    if "items" in node:
        found["items"] = inline(node["items"], None)
    # The API server drops an empty `properties`, and a second applier would then see a conflict.
    found.pop("properties", None)
    if node.get("properties"):
        found["properties"] = _properties(node["properties"], owner, inline)
    if "x-kubernetes-validations" in found:
        found.pop("pattern", None)  # the rule says the same, and in words
    if "description" in found:
        found["description"] = " ".join(found["description"].split())
    return found


def _properties(properties: JsonObject, owner: type[BaseModel] | None, inline: Any) -> JsonObject:
    docs = _described(owner) if owner else {}
    found = {}
    for name, node in properties.items():
        schema = inline(node, None)
        if owner is not None:
            schema["description"] = _with_example(docs[name], node)
        found[name] = schema
    return found


def _with_example(text: str, node: JsonObject) -> str:
    """The sentence with an example in it, where neither it nor a default shows one."""
    examples = node.get("examples") or []
    if not examples or "default" in node or str(examples[0]) in text or "for example" in text:
        return text
    return f"{text.removesuffix('.')} (for example {examples[0]})."


def completed(schema: JsonObject, value: Any) -> Any:
    """
    ``value`` with the defaults of ``schema`` filled in.

    The API server evaluates CEL rules on a default as it is written, before defaults inside it.
    """
    if not isinstance(value, dict):
        return value
    found = {}
    for name, node in schema.get("properties", {}).items():
        if name in value:
            found[name] = completed(node, value[name])
        elif "default" in node:
            found[name] = completed(node, node["default"])
    return found


def _complete_defaults(schema: JsonObject) -> None:
    for node in schema.get("properties", {}).values():
        _complete_defaults(node)
    if "default" in schema:
        schema["default"] = completed(schema, schema["default"])


def _without_rules(status: JsonObject) -> JsonObject:
    """A status copies parts of a spec that were checked there: an older rule must not block it."""
    found = {k: v for k, v in status.items() if k != "x-kubernetes-validations"}
    if "properties" in found:
        found["properties"] = {k: _without_rules(v) for k, v in found["properties"].items()}
    if isinstance(found.get("items"), dict):
        found["items"] = _without_rules(found["items"])
    return found


def manifest(kind: Kind, group: str, version: str) -> JsonObject:
    """The CustomResourceDefinition of ``kind``."""
    spec = structural(kind.spec) | ({} if kind.spec_required else {"default": {}})
    properties: JsonObject = {
        "apiVersion": {"type": "string", "description": "Version of the schema of this object."},
        "kind": {"type": "string", "description": "Kind of this object."},
        "metadata": {
            "type": "object",
            "properties": {
                "name": {
                    "type": "string",
                    "description": f"Name of the object, at most {kind.name_limit} characters.",
                    "maxLength": kind.name_limit,
                }
            },
        },
        "spec": spec,
        "status": _without_rules(structural(kind.status)) | {"default": kind.status_default},
    }
    _complete_defaults(properties["spec"])
    schema = {
        "type": "object",
        "description": kind.description,
        "required": ["spec"] if kind.spec_required else [],
        "properties": properties,
        "x-kubernetes-validations": list(kind.rules),
    }
    subresources: JsonObject = {"status": {}}
    if kind.scale:
        subresources["scale"] = kind.scale
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "subresources": subresources,
                    "additionalPrinterColumns": [_column(c) for c in kind.columns],
                    "schema": {"openAPIV3Schema": {k: v for k, v in schema.items() if v}},
                }
            ],
        },
    }


def _column(column: Column) -> JsonObject:
    found: JsonObject = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.priority:
        found["priority"] = column.priority
    if column.description:
        found["description"] = column.description
    return found
