from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from digital_human_operator.kube.apply import Applier, Outcome, Result
from digital_human_operator.kube.client import ApiClient
from digital_human_operator.kube.desired import Desired
from digital_human_operator.kube.errors import ApiError, Conflict, ServerError, Unreachable
from digital_human_operator.kube.live import Decoder
from digital_human_operator.kube.store import Store
from tests.support.fake_server import FakeServer

from .conftest import CONFIG_MAPS, OWNERS, an_owner, config_map, owner_reference, path

OWNER = "owner-1"
LABEL = "app"


def desired(
    name: str = "a", owner: str | None = OWNER, *, create_only: bool = False, **data: str
) -> Desired:
    metadata: dict[str, Any] = {"name": name, "namespace": "ns", "labels": {"app": "x"}}
    if owner is not None:
        metadata["ownerReferences"] = [owner_reference(owner)]
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": data or {"k": "v"},
    }
    return Desired(CONFIG_MAPS, "ns", name, body, create_only)


class Setup:
    def __init__(self, client: ApiClient) -> None:
        self.store = Store(CONFIG_MAPS)
        self.decoder = Decoder("m", LABEL)
        self.applier = Applier(
            client,
            "m",
            {CONFIG_MAPS: self.store},
            {CONFIG_MAPS: self.decoder},
            ownership_label=LABEL,
            owners=(OWNERS,),
        )

    async def apply(self, wanted: Desired) -> Outcome:
        return await self.applier.apply(wanted, OWNER)

    async def result(self, wanted: Desired) -> Result:
        return (await self.apply(wanted)).result


@pytest.fixture
def setup(client: ApiClient) -> Setup:
    return Setup(client)


async def test_second_apply_sends_nothing(server: FakeServer, setup: Setup) -> None:
    assert await setup.result(desired()) is Result.CREATED
    assert await setup.result(desired()) is Result.UNCHANGED
    assert [verb for verb, _ in server.log] == ["apply"]


async def test_change_of_ours_and_drift_are_written(server: FakeServer, setup: Setup) -> None:
    await setup.apply(desired(k="1", gone="x"))
    assert await setup.result(desired(k="2")) is Result.CHANGED
    assert server.objects[path("a")]["data"] == {"k": "2"}
    drifted = server.put(path("a"), {**server.objects[path("a")], "data": {"k": "edited"}})
    setup.store.upsert(setup.decoder.decode(_raw(drifted)))
    assert await setup.result(desired(k="2")) is Result.CHANGED
    assert server.objects[path("a")]["data"] == {"k": "2"}


async def test_difference_that_stays_is_sent_once(server: FakeServer, setup: Setup) -> None:
    class Odd(Desired):
        digest = b"looks different"

    plain = desired()
    odd = Odd(plain.resource, plain.namespace, plain.name, plain.body)
    assert await setup.result(odd) is Result.CREATED
    assert await setup.result(odd) is Result.UNCHANGED
    live = setup.store.get("ns", "a")
    assert live is not None
    # A status change is no reason to try again; a change of the object is.
    bumped = {**server.objects[path("a")], "status": {"x": 1}}
    setup.store.upsert(setup.decoder.decode(_raw(server.put(path("a"), bumped)), live))
    assert await setup.result(odd) is Result.UNCHANGED
    edited = {**server.objects[path("a")], "data": {"k": "edited"}}
    setup.store.upsert(setup.decoder.decode(_raw(server.put(path("a"), edited)), live))
    assert await setup.result(odd) is Result.CHANGED
    assert server.count("apply") == 2


async def test_unseen_foreign_object_is_left_alone(server: FakeServer, setup: Setup) -> None:
    theirs = config_map("a", labels={}, ownerReferences=[owner_reference("someone")])
    server.put(path("a"), theirs)
    before = dict(server.objects[path("a")])
    outcome = await setup.apply(desired())
    assert outcome.result is Result.FOREIGN
    assert "Owner o (someone)" in outcome.detail
    server.put(path("b"), config_map("b", labels={"app": "x"}))
    assert (await setup.apply(desired("b"))).detail == "it has no controller"
    assert server.objects[path("a")] == before


