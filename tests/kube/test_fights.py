"""Things that have to be set right again and again: at once at first, then ever more slowly."""

from __future__ import annotations

from typing import Any

import msgspec

from digital_human_operator.kube.fights import LIMIT, WINDOW, Entry, Fights, rewriter

from .conftest import path
from .test_apply import Setup, _raw, desired, setup  # noqa: F401 - a fixture

BODY: dict[str, Any] = {"metadata": {"labels": {"a": "b"}}, "spec": {"replicas": 1, "image": "x"}}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def fight(fights: Fights, clock: Clock, times: int, apart: float = 1.0) -> list[float]:
    """Set right ``times`` times, as soon as it is allowed; the seconds waited before each."""
    waited = []
    for _ in range(times):
        waited.append(fights.hold("x", b"1"))
        clock.now += waited[-1]
        fights.wrote("x", b"1")
        clock.now += apart
    return waited


class TestFights:
    def setup_method(self) -> None:
        self.clock = Clock()
        self.fights = Fights(self.clock)

    def test_single_edits_are_undone_at_once(self) -> None:
        assert fight(self.fights, self.clock, LIMIT, 1.0) == [0.0] * LIMIT
        self.clock.now += WINDOW
        assert fight(self.fights, self.clock, 50, WINDOW / LIMIT) == [0.0] * 50

    def test_fight_is_slowed_down_up_to_ten_minutes(self) -> None:
        waited = fight(self.fights, self.clock, LIMIT + 14, 0.0)
        assert waited[: LIMIT + 1] == [0.0] * (LIMIT + 1)
        assert waited[LIMIT + 1 : LIMIT + 5] == [5.0, 10.0, 20.0, 40.0]
        assert waited[-1] == 600.0

    def test_other_wish_is_never_held_back(self) -> None:
        fight(self.fights, self.clock, LIMIT + 2)
        assert self.fights.hold("x", b"1") > 0
        assert self.fights.hold("x", b"2") == 0
        assert self.fights.hold("y", b"1") == 0

    def test_try_that_lasts_ends_it(self) -> None:
        fight(self.fights, self.clock, LIMIT + 2)
        self.clock.now += 1000
        assert fight(self.fights, self.clock, LIMIT) == [0.0] * LIMIT

    def test_opponent_is_looked_for_once(self) -> None:
        fight(self.fights, self.clock, LIMIT - 1)
        assert not self.fights.begins("x", b"1")
        fight(self.fights, self.clock, 1)
        assert self.fights.begins("x", b"1")
        self.fights.name("x", "somebody")
        assert self.fights.who("x") == ""
        fight(self.fights, self.clock, 1)
        assert not self.fights.begins("x", b"1")
        assert self.fights.who("x") == "somebody"

    def test_what_is_over_is_forgotten(self) -> None:
        for number in range(1000):
            self.fights.wrote(number, b"1")
            self.clock.now += 1
        assert len(self.fights._entries) <= WINDOW + 2


def entry(manager: str, fields: dict[str, Any], **more: str) -> Entry:
    return Entry(manager, fieldsV1=msgspec.Raw(msgspec.json.encode(fields)), **more)


class TestRewriter:
    def test_owner_of_our_fields_is_named(self) -> None:
        entries = [
            entry("me", {"f:metadata": {"f:labels": {"f:a": {}}}}, operation="Apply"),
            entry("argocd", {"f:spec": {"f:image": {}}}, operation="Apply"),
            entry("kcm", {"f:metadata": {"f:annotations": {"f:revision": {}}}}, operation="Update"),
            entry("hpa", {"f:spec": {"f:replicas": {}}}, subresource="scale"),
        ]
        assert rewriter(entries, "me", BODY) == "field manager argocd"

    def test_nobody_else_is_one_of_our_own_name(self) -> None:
        entries = [entry("me", {"f:spec": {"f:image": {}}}, operation="Apply")]
        assert rewriter(entries, "me", BODY) == "another program with the field manager me"


