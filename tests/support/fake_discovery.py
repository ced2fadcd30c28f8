"""What the fake API server says when it is asked which kinds it serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .fake_apply import Object

Served = Mapping[str, Sequence[str]]
"""Prefix of a group and version -> plurals."""

_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


def discovered(path: str, served: Served) -> Object | None:
    """The answer to a question about ``path``; None when nobody serves that."""
    if path in served:
        return {"resources": [_resource(plural) for plural in served[path]]}
    if path == "/api" and served:
        return {"versions": ["v1"]}
    if path == "/apis" and served:
        return {"groups": [_group(prefix) for prefix in served if prefix.startswith("/apis/")]}
    return None


def _resource(plural: str) -> Object:
    return {
        "name": plural,
        "singularName": plural.removesuffix("s"),
        "kind": plural.removesuffix("s"),
        "namespaced": plural not in {"namespaces", "customresourcedefinitions"},
        "verbs": _VERBS,
    }


def _group(prefix: str) -> Object:
    _, _, group, version = prefix.split("/")
    return {
        "name": group,
        "versions": [{"version": version}],
        "preferredVersion": {"version": version},
    }
