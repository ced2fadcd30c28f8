"""
The last seen fingerprints of one kind, indexed by the object that owns them.

Two writers keep a store: the reflector (what the watch says) and the applier (what the answer to
our own write says, at once). They overtake each other, so a state only replaces an older one, and
a deletion is remembered for a while so that a late answer does not bring the object back.
Resource versions of one kind are compared as numbers.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from .live import Live
from .resources import Resource

Key = tuple[str, str]
Change = tuple[Live | None, Live | None]

_TOMBSTONES = 4096


class Store:
    """Fingerprints of ``resource`` by (namespace, name), by owner uid and by label value."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self._objects: dict[Key, Live] = {}
        self._by_owner: defaultdict[str, dict[Key, Live]] = defaultdict(dict)
        self._by_label: defaultdict[str, dict[Key, Live]] = defaultdict(dict)
        self._gone: OrderedDict[Key, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[Live]:
        return iter(list(self._objects.values()))

    def get(self, namespace: str, name: str) -> Live | None:
        """What is known of an object; None when nothing is."""
        return self._objects.get((namespace, name))

    def was_deleted(self, namespace: str, name: str) -> bool:
        """Whether an object of this name went away lately."""
        return (namespace, name) in self._gone

    def owned_by(self, uid: str) -> list[Live]:
        """Everything whose controller is the object with ``uid``."""
        return list(self._by_owner[uid].values()) if uid in self._by_owner else []

    def labelled(self, value: str) -> list[Live]:
        """Everything whose label (the one that the decoder was told) has ``value``."""
        return list(self._by_label[value].values()) if value in self._by_label else []

    def upsert(self, live: Live) -> bool:
        """Remember ``live``; False when something as new or newer is known already."""
        key = (live.namespace, live.name)
        known = self._objects.get(key)
        newest = known.resource_version if known is not None else self._gone.get(key, -1)
        if live.resource_version <= newest:
            return False
        self._gone.pop(key, None)
        self._put(key, known, live)
        return True

    def confirm(self, live: Live) -> None:
        """
        Remember the answer to a write of ours.

        Unlike ``upsert`` it also tells what is known already, perhaps newer in its status, that
        the object is as we wanted it.
        """
        if self.upsert(live):
            return
        key = (live.namespace, live.name)
        known = self._objects.get(key)
        if known is not None and known.quick == live.quick and known.digest != live.digest:
            self._put(key, known, replace(known, digest=live.digest))

    def remove(self, namespace: str, name: str, resource_version: int) -> Live | None:
        """
        Forget an object that was deleted at ``resource_version``.

        Returns what was known; None when nothing was, or when something newer is there since.
        """
        key = (namespace, name)
        known = self._objects.get(key)
        if known is not None and known.resource_version > resource_version:
            return None
        self._bury(key, resource_version)
        if known is not None:
            self._put(key, known, None)
        return known

    def replace(
        self,
        listed: Iterable[Live],
        list_version: int,
        *,
        namespace: str | None = None,
        rewound: bool = False,
    ) -> list[Change]:
        """
        Make the store show a complete list of ``namespace`` (None: of all); what changed by it.

        Objects that are newer than the list stay. ``rewound`` says that the server's versions went
        backwards (etcd was restored) or that the kind is gone: then the list wins over everything,
        and objects may come back with the versions they had.
        """
        if rewound:
            self._gone.clear()
        changes: list[Change] = []
        present: set[Key] = set()
        for live in listed:
            key = (live.namespace, live.name)
            present.add(key)
            old = self._objects.get(key)
            if rewound and old is not None:
                self._put(key, old, None)
            if self.upsert(live):
                changes.append((old, live))
        for key, old in list(self._objects.items()):
            if key in present or (namespace is not None and key[0] != namespace):
                continue
            if rewound or old.resource_version <= list_version:
                if not rewound:
                    self._bury(key, list_version)
                self._put(key, old, None)
                changes.append((old, None))
        return changes

    def _put(self, key: Key, old: Live | None, new: Live | None) -> None:
        if old is not None:
            _unlink(self._by_owner, old.owner_uid, key)
            _unlink(self._by_label, old.label, key)
        if new is None:
            del self._objects[key]
            return
        self._objects[key] = new
        if new.owner_uid is not None:
            self._by_owner[new.owner_uid][key] = new
        if new.label is not None:
            self._by_label[new.label][key] = new

    def _bury(self, key: Key, resource_version: int) -> None:
        self._gone[key] = max(resource_version, self._gone.get(key, 0))
        self._gone.move_to_end(key)
        if len(self._gone) > _TOMBSTONES:
            self._gone.popitem(last=False)


def _unlink(index: dict[str, dict[Key, Live]], value: str | None, key: Key) -> None:
    if value is None or value not in index:
        return
    index[value].pop(key, None)
    if not index[value]:
        del index[value]
