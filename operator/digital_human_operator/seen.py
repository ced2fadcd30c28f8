"""
The custom resources as last seen, as compact as they can be.

kopf delivers whole objects; kept are the bytes of what a reconcile needs: name, uid, generation,
our annotations, spec and status.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from digital_human_operator.names import FINALIZER, GROUP

Key = tuple[str, str, str]
"""Kind, namespace, name."""

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Seen:
    """One custom resource: identity, and its parts as JSON."""

    uid: str
    resource_version: int
    generation: int
    deleted: str
    """When it was deleted, as RFC 3339; empty while it lives."""
    finalizer: bool
    """Whether it is held back by us."""
    annotations: bytes
    spec: bytes
    status: bytes

    def raw(self, key: Key) -> dict[str, Any]:
        """The parts that are kept, as in an object of the API server."""
        return {
            "metadata": {
                "namespace": key[1],
                "name": key[2],
                "uid": self.uid,
                "generation": self.generation,
                "annotations": self.annotations_object(),
            },
            "spec": self.spec_object(),
        }

    @property
    def deleting(self) -> bool:
        """Whether it was deleted and only finalizers hold it back."""
        return bool(self.deleted)

    def spec_object(self) -> dict[str, Any]:
        """The spec as a new dictionary."""
        found: dict[str, Any] = _decode(self.spec)
        return found

    def status_object(self) -> dict[str, Any]:
        """The status as a new dictionary."""
        found: dict[str, Any] = _decode(self.status)
        return found

    def annotations_object(self) -> dict[str, str]:
        """The annotations of our group."""
        found: dict[str, str] = _decode(self.annotations)
        return found


def is_told(status: Mapping[str, Any]) -> bool:
    """Whether a status was ever written: a new object has one from the API server."""
    return "observedGeneration" in status


def seen_from(body: Mapping[str, Any]) -> Seen:
    """What is kept of an object as the API server shows it."""
    metadata = body["metadata"]
    annotations = {
        k: v
        for k, v in (metadata.get("annotations") or {}).items()
        if k.partition("/")[0].endswith(GROUP)
    }
    return Seen(
        uid=metadata["uid"],
        resource_version=int(metadata["resourceVersion"]),
        generation=metadata.get("generation", 0),
        deleted=metadata.get("deletionTimestamp") or "",
        finalizer=FINALIZER in (metadata.get("finalizers") or ()),
        annotations=_encode(annotations),
        spec=_encode(body.get("spec") or {}),
        status=_encode(body.get("status") or {}),
    )


class SeenObjects:
    """All custom resources of all kinds, by key."""

    def __init__(self) -> None:
        self._objects: dict[Key, Seen] = {}
        self._keys: dict[str, Key] = {}
        self._kinds: defaultdict[str, set[Key]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[Key]:
        return iter(list(self._objects))

    def get(self, key: Key) -> Seen | None:
        """The object as last seen; None when there is none."""
        return self._objects.get(key)

    def of_kind(self, kind: str) -> list[Key]:
        """The keys of one kind, in order."""
        return sorted(self._kinds[kind])

    def named(self, kind: str, namespace: str, prefix: str) -> list[Key]:
        """The keys of one kind in a namespace whose names begin so, in no order."""
        return [
            key for key in self._kinds[kind] if key[1] == namespace and key[2].startswith(prefix)
        ]

    def key_of(self, uid: str | None) -> Key | None:
        """Whose uid this is; None for nobody's."""
        return self._keys.get(uid) if uid is not None else None

    def upsert(self, key: Key, new: Seen) -> bool:
        """Remember ``new``; whether anything that a reconcile looks at is different now."""
        old = self._objects.get(key)
        # The version alone decides: an object that replaced another one of its name is newer.
        if old is not None and new.resource_version <= old.resource_version:
            return False
        if old is not None:
            self._keys.pop(old.uid, None)
        self._objects[key] = new
        self._keys[new.uid] = key
        self._kinds[key[0]].add(key)
        return (
            old is None
            or old.uid != new.uid
            or old.deleting != new.deleting
            or old.finalizer != new.finalizer
            or old.spec != new.spec
            or old.generation != new.generation
            or old.annotations != new.annotations
            or old.status != new.status
        )

    def remove(self, key: Key, uid: str | None = None) -> None:
        """Forget an object; with ``uid`` only if it is still that one."""
        old = self._objects.get(key)
        if old is not None and (uid is None or old.uid == uid):
            del self._objects[key]
            self._kinds[key[0]].discard(key)
            self._keys.pop(old.uid, None)