async def test_seen_foreign_object_is_left_alone(server: FakeServer, setup: Setup) -> None:
    theirs = server.put(path("a"), config_map("a", ownerReferences=[owner_reference("someone")]))
    setup.store.upsert(setup.decoder.decode(_raw(theirs)))
    assert await setup.result(desired()) is Result.FOREIGN
    assert server.log == []


async def test_ours_without_its_label_is_healed(server: FakeServer, setup: Setup) -> None:
    await setup.apply(desired())
    stripped = dict(server.objects[path("a")])
    stripped["metadata"] = {**stripped["metadata"], "labels": {}}
    server.put(path("a"), stripped)
    setup.store.remove("ns", "a", server._version)
    assert await setup.result(desired()) is Result.CHANGED
    assert server.objects[path("a")]["metadata"]["labels"] == {"app": "x"}


async def test_retained_object_is_ours_by_label(server: FakeServer, setup: Setup) -> None:
    server.put(path("a"), config_map("a", labels={"app": "x"}))
    server.put(path("b"), config_map("b", labels={"app": "y"}))
    assert await setup.result(desired("a", owner=None)) is Result.CHANGED
    assert await setup.result(desired("b", owner=None)) is Result.FOREIGN


async def test_retained_object_gets_its_owner_back(server: FakeServer, setup: Setup) -> None:
    server.put(path("o", resource=OWNERS), an_owner(OWNER))
    await setup.apply(desired("a", owner=None))
    assert await setup.result(desired("a")) is Result.CHANGED
    assert await setup.result(desired("a", owner=None)) is Result.CHANGED
    assert "ownerReferences" not in server.objects[path("a")]["metadata"]
    setup.store.replace([], server._version)
    assert await setup.result(desired("a")) is Result.CHANGED
    assert setup.store.owned_by(OWNER)


async def test_create_only_is_never_overwritten(server: FakeServer, setup: Setup) -> None:
    first = desired(create_only=True, password="one")
    second = desired(create_only=True, password="two")
    assert await setup.result(first) is Result.CREATED
    assert await setup.result(second) is Result.UNCHANGED
    setup.store.replace([], server._version)  # the watch has not told us of it yet
    assert await setup.result(second) is Result.UNCHANGED
    assert server.objects[path("a")]["data"] == {"password": "one"}


def _orphan(server: FakeServer, setup: Setup, *owners: dict[str, Any]) -> None:
    """What ``kubectl delete --cascade=orphan`` of the owner leaves."""
    obj = json.loads(_raw(server.objects[path("a")]))
    obj["metadata"] |= {"ownerReferences": list(owners)}
    del obj["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:ownerReferences"]
    setup.store.upsert(setup.decoder.decode(_raw(server.put(path("a"), obj))))


@pytest.mark.parametrize("seen", [True, False])
async def test_create_only_orphan_gets_its_owner_back(
    seen: bool, server: FakeServer, setup: Setup
) -> None:
    server.put(path("o", resource=OWNERS), an_owner(OWNER))
    await setup.apply(desired(owner="before", create_only=True, password="one"))
    other = {k: v for k, v in owner_reference("other").items() if k != "controller"}
    _orphan(server, setup, other)
    if not seen:
        setup.store.replace([], server._version)
    again = desired(create_only=True, password="two")
    assert await setup.result(again) is Result.CHANGED
    found = server.objects[path("a")]
    assert found["metadata"]["ownerReferences"] == [other, owner_reference(OWNER)]
    assert found["metadata"]["labels"] == {"app": "x"}
    assert found["data"] == {"password": "one"}
    assert [live.name for live in setup.store.owned_by(OWNER)] == ["a"]
    assert await setup.result(again) is Result.UNCHANGED


