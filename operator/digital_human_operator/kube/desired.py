"""One object as it should be, and what an object that is only written once may have lost of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from .errors import Conflict
from .normal import digest, normalise
from .resources import Resource

_encode = msgspec.json.encode


@dataclass(frozen=True)
class Desired:
    """
    One object as it should be; ``body`` is the whole manifest and must not be changed any more.

    ``create_only`` objects (generated passwords) are written once and then left as they are, but
    for their owner and labels: one that lost them gets them back.
    """

    resource: Resource
    namespace: str
    name: str
    body: dict[str, Any]
    create_only: bool = False

    @property
    def ref(self) -> Ref:
        """Which object this is."""
        return Ref(self.resource, self.namespace, self.name)

    @cached_property
    def digest(self) -> bytes:
        """Equal to ``Live.digest`` of an object that needs no write."""
        return digest(normalise(self.body))

    @cached_property
    def stake(self) -> bytes:
        """What a fight about it is about: equal for as long as the same is wanted."""
        if not self.create_only:
            return self.digest
        return digest(normalise({"metadata": self.body["metadata"]}))  # passwords are drawn anew

    @property
    def owners(self) -> list[dict[str, Any]]:
        """The owner references of the manifest."""
        return self.body["metadata"].get("ownerReferences") or []

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the manifest."""
        return self.body["metadata"].get("labels") or {}

    def encoded(self, guard: bytes = b"") -> bytes:
        """The manifest as JSON, with ``guard`` (a JSON member) among its metadata."""
        rest = {k: v for k, v in self.body.items() if k != "metadata"}
        metadata = _encode(self.body["metadata"])
        if guard:
            metadata = b"{" + guard + (b"," if metadata != b"{}" else b"") + metadata[1:]
        return b'{"metadata":' + metadata + b"," + _encode(rest)[1:]


@dataclass(frozen=True, slots=True)
class Ref:
    """The address of an object."""

    resource: Resource
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.resource} {self.namespace}/{self.name}"


def lost(desired: Desired, uid: str, found: dict[str, Any]) -> dict[str, Any]:
    """
    The metadata to merge into ``found`` for the manifest's owner and labels; empty if it has them.

    Other owners and labels stay. Raises Conflict when it is not the object with ``uid`` any more,
    or somebody else's.
    """
    owners = found.get("ownerReferences") or []
    ours = desired.owners
    controller = next((one["uid"] for one in owners if one.get("controller")), None)
    if found["uid"] != uid or (controller and controller not in {one["uid"] for one in ours}):
        raise Conflict(f"{desired.ref} is not an orphan any more")
    there = found.get("labels") or {}
    patch: dict[str, Any] = {}
    labels = {k: v for k, v in desired.labels.items() if there.get(k) != v}
    if labels:
        patch["labels"] = labels
    if ours and controller is None:
        uids = {one["uid"] for one in ours}
        patch["ownerReferences"] = [*(one for one in owners if one["uid"] not in uids), *ours]
    guard = {"uid": uid, "resourceVersion": found["resourceVersion"]}
    return guard | patch if patch else {}
