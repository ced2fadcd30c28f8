"""
The ways to skip a write, and the write.

A desired object is not sent when our part of the live object is equal to it: the store knows the
digest of that part. Otherwise it is applied server-side with force, and the answer is remembered at
once together with the digest of what was sent. So an object that looks different although it was
just applied (a rule of normal.py broken, or a webhook that insists) is sent once, and again only
after somebody has changed it or after a restart.

No write can touch an object of somebody else, seen or unseen, and none costs an extra request:

* An object that we do not know is applied with a resource version that no object has. The API
  server creates it if the name is free and answers 409 if it is taken; only then do we look.
* An object that we know is applied with its uid and version: were it replaced, taken over or let
  go meanwhile, that is a 409 too.
* One that was let go is given back to its owner only while that one stays (see adoption.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

import msgspec

from .adoption import Owners
from .client import ApiClient
from .desired import Desired, Ref, lost
from .errors import Conflict, NotFound
from .fights import Entry, Fights, rewriter
from .live import Decoder, Live
from .resources import Resource
from .store import Store

_log = logging.getLogger(__name__)
_encode = msgspec.json.encode

_SOON = 0.01
"""Least seconds after which to look again at what is held back."""

# Versions start above 1 on every etcd, so this one is never the version of an object.
_NO_SUCH_VERSION = b'"resourceVersion":"1"'


class Result(Enum):
    """What became of an apply; only the last three sent something to the API server."""

    UNCHANGED = "unchanged"
    DELETING = "deleting"  # ours, but going away: to be applied again when it is gone
    FOREIGN = "foreign"
    HELD = "held"  # somebody else rewrites it again and again: to be applied later
    CREATED = "created"
    CHANGED = "changed"
    CONFIRMED = "confirmed"  # the API server found nothing to change


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result, for FOREIGN with a description of who owns the object, else with its state."""

    result: Result
    live: Live | None = None
    detail: str = ""
    again: float = 0.0
    """Seconds after which to look again, in a fight about the object; then ``detail`` says who."""

    @property
    def wrote(self) -> bool:
        """Whether the object is another one now than it was before."""
        return self.result in {Result.CREATED, Result.CHANGED}


@dataclass(frozen=True, slots=True)
class _Facts:
    """By what an object is recognised as ours or not."""

    owner: str | None
    label: str | None
    applied: bool


class _Owner(msgspec.Struct):
    uid: str
    kind: str = ""
    name: str = ""
    controller: bool | None = None


class _Metadata(msgspec.Struct):
    uid: str
    resourceVersion: str  # noqa: N815
    ownerReferences: list[_Owner] | None = None  # noqa: N815 - the API's own spelling
    labels: dict[str, str] | None = None
    deletionTimestamp: str | None = None  # noqa: N815
    managedFields: list[Entry] = []  # noqa: N815


class _Found(msgspec.Struct):
    metadata: _Metadata


_decode_found = msgspec.json.Decoder(_Found).decode


