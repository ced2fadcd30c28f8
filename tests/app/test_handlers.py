"""What kopf tells becomes what is known and what is queued."""

from __future__ import annotations

import random
from typing import Any

import pytest

from digital_human_operator.handlers import LISTED_PRIORITY, _handler
from digital_human_operator.kube.workqueue import WorkQueue
from digital_human_operator.seen import Key, Seen, SeenObjects, seen_from

ADA: Key = ("DigitalHuman", "humans", "ada")


def body(version: int = 1, uid: str = "u1", **parts: Any) -> dict[str, Any]:
    metadata = {
        "name": "ada",
        "namespace": "humans",
        "uid": uid,
        "resourceVersion": str(version),
        "generation": 1,
    }
    return {"metadata": metadata | parts.pop("metadata", {}), "spec": {}} | parts


class Kopf:
    """Calls the handler as kopf does."""

    def __init__(self) -> None:
        self.seen = SeenObjects()
        self.added: list[tuple[Key, int]] = []
        self.handler = _handler("DigitalHuman", self.seen, self._add)

    def _add(self, key: Key, *, priority: int) -> None:
        self.added.append((key, priority))

    async def tell(self, kind: str | None, obj: dict[str, Any], name: str = "ada") -> list[int]:
        """One event; the priorities with which something was queued because of it."""
        self.added.clear()
        event = {"type": kind, "object": obj}
        await self.handler(event=event, namespace="humans", name=name, logger=None, memo={})
        assert all(key == ("DigitalHuman", "humans", name) for key, _ in self.added)
        return [priority for _, priority in self.added]


@pytest.fixture
def kopf() -> Kopf:
    return Kopf()


async def test_listed_objects_wait_behind_changed_ones(kopf: Kopf) -> None:
    assert await kopf.tell(None, body(1)) == [LISTED_PRIORITY]
    assert await kopf.tell("ADDED", body(2), "new") == [0]
    assert await kopf.tell("MODIFIED", body(3, spec={"replicas": 2})) == [0]
    queue: WorkQueue[Key] = WorkQueue()
    queue.add(("DigitalHuman", "humans", "listed"), priority=LISTED_PRIORITY)
    queue.add(ADA, priority=0)
    assert await queue.get() == ADA


async def test_second_list_that_says_nothing_new_queues_nothing(kopf: Kopf) -> None:
    await kopf.tell(None, body(1))
    assert await kopf.tell(None, body(1)) == []


async def test_deletion_removes_and_queues(kopf: Kopf) -> None:
    await kopf.tell("ADDED", body(1))
    assert await kopf.tell("DELETED", body(2)) == [0]
    assert kopf.seen.get(ADA) is None
    assert len(kopf.seen) == 0


async def test_late_deletion_of_a_predecessor_removes_nothing(kopf: Kopf) -> None:
    await kopf.tell("ADDED", body(5, uid="u2"))
    assert await kopf.tell("DELETED", body(4, uid="u1")) == [0]
    assert kopf.seen.get(ADA) is not None


async def test_object_of_the_same_name_is_another_one(kopf: Kopf) -> None:
    await kopf.tell("ADDED", body(1))
    await kopf.tell("DELETED", body(2))
    assert await kopf.tell("ADDED", body(3, uid="u2")) == [0]


async def test_old_event_does_not_turn_the_clock_back(kopf: Kopf) -> None:
    """Our own status write is known before kopf tells of the change that came before it."""
    kopf.seen.upsert(ADA, seen_from(body(7, spec={"replicas": 3})))
    assert await kopf.tell("MODIFIED", body(6, spec={"replicas": 2})) == []
    found = kopf.seen.get(ADA)
    assert found is not None
    assert found.spec_object() == {"replicas": 3}


@pytest.mark.parametrize(
    ("change", "queued"),
    [
        ({"spec": {"replicas": 2}}, True),
        ({"status": {"phase": "Ready"}}, True),
        ({"metadata": {"annotations": {"aiqtoolkit.io/x": "1"}}}, True),
        ({"metadata": {"annotations": {"sub.aiqtoolkit.io/x": "1"}}}, True),
        ({"metadata": {"deletionTimestamp": "2026-03-01T12:00:00Z"}}, True),
        ({"metadata": {"generation": 2}}, True),
        ({"metadata": {"annotations": {"example.com/x": "1"}}}, False),
        ({"metadata": {"labels": {"team": "x"}, "managedFields": [{"manager": "m"}]}}, False),
        ({"metadata": {"finalizers": ["a/b"]}}, False),
    ],
)
async def test_only_what_a_reconcile_looks_at_queues(
    kopf: Kopf, change: dict[str, Any], queued: bool
) -> None:
    await kopf.tell("ADDED", body(1))
    assert await kopf.tell("MODIFIED", body(2, **change)) == [0] * queued


def test_little_is_kept_of_an_object() -> None:
    seen = seen_from(
        body(
            9,
            spec={"a": {"b": [1, 2]}},
            status={"phase": "Ready"},
            metadata={
                "annotations": {"aiqtoolkit.io/x": "1", "notaiqtoolkit.example/y": "2"},
                "managedFields": [{"manager": "m" * 1000}],
            },
        )
    )
    assert seen.resource_version == 9
    assert seen.spec_object() == {"a": {"b": [1, 2]}}
    assert seen.status_object() == {"phase": "Ready"}
    assert seen.annotations_object() == {"aiqtoolkit.io/x": "1"}
    assert sum(len(p) for p in (seen.spec, seen.status, seen.annotations)) < 100


def test_object_without_spec_and_status_is_empty() -> None:
    bare = {"metadata": {"uid": "u", "resourceVersion": "1"}}
    assert seen_from(bare) == Seen(
        "u", 1, 0, deleted="", finalizer=False, annotations=b"{}", spec=b"{}", status=b"{}"
    )


def test_late_event_of_the_one_before_does_not_bring_it_back() -> None:
    seen = SeenObjects()
    seen.upsert(ADA, seen_from(body(5, uid="old")))
    assert seen.upsert(ADA, seen_from(body(9, uid="new")))
    assert not seen.upsert(ADA, seen_from(body(6, uid="old", spec={"replicas": 2})))
    assert seen.get(ADA) == seen_from(body(9, uid="new"))


def test_order_of_keys_is_no_change() -> None:
    seen = SeenObjects()
    names = [f"k{i}" for i in range(20)]
    seen.upsert(ADA, seen_from(body(1, spec=dict.fromkeys(names, 1))))
    random.Random(1).shuffle(names)
    assert not seen.upsert(ADA, seen_from(body(2, spec=dict.fromkeys(names, 1))))


def test_keys_can_be_walked_while_they_change() -> None:
    seen = SeenObjects()
    for i in range(3):
        seen.upsert(("DigitalHuman", "humans", str(i)), seen_from(body()))
    for key in seen:
        seen.remove(key)
    assert len(seen) == 0
    seen.remove(ADA)  # what is not known is no error
