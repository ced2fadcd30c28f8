"""
Controllers at a fake API server: real requests over loopback, and no watch but ``look``.

``look`` makes the stores show what the server has, as complete watches would.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from digital_human_operator.controllers.backups import BackupController
from digital_human_operator.controllers.digitalhuman import DigitalHumanController
from digital_human_operator.controllers.restores import RestoreController
from digital_human_operator.controllers.services import Services
from digital_human_operator.kinds import BACKUPS, BY_KIND, HUMANS, OWN, PODS
from digital_human_operator.kube.client import ApiClient, open_session
from digital_human_operator.kube.credentials import Credentials
from digital_human_operator.kube.live import Decoder
from digital_human_operator.kube.resources import Resource
from digital_human_operator.kube.store import Store
from digital_human_operator.kube.workqueue import WorkQueue
from digital_human_operator.names import CHILD_SELECTOR, REDIS_SELECTOR
from digital_human_operator.seen import Key, seen_from
from digital_human_operator.watches import Watches

from .builders import IMAGES
from .fake_server import FakeServer, selected

NAMESPACE = "humans"
WRITES = {"apply", "create", "update", "patch", "delete"}
_ALL = {r.kind: r for r in (*OWN, *BY_KIND.values(), PODS)}


def credentials_of(server: FakeServer) -> Credentials:
    """Whom the fake server lets in."""
    return Credentials(server.url, None, lambda: "token", "default")


def address(kind: str, name: str) -> str:
    """Where the server keeps an object."""
    return _ALL[kind].path(NAMESPACE, name)


class World:
    """One fake server, what the operator knows of it, and its controllers."""

    def __init__(self, server: FakeServer, client: ApiClient) -> None:
        self.server = server
        self.queue: WorkQueue[Key] = WorkQueue()
        self.watches = Watches(client, self.queue, [])
        self.clock = "2026-03-01T12:00:00Z"
        self.services = Services(
            client=client,
            applier=self.watches.applier,
            stores=self.watches.stores,
            pods=self.watches.pods,
            claims=self.watches.claims,
            references=self.watches.references,
            served=self.watches.served,
            recorder=self.watches.recorder("test"),
            seen=self.watches.seen,
            images=IMAGES,
            namespace="digital-human-system",
            wake=self.queue.add,
            now=lambda: self.clock,
        )
        self.humans = DigitalHumanController(self.services)
        self.backups = BackupController(self.services)
        self.restores = RestoreController(self.services)

    # What people do.

    def put(self, kind: str, name: str = "ada", **parts: Any) -> Key:
        """Create or change an object as somebody else; one of ours is seen at once."""
        path = address(kind, name)
        known = self.server.objects.get(path, {})
        metadata = {"name": name} | known.get("metadata", {}) | parts.pop("metadata", {})
        obj = {"apiVersion": _ALL[kind].api_version, "kind": kind} | known | parts
        if kind in {r.kind for r in OWN}:
            changed = bool(known) and obj.get("spec") != known.get("spec")
            metadata["generation"] = metadata.get("generation", 1) + changed
        stored = self.server.put(path, obj | {"metadata": metadata})
        key = (kind, NAMESPACE, name)
        if kind in {r.kind for r in OWN}:
            self.services.seen.upsert(key, seen_from(stored))
        return key

    def human(self, name: str = "ada", **spec: Any) -> Key:
        """Create or change a human."""
        return self.put("DigitalHuman", name, spec=spec)

    # What the operator does.

    def look(self) -> None:
        """Let every store show what the server has."""
        for resource, store in self.services.stores.items():
            self._fill(store, self.watches._decoders[resource], CHILD_SELECTOR)
        self._fill(self.services.pods, self._decoder_of(self.services.pods), CHILD_SELECTOR)
        self._fill(self.services.claims, self._decoder_of(self.services.claims), REDIS_SELECTOR)
        for other in self.services.references._stores.values():
            self._fill(other, Decoder(manager=""))

    async def reconcile(self, key: Key) -> float | None:
        """Look, then reconcile one object."""
        self.look()
        if key[0] == HUMANS.kind:
            return await self.humans.reconcile(key)
        if key[0] == BACKUPS.kind:
            return await self.backups.reconcile(key)
        return await self.restores.reconcile(key)

    async def start(self, key: Key) -> None:
        """Reconcile a new human until it has its Pods: one with a Redis waits for its password."""
        await self.reconcile(key)
        await self.reconcile(key)

    # What became of it.

    def get(self, kind: str, name: str = "ada") -> dict[str, Any]:
        """An object of the server; empty when there is none."""
        return self.server.objects.get(address(kind, name), {})

    def children(self) -> set[tuple[str, str]]:
        """Kind and name of every object that is none of ours to be told what to do."""
        own = {r.kind for r in OWN}
        found = ((o["kind"], o["metadata"]["name"]) for o in self.server.objects.values())
        return {one for one in found if one[0] not in own}

    def condition(self, name: str, key: Key = ("DigitalHuman", NAMESPACE, "ada")) -> dict[str, Any]:
        """A condition in an object's status; empty when it has none of that type."""
        conditions = self.get(key[0], key[2]).get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == name), {})

    def writes(self) -> list[str]:
        """Verb and path (from the kind on) of every write since the last call."""
        found = [
            f"{v} {p.rsplit('/namespaces/', 1)[-1]}" for v, p in self.server.log if v in WRITES
        ]
        self.server.log.clear()
        return [one.replace(f" {NAMESPACE}/", " ") for one in found]

    def events(self) -> list[str]:
        """Reasons of the Kubernetes Events that wait to be sent."""
        return [item.event["reason"] for item in self.services.recorder._queue]

    def _fill(self, store: Store, decoder: Decoder, selector: str = "") -> None:
        listed = [
            decoder.decode_known(json.dumps(obj).encode(), store.get)
            for path, obj in self.server.objects.items()
            if _is_of(path, store.resource)
            and selected(selector, obj["metadata"].get("labels") or {})
        ]
        store.replace(listed, self.server._version)

    def _decoder_of(self, store: Store) -> Decoder:
        return next(r for r in self.watches._reflectors if r._store is store)._decoder


def _is_of(path: str, resource: Resource) -> bool:
    return path.startswith(f"{resource.path(NAMESPACE)}/")


@asynccontextmanager
async def a_world(**client_options: Any) -> AsyncIterator[World]:
    """An empty world."""
    async with FakeServer() as server:
        credentials = credentials_of(server)
        async with open_session(credentials) as session:
            options = {"request_timeout": 2.0} | client_options
            yield World(server, ApiClient(credentials, session, user_agent="test", **options))
