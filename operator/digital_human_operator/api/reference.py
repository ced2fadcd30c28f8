"""CRDs -> reference pages: one table of fields for each object, with defaults, bounds and rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

JsonObject = dict[str, Any]

_HEADER = "<!-- Generated from operator/digital_human_operator/api by `make generate`. -->\n"


def page(crd: JsonObject) -> str:
    """The reference page of one kind, as Markdown."""
    kind = crd["spec"]["names"]["kind"]
    version = crd["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    lines = ["", f"# {kind}", "", schema["description"], ""]
    short = crd["spec"]["names"]["shortNames"][0]
    lines += [f"`apiVersion: {crd['spec']['group']}/{version['name']}`, short name `{short}`.", ""]
    lines += _rules(schema)
    for part in ("spec", "status"):
        for path, node in _objects(schema["properties"][part], part):
            lines += _section(path, node)
    return _HEADER + "\n".join(lines).replace("<", "&lt;").rstrip() + "\n"


def _objects(node: JsonObject, path: str) -> Iterator[tuple[str, JsonObject]]:
    """Every object with fields, its own section each."""
    if "properties" in node:
        yield path, node
        for name, child in node["properties"].items():
            yield from _objects(child, f"{path}.{name}")
    elif "items" in node:
        yield from _objects(node["items"], f"{path}[]")


def _section(path: str, node: JsonObject) -> list[str]:
    lines = [f"## {path}", "", node.get("description", ""), ""]
    if node["properties"]:
        lines += ["| Field | Type | Default | Meaning |", "|---|---|---|---|"]
        required = node.get("required", ())
        for name, child in node["properties"].items():
            lines.append(_row(name, child, required=name in required))
        lines.append("")
    return lines + _rules(node)


def _row(name: str, node: JsonObject, *, required: bool) -> str:
    if required:
        default = "required"
    elif isinstance(node.get("default"), dict) or "default" not in node:
        default = ""
    else:
        default = f"`{_value(node['default'])}`"
    says = [node.get("description", ""), *_bounds(node)]
    cells = (f"`{name}`", _type(node), default, " ".join(word for word in says if word))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(node: JsonObject) -> str:
    if node.get("x-kubernetes-int-or-string"):
        return "number or string"
    if node.get("type") == "array":
        return f"list of {_type(node['items'])}"
    if "additionalProperties" in node:
        return f"map of {_type(node['additionalProperties'])}"
    return str(node.get("format") or node.get("type"))


def _value(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


def _bounds(node: JsonObject) -> list[str]:
    """What a value must be, in a few words each; choices first."""
    found = []
    choices = node.get("enum") or node.get("items", {}).get("enum")
    if choices:
        found.append(f"One of {', '.join(f'`{choice}`' for choice in choices)}.")
    low, high = node.get("minimum"), node.get("maximum")
    above, below = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    if low is not None:
        found.append(f"{'More than' if above else 'At least'} {low}.")
    if high is not None:
        found.append(f"{'Less than' if below else 'At most'} {high}.")
    for word, unit in (("Length", "characters"), ("Items", "items"), ("Properties", "entries")):
        if f"max{word}" in node and "enum" not in node and low is None:
            found.append(f"At most {node[f'max{word}']} {unit}.")
    return found + [f"Rule: {rule['message']}." for rule in _own(node)]


def _own(node: JsonObject) -> list[JsonObject]:
    """Rules of a value without fields; objects list theirs in their own section."""
    rules: list[JsonObject] = node.get("x-kubernetes-validations", [])
    return [] if "properties" in node else rules


def _rules(node: JsonObject) -> list[str]:
    rules = node.get("x-kubernetes-validations", ())
    if not rules:
        return []
    return ["Rules:", "", *(f"- {rule['message']}." for rule in rules), ""]
