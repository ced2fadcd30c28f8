from __future__ import annotations

import sys
from typing import Any

import msgspec
import pytest

from digital_human_operator.kube import live as live_module
from digital_human_operator.kube.live import Decoder, Live


def deployment(**changes: Any) -> dict[str, Any]:
    fields = {"f:spec": {"f:replicas": {}}, "f:metadata": {"f:labels": {"f:app": {}}}}
    obj: dict[str, Any] = {
        "metadata": {
            "name": "a",
            "namespace": "ns",
            "uid": "11111111-2222-3333-4444-555555555555",
            "resourceVersion": "7",
            "labels": {"app": "x"},
            "ownerReferences": [
                {"uid": "other", "kind": "A", "name": "a"},
                {"uid": "owner", "kind": "B", "name": "b", "controller": True},
            ],
            "managedFields": [
                {"manager": "m", "operation": "Apply", "fieldsV1": fields},
                {
                    "manager": "kcm",
                    "operation": "Update",
                    "subresource": "status",
                    "time": "2026-01-01T00:00:00Z",
                    "fieldsV1": {},
                },
            ],
        },
        "spec": {"replicas": 3, "paused": False},
        "status": {"readyReplicas": 1},
    }
    for dotted, value in changes.items():
        at = obj
        *steps, last = dotted.split("__")
        for step in steps:
            at = at[step]
        at[last] = value
    return obj


def ready(top: Any) -> int:
    return int(msgspec.json.decode(top["status"])["readyReplicas"])


def decode(previous: Live | None = None, **changes: Any) -> Live:
    if previous is not None:
        changes = {"metadata__resourceVersion": "8", **changes}
    raw = msgspec.json.encode(deployment(**changes))
    return Decoder("m", "app", ready).decode(raw, previous)


def test_decodes_the_facts() -> None:
    live = decode()
    assert (live.namespace, live.name, live.resource_version) == ("ns", "a", 7)
    assert (live.owner_uid, live.label, live.deleting, live.status) == ("owner", "x", False, 1)
    assert decode(metadata__deletionTimestamp="2026-01-01T00:00:00Z").deleting


def test_same_version_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    first = decode()
    monkeypatch.setattr(live_module, "_quick", lambda *_: pytest.fail("hashed"))
    assert decode(first, metadata__resourceVersion="7") is first


def test_status_change_takes_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    first = decode()
    monkeypatch.setattr(live_module, "_digest", lambda *_: pytest.fail("parsed"))
    second = decode(first, metadata__resourceVersion="8", status__readyReplicas=3)
    assert (second.digest, second.status, second.resource_version) == (first.digest, 3, 8)


def test_foreign_changes_keep_the_digest_and_ours_change_it() -> None:
    first = decode()
    assert decode(first, spec__paused=True).digest == first.digest
    assert decode(first, spec__paused=True).quick != first.quick
    assert decode(first, spec__replicas=4).digest != first.digest
    assert decode(first, metadata__labels={"app": "y"}).digest != first.digest


def test_marks_tell_of_the_labels_that_are_looked_at_and_of_no_others() -> None:
    decoder = Decoder("m", "app", marks=("app", "part"))

    def marks(**labels: str) -> bytes:
        return decoder.decode(msgspec.json.encode(deployment(metadata__labels=labels))).marks

    assert marks(app="x", part="y") == decoder.marks({"app": "x", "part": "y"})
    assert marks(app="x", part="y", team="z") == marks(app="x", part="y")
    assert len({marks(app="x", part="y"), marks(app="x"), marks(app="y", part="x"), marks()}) == 4
    assert decode().marks == b""
    first = decoder.decode(msgspec.json.encode(deployment()))
    changed = deployment(metadata__resourceVersion="8", status__readyReplicas=3)
    assert decoder.decode(msgspec.json.encode(changed), first).marks == first.marks


def test_lost_ownership_changes_the_digest() -> None:
    first = decode()
    fields: dict[str, Any] = {"f:metadata": {"f:labels": {"f:app": {}}}}
    entries = [{"manager": "m", "operation": "Apply", "fieldsV1": fields}]
    assert decode(first, metadata__managedFields=entries).digest != first.digest
    assert decode(first, metadata__managedFields=[]).digest == b""


def test_partial_metadata_is_enough() -> None:
    raw = msgspec.json.encode({"metadata": {"name": "a", "resourceVersion": "3"}})
    assert Decoder("m").decode(raw).resource_version == 3


def test_half_a_kibibyte() -> None:
    live = decode()
    parts = (live.name, live.uid, live.digest, live.quick, live.resource_version)
    assert sys.getsizeof(live) + sum(map(sys.getsizeof, parts)) <= 512
    assert decode(live).namespace is live.namespace
    assert decode(live).uid is live.uid


def test_malformed_objects_are_refused() -> None:
    for raw in (
        b"{}",
        b'{"metadata":{}}',
        b"[",
        b'{"metadata":{"name":"a","resourceVersion":"x"}}',
    ):
        with pytest.raises((msgspec.DecodeError, KeyError, ValueError)):
            Decoder("m").decode(raw)
