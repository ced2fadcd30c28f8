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
