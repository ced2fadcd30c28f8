"""
Secrets and ConfigMaps of other people: present, which keys, what digest.

The watch carries metadata only and remembers versions. Contents are read one object at a time,
when somebody refers to it and it has changed, and only key names and a digest stay: no value is
ever kept, so none can be logged or leaked.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import msgspec

from .client import ApiClient
from .errors import NotFound
from .live import Decoder, Live
from .reflector import Reflector
from .resources import Resource
from .store import Store

SECRETS = Resource("", "v1", "Secret", "secrets")
CONFIG_MAPS = Resource("", "v1", "ConfigMap", "configmaps")

Kind = Literal["Secret", "ConfigMap"]
Target = tuple[Kind, str, str]

_MAX_READS = 3
_WATCHED: tuple[tuple[Kind, Resource, str], ...] = (
    ("Secret", SECRETS, "type!=helm.sh/release.v1"),
    ("ConfigMap", CONFIG_MAPS, "metadata.name!=kube-root-ca.crt"),
)


@dataclass(frozen=True, slots=True)
class Reference:
    """
    The names of an object's keys, and a digest (hex) that changes with any key or value.

    ``type`` is that of a Secret, else empty.
    """

    keys: frozenset[str]
    digest: str
    type: str = ""


class _Metadata(msgspec.Struct):
    resourceVersion: str  # noqa: N815 - the API's own spelling


class _Data(msgspec.Struct):
    metadata: _Metadata
    type: str = ""
    data: dict[str, str] | None = None
    binaryData: dict[str, str] | None = None  # noqa: N815 - the API's own spelling


_decode = msgspec.json.Decoder(_Data).decode


class References:
    """
    Watches Secrets and ConfigMaps in ``namespaces`` (None in it: everywhere).

    ``on_change`` is called with the requesters of an object that appeared, changed or went away.
    """

    def __init__(
        self,
        client: ApiClient,
        on_change: Callable[[set[Hashable]], None],
        *,
        namespaces: Sequence[str | None] = (None,),
    ) -> None:
        self._client = client
        self._on_change = on_change
        self._requesters: defaultdict[Target, set[Hashable]] = defaultdict(set)
        self._targets: defaultdict[Hashable, set[Target]] = defaultdict(set)
        self._read: dict[Target, tuple[int, Reference]] = {}
        self._reading: dict[Target, asyncio.Task[Reference | None]] = {}
        self._stores: dict[Kind, Store] = {k: Store(r) for k, r, _ in _WATCHED}
        self._reflectors = [
            self._reflector(kind, namespace, selector)
            for kind, _, selector in _WATCHED
            for namespace in namespaces
        ]

    @property
    def reflectors(self) -> list[Reflector]:
        """For ``synced`` and ``last_heard``; ``run`` runs them."""
        return self._reflectors

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for reflector in self._reflectors:
                group.create_task(reflector.run())

    async def wait_synced(self) -> None:
        """Return when all that we may read is known; until then ``digest`` may say None."""
        for reflector in self._reflectors:
            await reflector.answered.wait()

    def want(self, kind: Kind, namespace: str, name: str, requester: Hashable) -> None:
        """Tell ``requester`` (by ``on_change``) of changes of this object from now on."""
        target = (kind, namespace, name)
        self._requesters[target].add(requester)
        self._targets[requester].add(target)

    def want_only(self, targets: set[Target], requester: Hashable) -> None:
        """As ``want`` for all of these, and nothing else any more; what stays is not read anew."""
        known = self._targets.get(requester, set())
        if known == targets:
            return
        for target in known - targets:
            self._drop(target, requester)
        for target in targets:
            self.want(*target, requester)
        if targets:
            self._targets[requester] = set(targets)
        else:
            self._targets.pop(requester, None)

    def forget(self, requester: Hashable) -> None:
        """``requester`` is not interested in anything any more."""
        for target in self._targets.pop(requester, ()):
            self._drop(target, requester)

    def _drop(self, target: Target, requester: Hashable) -> None:
        self._requesters[target].discard(requester)
        if not self._requesters[target]:
            del self._requesters[target]
            self._read.pop(target, None)

    async def digest(self, kind: Kind, namespace: str, name: str) -> Reference | None:
        """The keys and digest of an object; None when there is no such object."""
        target: Target = (kind, namespace, name)
        found: Reference | None = None
        # What was being read when we came may be older than what the watch has seen since.
        for _ in range(_MAX_READS):
            live = self._stores[kind].get(namespace, name)
            if live is None:
                return None
            known = self._read.get(target)
            if known is not None and known[0] >= live.resource_version:
                return known[1]
            found = await asyncio.shield(self._reader(target))
            if found is None:
                return None
        return found

    def _reader(self, target: Target) -> asyncio.Task[Reference | None]:
        """The one request for ``target`` that is under way, or a new one."""
        task = self._reading.get(target)
        if task is None:
            task = self._reading[target] = asyncio.create_task(self._get(target))
            task.add_done_callback(lambda _: self._reading.pop(target, None))
        return task

    async def _get(self, target: Target) -> Reference | None:
        kind, namespace, name = target
        try:
            raw = await self._client.get(self._stores[kind].resource, namespace, name)
        except NotFound:
            return None
        content = _decode(raw)
        reference = _summary(content)
        self._read[target] = (int(content.metadata.resourceVersion), reference)
        return reference

    def _reflector(self, kind: Kind, namespace: str | None, selector: str) -> Reflector:
        def changed(old: Live | None, new: Live | None, _initial: bool) -> None:
            self._changed(kind, old, new)

        return Reflector(
            self._client,
            self._stores[kind],
            Decoder(manager=""),
            namespace=namespace,
            field_selector=selector,
            metadata_only=True,
            on_change=changed,
        )

    def _changed(self, kind: Kind, old: Live | None, new: Live | None) -> None:
        seen = new or old
        if seen is None:
            return
        target: Target = (kind, seen.namespace, seen.name)
        if new is None:
            self._read.pop(target, None)
        requesters = self._requesters.get(target)
        if requesters:
            self._on_change(set(requesters))


def _summary(content: _Data) -> Reference:
    """Hash names and values with their lengths, so that no two contents look alike."""
    state = sha256()
    values = {**(content.binaryData or {}), **(content.data or {})}
    for key in sorted(values):
        for part in (key.encode(), values[key].encode()):
            state.update(len(part).to_bytes(8, "big"))
            state.update(part)
    return Reference(frozenset(values), state.hexdigest(), content.type)
