"""
One watched object as a fingerprint of half a kibibyte.

A Deployment as a dict costs 31 KiB. What a controller asks about it is little: who owns it, is it
going away, is our part of it as we want it, and a few numbers of its status. ``Decoder`` answers
these once, when the event arrives, and lets the object go.

An event that only changes the status or the bookkeeping of other managers is recognised by a hash
of the raw bytes (``quick``) and takes a fast path without parsing the object.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import msgspec

from .normal import digest, normalise
from .ownership import project_fields

RawObject = bytes | msgspec.Raw
Extract = Callable[[Mapping[str, msgspec.Raw]], Any]


@dataclass(frozen=True, slots=True)
class Live:
    """
    What is remembered of an object.

    ``digest`` identifies the part that our manager applied (``b""``: it applied nothing),
    ``quick`` everything that this digest is computed from, ``label`` is the value of the label
    that the decoder was asked for, ``status`` whatever the kind's ``extract`` made of the object,
    ``marks`` identifies the values of the labels that the decoder looks at besides.
    """

    namespace: str
    name: str
    uid: str
    resource_version: int
    owner_uid: str | None
    label: str | None
    deleting: bool
    digest: bytes
    quick: bytes
    status: Any
    marks: bytes = b""


class _Entry(msgspec.Struct):
    manager: str = ""
    operation: str = ""
    subresource: str = ""
    fieldsV1: msgspec.Raw = msgspec.Raw(b"{}")  # noqa: N815 - the API's own spelling


class _Owner(msgspec.Struct):
    uid: str
    kind: str = ""
    name: str = ""
    controller: bool | None = None


class _Metadata(msgspec.Struct):
    name: str
    uid: str = ""
    namespace: str = ""
    resourceVersion: str = "0"  # noqa: N815
    deletionTimestamp: str | None = None  # noqa: N815
    labels: dict[str, str] | None = None
    annotations: msgspec.Raw = msgspec.Raw(b"")
    finalizers: msgspec.Raw = msgspec.Raw(b"")
    ownerReferences: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815
    managedFields: list[_Entry] = []  # noqa: N815 - msgspec copies empty defaults


_decode_top = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_metadata = msgspec.json.Decoder(_Metadata).decode
_decode_owners = msgspec.json.Decoder(list[_Owner] | None).decode
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.encode
_intern = sys.intern


class Decoder:
    """
    Turns raw objects of one kind into ``Live``.

    ``manager`` is our field manager, ``label_key`` the label whose value is indexed, ``extract``
    takes the few facts that controllers need from the undecoded top-level fields, ``marks`` are the
    labels by which an object that is written once is seen to have lost some.
    """

    def __init__(
        self,
        manager: str,
        label_key: str | None = None,
        extract: Extract = lambda _: None,
        *,
        marks: Sequence[str] = (),
    ) -> None:
        self._manager = manager
        self._label_key = label_key
        self._extract = extract
        self._marks = tuple(marks)

    def marks(self, labels: Mapping[str, str] | None) -> bytes:
        """Equal to ``Live.marks`` of an object with these labels, whatever others it has."""
        if not self._marks:
            return b""
        values = [(labels or {}).get(key) for key in self._marks]
        return blake2b(_encode(values), digest_size=16).digest()

    def decode(self, raw: RawObject, previous: Live | None = None) -> Live:
        """Decode ``raw``, known before as ``previous``; msgspec.DecodeError when malformed."""
        return self.decode_known(raw, lambda _namespace, _name: previous)

    def decode_known(self, raw: RawObject, lookup: Callable[[str, str], Live | None]) -> Live:
        """As ``decode``, asking for the previous state once the object's name is known."""
        return self._live(raw, lookup, None)

    def decode_applied(
        self, raw: RawObject, lookup: Callable[[str, str], Live | None], applied: bytes
    ) -> Live:
        """
        Decode the answer to an apply of something with the digest ``applied``.

        That our part of the object is what was sent is what an apply means, so it is not cut out
        and hashed again: this saves most of the work, and an object that looks different from its
        manifest (see normal.py) counts as equal until somebody changes it.
        """
        return self._live(raw, lookup, applied)

    def _live(
        self, raw: RawObject, lookup: Callable[[str, str], Live | None], applied: bytes | None
    ) -> Live:
        top = _decode_top(raw)
        meta = _decode_metadata(top["metadata"])
        version = int(meta.resourceVersion)
        previous = lookup(meta.namespace, meta.name)
        if (
            previous is not None
            and previous.resource_version == version
            and previous.uid == meta.uid
        ):
            # The echo of a write of ours, or a list that says nothing new.
            return previous if applied is None else replace(previous, digest=applied)
        ours = [e for e in meta.managedFields if self._is_ours(e)]
        quick = _quick(top, meta, ours)
        if previous is not None and previous.quick == quick:
            owned = previous.digest if applied is None else applied
            owner, label, marks = previous.owner_uid, previous.label, previous.marks
        else:
            owned = _digest(top, meta, ours) if applied is None else applied
            owner = _controller(meta.ownerReferences)
            label = (meta.labels or {}).get(self._label_key) if self._label_key else None
            marks = self.marks(meta.labels)
        return Live(
            namespace=_intern(meta.namespace),
            name=meta.name if previous is None else previous.name,
            uid=meta.uid if previous is None or previous.uid != meta.uid else previous.uid,
            resource_version=version,
            owner_uid=_intern(owner) if owner else None,
            label=_intern(label) if label is not None else None,
            deleting=meta.deletionTimestamp is not None,
            digest=owned,
            quick=previous.quick if previous is not None and previous.quick == quick else quick,
            status=self._extract(top),
            marks=marks,
        )

    def _is_ours(self, entry: _Entry) -> bool:
        return (
            entry.manager == self._manager and entry.operation == "Apply" and not entry.subresource
        )


def _quick(top: dict[str, msgspec.Raw], meta: _Metadata, ours: list[_Entry]) -> bytes:
    """Hash all that ``Live`` is made of, except status, resource version and deletion."""
    state = blake2b(digest_size=16)
    for key, value in top.items():
        if key not in {"status", "metadata", "apiVersion", "kind"}:
            state.update(key.encode())
            state.update(value)
    if meta.labels:
        state.update(_encode(meta.labels))
    for part in (meta.annotations, meta.finalizers, meta.ownerReferences):
        state.update(b"\0")
        state.update(part)
    for entry in ours:
        state.update(entry.fieldsV1)
    return state.digest()


def _digest(top: dict[str, msgspec.Raw], meta: _Metadata, ours: list[_Entry]) -> bytes:
    """Parse the object, cut our part out of it and hash its canonical form."""
    if not ours:
        return b""
    obj = {k: _decode(v) for k, v in top.items() if k not in {"status", "metadata"}}
    obj["metadata"] = {
        "labels": meta.labels,
        **{
            key: _decode(part)
            for key, part in (
                ("annotations", meta.annotations),
                ("finalizers", meta.finalizers),
                ("ownerReferences", meta.ownerReferences),
            )
            if bytes(part)
        },
    }
    owned: dict[str, Any] = {}
    for entry in ours:
        owned.update(project_fields(obj, _decode(entry.fieldsV1) or {}))
    return digest(normalise(owned))


def _controller(references: msgspec.Raw) -> str | None:
    raw = bytes(references)
    owners = _decode_owners(raw) if raw else None
    return next((o.uid for o in owners or () if o.controller), None)
