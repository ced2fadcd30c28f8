"""What the fake API server does to objects: enough of server-side apply, and merge patches."""

from __future__ import annotations

import copy
import json
from typing import Any

Object = dict[str, Any]

_NOT_OWNED = {"apiVersion", "kind", "name", "namespace", "uid", "resourceVersion"}


def fields_of(obj: Object, *, top: bool = True) -> Object:
    """fieldsV1 of what was applied; lists are owned whole, but for owner references."""
    result: Object = {}
    for key, value in obj.items():
        if top and key in _NOT_OWNED:
            continue
        if key == "ownerReferences":
            keys = (json.dumps({"uid": o["uid"]}, separators=(",", ":")) for o in value)
            result[f"f:{key}"] = {f"k:{k}": {} for k in keys}
        elif isinstance(value, dict) and value:
            result[f"f:{key}"] = fields_of(value, top=key == "metadata" and top)
        else:
            result[f"f:{key}"] = {}
    return result


def cut(obj: Object, before: Object, now: Object) -> None:
    """Remove what was owned and is not applied any more."""
    for path, children in before.items():
        key = path[2:]
        if key not in obj:
            continue
        if path not in now:
            del obj[key]
        elif children and isinstance(obj[key], dict):
            cut(obj[key], children, now[path])


def overlay(obj: Object, wanted: Object) -> None:
    """Put what is applied over what is there."""
    for key, value in wanted.items():
        if isinstance(value, dict) and isinstance(obj.get(key), dict):
            overlay(obj[key], value)
        else:
            obj[key] = copy.deepcopy(value)


def merged(obj: Object, patch: Object) -> Object:
    """RFC 7396."""
    result = copy.deepcopy(obj)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = merged(result.get(key) or {}, value)
        else:
            result[key] = value
    return result


def apply_as(known: Object | None, wanted: Object, manager: str, subresource: str = "") -> Object:
    """``known`` after ``manager`` has applied ``wanted`` with force."""
    if subresource:
        wanted = {subresource: wanted.get(subresource, {})}
    fields = fields_of(wanted)
    result = copy.deepcopy(known) if known else {}
    entries = result.setdefault("metadata", {}).pop("managedFields", [])
    entry = {"manager": manager, "operation": "Apply"}
    entry |= {"subresource": subresource} if subresource else {}
    mine = next((e for e in entries if _who(e) == _who(entry)), None)
    others = [e for e in entries if e is not mine]
    if mine is not None:
        cut(result, mine["fieldsV1"], _union([fields, *(e["fieldsV1"] for e in others)]))
    overlay(result, wanted)
    for other in others:
        _disown(other["fieldsV1"], fields, known or {}, result)
    result["metadata"].pop("resourceVersion", None)
    result["metadata"]["managedFields"] = [*others, entry | {"fieldsV1": fields}]
    if known is not None:
        result["metadata"]["resourceVersion"] = known["metadata"]["resourceVersion"]
    return result


def _who(entry: Object) -> tuple[str | None, ...]:
    return tuple(entry.get(key) for key in ("manager", "operation", "subresource"))


def _union(many: list[Object]) -> Object:
    result: Object = {}
    for fields in many:
        for path, children in fields.items():
            result[path] = _union([result.get(path, {}), children])
    return result


def _disown(theirs: Object, mine: Object, before: Any, after: Any) -> None:
    """Take from another manager what was given another value."""
    for path in [p for p in theirs if p in mine]:
        key = path[2:]
        if not isinstance(before, dict) or key not in before:
            continue
        if theirs[path] and mine[path]:
            _disown(theirs[path], mine[path], before[key], after[key])
        elif before[key] != after[key]:
            del theirs[path]
