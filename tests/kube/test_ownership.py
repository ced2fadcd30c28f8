"""A tiny model of server-side apply (sets of paths, list maps, atomic lists) is the oracle."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from digital_human_operator.kube.live import Decoder
from digital_human_operator.kube.normal import digest, normalise
from digital_human_operator.kube.ownership import project

SCALARS = st.integers(-1000, 1000) | st.text(max_size=4) | st.booleans()
NAMES = st.sampled_from(["a", "b", "c", "d"])
# Lists below "items" are maps keyed by name, below "tags" sets, all others owned whole.
NODES: st.SearchStrategy[Any] = st.deferred(
    lambda: st.dictionaries(
        st.sampled_from(["x", "y", "z"]), SCALARS | ATOMIC | NODES, max_size=3
    ).flatmap(lambda base: st.tuples(st.just(base), KEYED, TAGS).map(_join))
)
ATOMIC: st.SearchStrategy[Any] = st.lists(SCALARS, min_size=1, max_size=3)
TAGS: st.SearchStrategy[Any] = st.none() | st.lists(NAMES, unique=True, min_size=1, max_size=4)
KEYED: st.SearchStrategy[Any] = st.none() | st.dictionaries(
    NAMES, st.dictionaries(NAMES, SCALARS), min_size=1
)


def _join(parts: tuple[dict[str, Any], Any, Any]) -> dict[str, Any]:
    base, keyed, tags = parts
    result = dict(base)
    if keyed:
        result["items"] = [{"name": n, **v} for n, v in keyed.items()]
    if tags:
        result["tags"] = tags
    return result or {"x": 1}


def fields(value: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, child in value.items():
        if key == "items":
            result["f:items"] = {
                "k:" + json.dumps({"name": c["name"]}, separators=(",", ":")): {
                    ".": {},
                    **fields(c),
                }
                for c in child
            }
        elif key == "tags":
            result["f:tags"] = {f"v:{json.dumps(c)}": {} for c in child}
        elif isinstance(child, dict):
            result[f"f:{key}"] = {".": {}, **fields(child)}
        else:
            result[f"f:{key}"] = {}
    return result


def with_defaults(value: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """What the server and other managers add: more fields, elements and tags, in any place."""
    result: dict[str, Any] = {}
    for key, child in value.items():
        if key == "items":
            live = [with_defaults(c, rng) for c in child]
            live.insert(rng.randrange(len(live) + 1), {"name": "foreign", "q": 1})
            result[key] = live
        elif key == "tags":
            tags = [*child]
            tags.insert(rng.randrange(len(tags) + 1), "foreign")
            result[key] = tags
        elif isinstance(child, dict):
            result[key] = with_defaults(child, rng)
        else:
            result[key] = child
    result["defaulted"] = {"by": "server"}
    return result


@given(NODES, st.integers())
def test_our_part_is_what_we_applied(spec: dict[str, Any], seed: int) -> None:
    wanted = {
        "apiVersion": "g/v1",
        "kind": "K",
        "metadata": {"name": "n", "namespace": "ns", "labels": {"app": "x"}},
        "spec": spec,
    }
    entry = {
        "manager": "m",
        "operation": "Apply",
        "fieldsV1": {"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": fields(spec)},
    }
    others = [
        {"manager": "m", "operation": "Update", "fieldsV1": {"f:spec": {"f:defaulted": {}}}},
        {"manager": "m", "operation": "Apply", "subresource": "status", "fieldsV1": {"f:q": {}}},
        {"manager": "o", "operation": "Apply", "fieldsV1": {"f:spec": {"f:defaulted": {}}}},
    ]
    live = {
        **wanted,
        "metadata": {
            **wanted["metadata"],  # type: ignore[dict-item]
            "uid": "u",
            "resourceVersion": "7",
            "annotations": {"server": "1"},
            "managedFields": [*others, entry],
        },
        "spec": with_defaults(spec, random.Random(seed)),
        "status": {"ready": 1},
    }
    assert normalise(project(live, "m")) == normalise(wanted)
    decoded = Decoder("m").decode(msgspec.json.encode(live))
    assert decoded.digest == digest(normalise(wanted))
    assert Decoder("nobody").decode(msgspec.json.encode(live)).digest == b""


def test_list_elements_are_found_by_all_their_keys() -> None:
    ports = [
        {"containerPort": 53, "protocol": "UDP", "name": "u"},
        {"containerPort": 53, "protocol": "TCP", "name": "t"},
    ]
    key = 'k:{"containerPort":53,"protocol":"TCP"}'
    entry = {
        "manager": "m",
        "operation": "Apply",
        "fieldsV1": {"f:ports": {key: {".": {}, "f:containerPort": {}}}},
    }
    live = {"metadata": {"managedFields": [entry]}, "ports": ports}
    assert project(live, "m") == {"ports": [{"containerPort": 53}]}


def test_elements_by_place() -> None:
    entry = {"manager": "m", "operation": "Apply", "fieldsV1": {"f:l": {"i:1": {}}}}
    live = {"metadata": {"managedFields": [entry]}, "l": ["a", "b"]}
    assert project(live, "m") == {"l": ["b"]}