@pytest.mark.parametrize("seen", [True, False])
async def test_create_only_gets_its_labels_back_and_keeps_the_rest(
    seen: bool, server: FakeServer, setup: Setup
) -> None:
    await setup.apply(desired(create_only=True, password="one"))
    obj = json.loads(_raw(server.objects[path("a")]))
    obj["metadata"]["labels"] = {"theirs": "yes"}
    setup.store.upsert(setup.decoder.decode(_raw(server.put(path("a"), obj))))
    if not seen:
        setup.store.replace([], server._version)
    again = desired(create_only=True, password="two")
    assert await setup.result(again) is Result.CHANGED
    found = server.objects[path("a")]
    assert found["metadata"]["labels"] == {"app": "x", "theirs": "yes"}
    assert found["data"] == {"password": "one"}
    assert [live.name for live in setup.store.labelled("x")] == ["a"]
    assert await setup.result(again) is Result.UNCHANGED
    assert server.count("patch") == 1


async def test_create_only_that_was_never_seen_is_known_from_then_on(
    server: FakeServer, setup: Setup, client: ApiClient
) -> None:
    await setup.apply(desired(create_only=True))
    fresh = Setup(client)
    assert await fresh.result(desired(create_only=True)) is Result.UNCHANGED
    assert [live.name for live in fresh.store.owned_by(OWNER)] == ["a"]
    assert server.count("patch") == 0


async def test_label_that_is_stripped_again_and_again_is_a_fight(
    server: FakeServer, setup: Setup
) -> None:
    await setup.apply(desired(create_only=True))
    for number in range(8):
        obj = json.loads(_raw(server.objects[path("a")]))
        obj["metadata"]["labels"] = {}
        setup.store.upsert(setup.decoder.decode(_raw(server.put(path("a"), obj))))
        outcome = await setup.apply(desired(create_only=True, password=str(number)))
    assert outcome.result is Result.HELD
    assert outcome.again > 0
    assert server.count("patch") == 6


async def test_create_only_that_is_to_have_no_owner_is_left_alone(
    server: FakeServer, setup: Setup
) -> None:
    wanted = desired(owner=None, create_only=True)
    await setup.apply(wanted)
    assert await setup.result(wanted) is Result.UNCHANGED
    assert server.count("patch") == 0


async def test_orphan_that_we_never_applied_stays_foreign(server: FakeServer, setup: Setup) -> None:
    server.put(path("a"), config_map("a"))
    assert await setup.result(desired(create_only=True)) is Result.FOREIGN
    assert server.count("patch") == 0


@pytest.mark.parametrize("replaced", [True, False])
async def test_orphan_that_is_another_ones_by_now_is_a_conflict(
    replaced: bool, server: FakeServer, setup: Setup
) -> None:
    await setup.apply(desired(create_only=True))
    _orphan(server, setup)
    if replaced:
        server.drop(path("a"))
    server.put(path("a"), config_map("a", ownerReferences=[owner_reference("someone")]))
    with pytest.raises(Conflict):
        await setup.apply(desired(create_only=True))
    assert server.count("patch") == 0


async def test_orphan_that_went_away_is_a_conflict(server: FakeServer, setup: Setup) -> None:
    await setup.apply(desired(create_only=True))
    _orphan(server, setup)
    server.drop(path("a"))
    with pytest.raises(Conflict):
        await setup.apply(desired(create_only=True))


async def test_deleted_or_replaced_behind_our_back(server: FakeServer, setup: Setup) -> None:
    await setup.apply(desired(k="1"))
    server.drop(path("a"))
    assert await setup.result(desired(k="2")) is Result.CREATED
    server.drop(path("a"))
    server.put(path("a"), config_map("a", ownerReferences=[owner_reference("someone")]))
    assert await setup.result(desired(k="3")) is Result.FOREIGN
    assert server.objects[path("a")]["data"] == {"a": "b"}


