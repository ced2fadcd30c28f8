"""
managedFields -> the part of an object that one field manager owns.

Server-side apply remembers, for each manager, the set of paths that it applied. Read backwards,
that set cuts our own part out of a live object: no defaults of the API server, no fields of
autoscalers, no status. The keys of a set are ``f:name`` (a field), ``k:{...}`` (the element of a
list with these keys), ``v:...`` (a member of a set), ``i:n`` (an element by place) and ``.`` (the
container itself); a path without children is owned whole, whatever it holds.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec

Fields = dict[str, Any]

_decode = msgspec.json.decode


def project(obj: dict[str, Any], manager: str, subresource: str = "") -> dict[str, Any]:
    """What ``manager`` has applied to ``obj`` (to one subresource of it); {} when it did not."""
    entries = (obj.get("metadata") or {}).get("managedFields") or ()
    result: dict[str, Any] = {}
    for entry in entries:
        if (
            entry.get("manager") == manager
            and entry.get("operation") == "Apply"
            and entry.get("subresource", "") == subresource
        ):
            result.update(project_fields(obj, entry.get("fieldsV1") or {}))
    return result


def project_fields(obj: dict[str, Any], fields: Fields) -> dict[str, Any]:
    """The part of ``obj`` that a non-empty set of ``fields`` (fieldsV1) names."""
    result = {}
    for path, children in fields.items():
        name = path[2:]
        if path[:2] == "f:" and name in obj:
            result[name] = _part(obj[name], children)
    return result


def _part(value: Any, fields: Fields) -> Any:
    if not fields:
        return value
    if isinstance(value, dict):
        return project_fields(value, fields)
    if isinstance(value, list):
        return _elements(value, fields)
    return value


def _elements(value: list[Any], fields: Fields) -> list[Any]:
    """The owned elements, in the order of the live list."""
    keyed = []
    whole: set[str | int] = set()
    for path, children in fields.items():
        kind = path[:2]
        if kind == "k:":
            keyed.append((_keys(path[2:]), children))
        elif kind == "v:":
            whole.add(path[2:])
        elif kind == "i:":
            whole.add(int(path[2:]))
    result = []
    for index, item in enumerate(value):
        if whole and (index in whole or msgspec.json.encode(item).decode() in whole):
            result.append(item)
        elif isinstance(item, dict):
            for keys, children in keyed:
                if all(item.get(k) == v for k, v in keys):
                    result.append(_part(item, children))
                    break
    return result


@functools.lru_cache(maxsize=4096)
def _keys(text: str) -> tuple[tuple[str, Any], ...]:
    """``{"containerPort":80,"protocol":"TCP"}`` as pairs; the same few texts recur."""
    return tuple(_decode(text).items())