class Applier:
    """
    Applies objects as ``manager`` and prunes what is not wanted any more.

    ``stores`` and ``decoders`` are those that the reflectors use. ``ownership_label`` is the key
    of the label by which objects without owner references are recognised as ours: its value in
    the live object must be the one in the body. The decoders must read the same label.
    ``owners`` are the kinds that manifests may name as their owner.
    """

    def __init__(
        self,
        client: ApiClient,
        manager: str,
        stores: Mapping[Resource, Store],
        decoders: Mapping[Resource, Decoder],
        *,
        ownership_label: str,
        owners: Iterable[Resource],
    ) -> None:
        self._client = client
        self._manager = manager
        self._stores = stores
        self._decoders = decoders
        self._label = ownership_label
        self._owners = Owners(client, owners)
        self.fights = Fights()

    async def apply(self, desired: Desired, owner_uid: str) -> Outcome:
        """
        Make ``desired`` true; safe to call concurrently for different objects.

        What somebody else rewrites again and again is held back, longer each time. Raises Conflict
        when the object changed under our hands, Invalid when it is refused or an immutable field
        differs, and the other ApiErrors.
        """
        outcome = await self._apply(desired, owner_uid)
        again = self.fights.hold(desired.ref, desired.stake)
        if outcome.result is Result.HELD:
            again = max(again, _SOON)  # the hold may have ended since
        if not again or outcome.result in {Result.FOREIGN, Result.DELETING}:
            return outcome
        return replace(outcome, detail=self.fights.who(desired.ref), again=again)

    async def _apply(self, desired: Desired, owner_uid: str) -> Outcome:
        live = self._stores[desired.resource].get(desired.namespace, desired.name)
        if live is not None:
            if (standing := self._left_alone(desired, owner_uid, live)) is not None:
                return standing
            if desired.create_only or live.digest == desired.digest:
                return await self._keep(desired, live)
        if self.fights.hold(desired.ref, desired.stake):
            return Outcome(Result.HELD, live)
        if live is None:
            return await self._create(desired, owner_uid)
        return await self._update(desired, owner_uid, live)

    def _left_alone(self, desired: Desired, owner_uid: str, live: Live) -> Outcome | None:
        """Whether it is somebody else's, or ours and going away."""
        facts = _Facts(live.owner_uid, live.label, applied=bool(live.digest))
        if not self._is_ours(desired, owner_uid, facts):
            return Outcome(Result.FOREIGN, live, _describe(live.owner_uid))
        return Outcome(Result.DELETING, live) if live.deleting else None

    def marks(self, desired: Desired) -> bytes:
        """Equal to ``Live.marks`` of an object that has all labels of the manifest."""
        return self._decoders[desired.resource].marks(desired.labels)

    async def retire(self, desired: Desired, live: Live) -> None:
        """Delete what cannot be changed, whatever its state, so that it can be made again."""
        with contextlib.suppress(NotFound):
            await self._client.delete(
                desired.resource, desired.namespace, desired.name, uid=live.uid
            )

    async def prune(
        self,
        owner_uid: str,
        keep: set[tuple[Resource, str, str]],
        *,
        orphans: tuple[str, str] | None = None,
        protect: Callable[[Resource, Live], bool] = lambda _resource, _live: False,
    ) -> list[Ref]:
        """
        Delete what ``owner_uid`` controls, except ``keep`` and what ``protect`` says; what went.

        With ``orphans``, a namespace and a value of the ownership label, also what has it there, is
        controlled by nobody, and was applied by us.

        Only the very state that was looked at is deleted: raises Conflict when it has changed.
        """
        doomed = [
            (resource, live)
            for resource, store in self._stores.items()
            for live in belongings(store, owner_uid, orphans)
            if not live.deleting
            and (resource, live.namespace, live.name) not in keep
            and not protect(resource, live)
        ]
        if doomed:
            deletions = (self._delete(resource, live) for resource, live in doomed)
            failures = await asyncio.gather(*deletions, return_exceptions=True)
            for failure in failures:
                if failure is not None:
                    raise failure
        return [Ref(resource, live.namespace, live.name) for resource, live in doomed]

    async def _update(self, desired: Desired, owner_uid: str, live: Live) -> Outcome:
        """Apply an object that we know."""
        if live.owner_uid is None:
            await self._owners.confirm(desired)
        try:
            return await self._send(desired, live.uid, live.resource_version)
        except Conflict:
            # Deleted, replaced or changed, and the watch has not told us yet.
            found = await self._look(desired)
        if found is not None:
            return await self._apply_found(desired, owner_uid, found)
        return await self._create(desired, owner_uid)

    async def _create(self, desired: Desired, owner_uid: str) -> Outcome:
        """Apply an object that we do not know, without adopting one that is not ours."""
        try:
            return await self._send(desired)
        except Conflict:
            found = await self._look(desired)
            if found is None:
                raise  # it went away in between: the next try creates it
            return await self._apply_found(desired, owner_uid, found)

    async def _apply_found(self, desired: Desired, owner_uid: str, found: _Metadata) -> Outcome:
        """Apply an object whose state the watch has not told us yet."""
        owner = _controller(found)
        if not self._is_ours(desired, owner_uid, self._facts(found, owner)):
            return Outcome(Result.FOREIGN, None, _describe(owner))
        if found.deletionTimestamp is not None:
            return Outcome(Result.DELETING)
        if desired.create_only:
            return await self._mend(desired, found.uid)
        if owner is None:
            await self._owners.confirm(desired)
        return await self._send(desired, found.uid, int(found.resourceVersion))

    async def _send(self, desired: Desired, uid: str = "", version: int | None = None) -> Outcome:
        """Write over this very state of the object; without one, create it."""
        store = self._stores[desired.resource]
        back = version is not None or store.was_deleted(desired.namespace, desired.name)
        if back and self.fights.begins(desired.ref, desired.stake):
            await self._name(desired)
        answer = await self._client.apply(
            desired.resource,
            desired.namespace,
            desired.name,
            desired.encoded(_guard(uid, version)),
            manager=self._manager,
        )
        decoder = self._decoders[desired.resource]
        live = decoder.decode_applied(answer, store.get, desired.digest)
        store.confirm(live)
        unchanged = version == live.resource_version
        if back and not unchanged:
            self.fights.wrote(desired.ref, desired.stake)
        if version is None:
            return Outcome(Result.CREATED, live)
        return Outcome(Result.CONFIRMED if unchanged else Result.CHANGED, live)

    async def _keep(self, desired: Desired, live: Live) -> Outcome:
        """Leave an object of ours as it is, unless it is written once and lost owner or labels."""
        is_orphan = live.owner_uid is None and bool(desired.owners)
        is_labelled = live.label == desired.labels.get(self._label)
        is_labelled = is_labelled and live.marks == self.marks(desired)
        if (is_labelled and not is_orphan) or not desired.create_only:
            return Outcome(Result.UNCHANGED, live)
        if self.fights.hold(desired.ref, desired.stake):
            return Outcome(Result.HELD, live)
        return await self._mend(desired, live.uid)

    async def _mend(self, desired: Desired, uid: str) -> Outcome:
        """
        Give an object of ours its owner and labels back, and leave everything else of it as it is.

        Other owners and labels stay. Raises Conflict when it is another object by now, or changed
        meanwhile.
        """
        address = (desired.resource, desired.namespace, desired.name)
        try:
            raw = await self._client.get(*address, metadata_only=True)
            missing = lost(desired, uid, msgspec.json.decode(raw)["metadata"])
            if not missing:
                return self.remember(desired, await self._client.get(*address))
        except NotFound as gone:
            raise Conflict(f"{desired.ref} went away") from gone
        if "ownerReferences" in missing:
            await self._owners.confirm(desired)
        if self.fights.begins(desired.ref, desired.stake):
            await self._name(desired)
        answer = await self._client.merge_patch(
            *address, _encode({"metadata": missing}), manager=self._manager
        )
        self.fights.wrote(desired.ref, desired.stake)
        return replace(self.remember(desired, answer), result=Result.CHANGED)

    def remember(self, desired: Desired, raw: bytes) -> Outcome:
        """Know an object as the API server shows it, seen by the watch or not."""
        store = self._stores[desired.resource]
        live = self._decoders[desired.resource].decode_known(raw, store.get)
        store.confirm(live)
        return Outcome(Result.UNCHANGED, live)

    async def _name(self, desired: Desired) -> None:
        """Find out who rewrites an object, before our next write hides it."""
        found = await self._look(desired)
        who = "somebody who deletes it"
        if found is not None:
            who = rewriter(found.managedFields, self._manager, desired.body)
        self.fights.name(desired.ref, who)
        _log.warning("%s is rewritten again and again by %s; waiting longer", desired.ref, who)

    async def _look(self, desired: Desired) -> _Metadata | None:
        try:
            raw = await self._client.get(
                desired.resource, desired.namespace, desired.name, metadata_only=True
            )
        except NotFound:
            return None
        return _decode_found(raw).metadata

    async def _delete(self, resource: Resource, live: Live) -> None:
        try:
            await self._client.delete(
                resource,
                live.namespace,
                live.name,
                uid=live.uid,
                resource_version=live.resource_version,
            )
        except NotFound:
            self._stores[resource].remove(live.namespace, live.name, live.resource_version)

    def _facts(self, found: _Metadata, owner: _Owner | None) -> _Facts:
        applied = any(
            e.manager == self._manager and e.operation == "Apply" for e in found.managedFields
        )
        label = (found.labels or {}).get(self._label)
        return _Facts(owner.uid if owner else None, label, applied=applied)

    def _is_ours(self, desired: Desired, owner_uid: str, live: _Facts) -> bool:
        """
        By its controller; without one by its label, if the manifest names no owner either.

        A manifest with an owner may take over an object without one that we applied ourselves:
        one that was to outlive its owner and is not any more.
        """
        if live.owner is not None:
            return live.owner == owner_uid
        wanted = desired.labels.get(self._label)
        if wanted is None or wanted != live.label:
            return False
        return live.applied or not desired.owners


def belongings(store: Store, owner_uid: str, orphans: tuple[str, str] | None) -> list[Live]:
    """What ``owner_uid`` controls; with ``orphans`` also what an earlier owner left (see prune)."""
    found = store.owned_by(owner_uid)
    if orphans is not None:
        namespace, label = orphans
        found += [
            live
            for live in store.labelled(label)
            if live.owner_uid is None and live.namespace == namespace and live.digest
        ]
    return found


def _guard(uid: str, version: int | None) -> bytes:
    """So that a write meets the very state that was looked at, or is a 409."""
    if version is None:
        return _NO_SUCH_VERSION
    return b'"uid":%b,"resourceVersion":"%d"' % (_encode(uid), version)


def _controller(metadata: _Metadata) -> _Owner | None:
    return next((o for o in metadata.ownerReferences or () if o.controller), None)


def _describe(owner: _Owner | str | None) -> str:
    """Who owns a foreign object, for a message to a person."""
    if owner is None:
        return "it has no controller"
    if isinstance(owner, str):
        return f"it is controlled by the object with uid {owner}"
    return f"it is controlled by {owner.kind} {owner.name} ({owner.uid})"