async def test_object_that_is_going_away_waits(server: FakeServer, setup: Setup) -> None:
    await setup.apply(desired())
    going = dict(server.objects[path("a")])
    going["metadata"] = {**going["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
    setup.store.upsert(setup.decoder.decode(_raw(server.put(path("a"), going))))
    assert await setup.result(desired(k="2")) is Result.DELETING
    setup.store.replace([], server._version)
    assert await setup.result(desired(k="2")) is Result.DELETING


@pytest.mark.parametrize("applied", [True, False])
async def test_server_errors_make_no_duplicate(
    applied: bool,
    server: FakeServer,
    setup: Setup,
) -> None:
    server.faults.fail(1, 500, verb="apply", applied=applied)
    with pytest.raises(ServerError):
        await setup.apply(desired())
    expected = Result.CONFIRMED if applied else Result.CREATED
    assert await setup.result(desired()) is expected
    assert len(server.objects) == 1
    assert server.objects[path("a")]["metadata"]["uid"] == "uid-1"


async def test_hang_that_was_applied(server: FakeServer, setup: Setup) -> None:
    server.faults.hanging = True
    with pytest.raises(Unreachable):
        await setup.apply(desired(create_only=True, password="one"))
    server.release()
    again = desired(create_only=True, password="two")
    assert await setup.result(again) is Result.UNCHANGED
    assert server.objects[path("a")]["data"] == {"password": "one"}


async def test_fifteen_children_at_once_through_a_storm(server: FakeServer, setup: Setup) -> None:
    wanted = [desired(f"c{i}") for i in range(15)]
    server.faults.fail(5, 503, verb="apply", applied=True)
    server.faults.fail(5, 429, verb="apply", retry_after=0)
    server.faults.fail(2, 409, verb="apply")
    for _ in range(20):
        outcomes = await asyncio.gather(*map(setup.apply, wanted), return_exceptions=True)
        if not any(isinstance(o, ApiError) for o in outcomes):
            break
    assert not any(isinstance(o, BaseException) for o in outcomes)
    assert len(server.objects) == 15
    server.log.clear()
    assert {await setup.result(w) for w in wanted} == {Result.UNCHANGED}
    assert server.log == []


async def test_prune_deletes_only_what_is_ours_and_unwanted(
    server: FakeServer, setup: Setup
) -> None:
    for name in ("keep", "drop", "protected"):
        await setup.apply(desired(name))
    other = server.put(path("o"), config_map("o", ownerReferences=[owner_reference("someone")]))
    setup.store.upsert(setup.decoder.decode(_raw(other)))
    gone = await setup.applier.prune(
        OWNER,
        {(CONFIG_MAPS, "ns", "keep")},
        protect=lambda _, live: live.name == "protected",
    )
    assert [str(ref) for ref in gone] == ["configmaps ns/drop"]
    assert {p.rsplit("/", 1)[-1] for p in server.objects} == {"keep", "protected", "o"}
    # Already gone is fine, too; and then it is forgotten.
    assert len(await setup.applier.prune(OWNER, {(CONFIG_MAPS, "ns", "keep")})) == 2
    assert {live.name for live in setup.store} >= {"keep", "o"}
    assert setup.store.get("ns", "drop") is None


async def test_prune_deletes_only_the_state_it_saw(server: FakeServer, setup: Setup) -> None:
    await setup.apply(desired())
    server.put(path("a"), {**server.objects[path("a")], "data": {"k": "changed since"}})
    with pytest.raises(Conflict):
        await setup.applier.prune(OWNER, set())
    assert path("a") in server.objects


def test_body_is_encoded_with_its_guard() -> None:
    wanted = desired()
    assert b'"resourceVersion":"1"' in wanted.encoded(b'"resourceVersion":"1"')
    bare = Desired(CONFIG_MAPS, "ns", "a", {"apiVersion": "v1", "kind": "X", "metadata": {}})
    assert bare.encoded(b'"uid":"u"') == b'{"metadata":{"uid":"u"},"apiVersion":"v1","kind":"X"}'


def _raw(obj: dict[str, Any]) -> bytes:
    """As the fake server writes it: spaces count for the hash of raw bytes."""
    return json.dumps(obj).encode()
