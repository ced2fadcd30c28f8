"""Everything that is watched, and how a change finds the human that it belongs to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any

import msgspec

from digital_human_operator.kinds import (
    BACKUPS,
    BY_KIND,
    CHILDREN,
    CLAIMS,
    HUMANS,
    METRICS,
    OPTIONAL,
    OWN,
    PODS,
    WRITTEN_ONCE,
)
from digital_human_operator.kube.apply import Applier
from digital_human_operator.kube.client import ApiClient
from digital_human_operator.kube.discovery import Served
from digital_human_operator.kube.errors import Forbidden, NotFound
from digital_human_operator.kube.events import Recorder
from digital_human_operator.kube.live import Decoder, Live
from digital_human_operator.kube.references import References
from digital_human_operator.kube.reflector import Reflector
from digital_human_operator.kube.resources import Resource
from digital_human_operator.kube.store import Store
from digital_human_operator.kube.workqueue import WorkQueue
from digital_human_operator.names import (
    CHILD_SELECTOR,
    FIELD_MANAGER,
    LABEL_HUMAN,
    LABELS,
    REDIS_SELECTOR,
)
from digital_human_operator.observed import EXTRACTORS
from digital_human_operator.seen import Key, SeenObjects, seen_from
from digital_human_operator.states import JobState, PodState

from .handlers import LISTED_PRIORITY

_log = logging.getLogger(__name__)

_JOBS = BY_KIND["Job"]
STATUS_DELAY = 0.25
"""Seconds that changes of a child's status are collected before the human is looked at."""


class _Metadata(msgspec.Struct):
    name: str
    namespace: str
    uid: str


class _Object(msgspec.Struct):
    metadata: _Metadata


_decode = msgspec.json.Decoder(_Object).decode