async def test_rewritten_object_is_held_back_and_the_other_is_named(
    server: Any,
    setup: Setup,  # noqa: F811
) -> None:
    await setup.apply(desired(k="1"))
    for _ in range(LIMIT + 1):
        spoilt = {**server.objects[path("a")], "data": {"k": "2"}}
        setup.store.upsert(setup.decoder.decode(_raw(server.put(path("a"), spoilt))))
        outcome = await setup.apply(desired(k="1"))
    assert outcome.again > 0
    assert outcome.detail == "another program with the field manager m"
    spoilt = {**server.objects[path("a")], "data": {"k": "2"}}
    setup.store.upsert(setup.decoder.decode(_raw(server.put(path("a"), spoilt))))
    held = await setup.apply(desired(k="1"))
    assert (held.result.value, held.again > 0) == ("held", True)
    assert server.objects[path("a")]["data"] == {"k": "2"}
    assert server.count("get") == 1
    assert (await setup.apply(desired(k="3"))).again == 0


async def test_rewritten_object_is_held_back_however_late_the_watch_is(
    server: Any,
    setup: Setup,  # noqa: F811
) -> None:
    """Whoever rewrites a Deployment makes its controller write the status right after it."""
    await setup.apply(desired(k="1"))
    results = []
    for _ in range(LIMIT + 2):
        spoilt = {**server.objects[path("a")], "data": {"k": "2"}}
        setup.store.upsert(setup.decoder.decode(_raw(server.put(path("a"), spoilt))))
        server.put(path("a"), {**server.objects[path("a")], "status": {"seen": False}})
        outcome = await setup.apply(desired(k="1"))
        results.append(outcome.result.value)
    assert results == ["changed"] * (LIMIT + 1) + ["held"]
    assert outcome.detail == "another program with the field manager m"


async def test_change_that_was_not_seen_yet_costs_one_look(
    server: Any,
    setup: Setup,  # noqa: F811
) -> None:
    await setup.apply(desired(k="1"))
    server.put(path("a"), {**server.objects[path("a")], "status": {"seen": False}})
    begun = len(server.log)
    assert (await setup.apply(desired(k="2"))).result.value == "changed"
    assert [verb for verb, _ in server.log[begun:]] == ["apply", "get", "apply"]


async def test_deletion_again_and_again_is_a_fight_too(
    server: Any,
    setup: Setup,  # noqa: F811
) -> None:
    for _ in range(LIMIT + 2):
        outcome = await setup.apply(desired(k="1"))
        gone = server.objects[path("a")]["metadata"]
        server.drop(path("a"))
        setup.store.remove("ns", "a", int(gone["resourceVersion"]) + 1)
    assert outcome.detail == "somebody who deletes it"
    assert (await setup.apply(desired(k="1"))).result.value == "held"


async def test_what_is_held_back_is_looked_at_again_however_short_it_is(
    server: Any,
    setup: Setup,  # noqa: F811
) -> None:
    """Else nobody would look again: the hold may be over between two looks at the clock."""
    fights, clock = setup.applier.fights, Clock()
    fights._clock = clock
    await setup.apply(desired(k="1"))
    for _ in range(LIMIT + 1):
        spoilt = {**server.objects[path("a")], "data": {"k": "2"}}
        setup.store.upsert(setup.decoder.decode(_raw(server.put(path("a"), spoilt))))
        outcome = await setup.apply(desired(k="1"))
    spoilt = {**server.objects[path("a")], "data": {"k": "2"}}
    setup.store.upsert(setup.decoder.decode(_raw(server.put(path("a"), spoilt))))

    def ticking() -> float:
        clock.now += 0.001
        return clock.now

    clock.now += outcome.again - 0.0015
    fights._clock = ticking
    held = await setup.apply(desired(k="1"))
    assert (held.result.value, held.again > 0) == ("held", True)