class Watches:
    """Stores of children, Pods, references and custom resources, kept true by reflectors."""

    def __init__(self, client: ApiClient, queue: WorkQueue[Key], namespaces: Sequence[str]) -> None:
        self._client = client
        self._queue = queue
        self._scopes: tuple[str | None, ...] = tuple(namespaces) or (None,)
        self.seen = SeenObjects()
        self.stores = {r: Store(r) for r in (*CHILDREN, *OPTIONAL)}
        self.pods = Store(PODS)
        self.claims = Store(CLAIMS)
        decoders = {r: _decoder(r) for r in (*CHILDREN, *OPTIONAL)}
        self._decoders = decoders
        self.references = References(client, self._references_changed, namespaces=self._scopes)
        self.served = Served(
            client,
            OPTIONAL,
            self._served_changed,
            groups=METRICS,
            on_absent=self._look_at_all,
        )
        self.applier = Applier(
            client,
            FIELD_MANAGER,
            self.stores,
            decoders,
            ownership_label=LABEL_HUMAN,
            owners=OWN,
        )
        self._reflectors = [
            self._reflector(store, decoders[resource], scope)
            for resource, store in self.stores.items()
            if resource in CHILDREN
            for scope in self._scopes
        ]
        self._reflectors += [
            self._reflector(self.pods, _decoder(PODS), scope) for scope in self._scopes
        ]
        self._reflectors += [
            self._reflector(self.claims, _decoder(CLAIMS), scope, REDIS_SELECTOR)
            for scope in self._scopes
        ]
        self._optional: dict[Resource, asyncio.Task[None]] = {}

    def recorder(self, instance: str) -> Recorder:
        """The sender of Kubernetes Events."""
        return Recorder(self._client, FIELD_MANAGER, instance)

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self.served.run())
            group.create_task(self.references.run())
            for reflector in self._reflectors:
                group.create_task(reflector.run())

    async def wait_synced(self) -> None:
        """
        Return when every store is complete, but for what may not be read.

        That would stop the work for every human because of a kind that one of them may use, or of
        one namespace; who needs it is told Forbidden in status.
        """
        await self.served.synced.wait()
        await self.references.wait_synced()
        for reflector in self._reflectors:
            await reflector.answered.wait()

    async def see_own(self) -> None:
        """
        See every custom resource once.

        kopf does not say when its first lists are complete. Until then a human could look as if no
        restore held it back, and a restore as if its human or its backup were gone. What kopf has
        told to be gone while it was on the list goes again.
        """
        added = 0
        for resource in OWN:
            for scope in self._scopes:
                try:
                    async for page in self._client.list_pages(resource, scope):
                        for item in page.items:
                            added += self._see(resource, msgspec.json.decode(item))
                except (NotFound, Forbidden) as error:  # kopf goes on asking for it
                    _log.warning("%s cannot be listed yet: %s", resource, error.message)
        if added:
            await self.sweep()

    def _see(self, resource: Resource, body: dict[str, Any]) -> bool:
        key = (resource.kind, body["metadata"]["namespace"], body["metadata"]["name"])
        if not self.seen.upsert(key, seen_from(body)):
            return False
        self._queue.add(key, priority=LISTED_PRIORITY)
        return True

    def silent(self, now: float, seconds: float) -> str | None:
        """The first watch of which nothing was heard for so long; None while all live."""
        for reflector in (*self._reflectors, *self.references.reflectors):
            quiet = now - reflector.last_heard
            if reflector.watches and quiet > seconds:
                return f"nothing was heard of {reflector.resource} for {quiet:.0f} s"
        return None

    async def sweep(self) -> None:
        """Compare the known custom resources with a list, and queue those that are gone."""
        for resource in OWN:
            known = {key for key in self.seen if key[0] == resource.kind}
            there: set[tuple[Key, str]] = set()
            for scope in self._scopes:
                there |= await self._there(resource, scope)
            for key in known:
                seen = self.seen.get(key)
                if seen is not None and (key, seen.uid) not in there:
                    self.seen.remove(key, seen.uid)
                    self._queue.add(key)

    async def _there(self, resource: Resource, scope: str | None) -> set[tuple[Key, str]]:
        """Keys and uids of what there is; nothing when the kind is not served any more."""
        there: set[tuple[Key, str]] = set()
        try:
            async for page in self._client.list_pages(resource, scope, metadata_only=True):
                for item in page.items:
                    found = _decode(item).metadata
                    there.add(((resource.kind, found.namespace, found.name), found.uid))
        except NotFound:
            return set()
        return there

    def _reflector(
        self, store: Store, decoder: Decoder, scope: str | None, selector: str = CHILD_SELECTOR
    ) -> Reflector:
        return Reflector(
            self._client,
            store,
            decoder,
            namespace=scope,
            label_selector=selector,
            on_change=self._child_changed,
            on_access=partial(self._may_read, store.resource, scope),
        )

    def _may_read(self, resource: Resource, scope: str | None, allowed: bool) -> None:
        if resource in OPTIONAL and self.served.allow(resource, scope, allowed):
            self._look_at_all()
        if not allowed:
            where = f" in namespace {scope}" if scope else ""
            _log.error(
                "not allowed to read %s%s: humans that need them will say Forbidden; install the"
                " chart's rules of this version, or leave the namespace out",
                resource,
                where,
            )

    def _child_changed(self, old: Live | None, new: Live | None, initial: bool) -> None:
        both = [live for live in (old, new) if live is not None]
        keys = {key for live in both for key in (*self._owners(live), self._teller(live))}
        for key in keys:
            if key is None:
                continue
            if initial:
                self._queue.add(key, priority=LISTED_PRIORITY)
            elif old is None or new is None or old.quick != new.quick or new.deleting:
                self._queue.add(key)
            elif old.status != new.status:
                self._queue.add_after(key, STATUS_DELAY)

    def _owners(self, live: Live) -> tuple[Key | None, Key | None]:
        """The human by its label, and whose it is by its controller."""
        return _owner(live), self.seen.key_of(live.owner_uid)

    def _teller(self, live: Live) -> Key | None:
        """The DigitalHumanBackup or DigitalHumanRestore that tells of a Job or of its Pod."""
        state = live.status
        if isinstance(state, PodState) and state.job:
            job = self.stores[_JOBS].get(live.namespace, state.job)
            return self._teller(job) or self.seen.key_of(job.owner_uid) if job else None
        if not isinstance(state, JobState) or not state.recorded:
            return None
        key = (BACKUPS.kind, live.namespace, state.recorded)
        return key if self.seen.get(key) is not None else None

    def _references_changed(self, requesters: set[Hashable]) -> None:
        for key in requesters:
            self._queue.add(key)  # type: ignore[arg-type]

    def _served_changed(self, resource: Resource, served: bool) -> None:
        if served and resource not in self._optional:
            for scope in self._scopes:
                reflector = self._reflector(self.stores[resource], self._decoders[resource], scope)
                self._reflectors.append(reflector)
                self._optional[resource] = self._group.create_task(reflector.run())
        self._look_at_all()

    def _look_at_all(self) -> None:
        for key in self.seen:
            if key[0] == HUMANS.kind:
                self._queue.add_after(key, 2, priority=LISTED_PRIORITY)


def _decoder(resource: Resource) -> Decoder:
    extract = EXTRACTORS.get(resource.kind)
    marks = LABELS if resource.kind in WRITTEN_ONCE else ()
    make = partial(Decoder, FIELD_MANAGER, LABEL_HUMAN, marks=marks)
    return make(extract) if extract is not None else make()


def _owner(live: Live) -> Key | None:
    return (HUMANS.kind, live.namespace, live.label) if live.label else None
