from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from digital_human_operator.kube.live import Live
from digital_human_operator.kube.store import Store

from .conftest import CONFIG_MAPS


def live(
    name: str, version: int, owner: str | None = "o", label: str | None = "l", ns: str = "ns"
) -> Live:
    return Live(ns, name, f"uid-{name}", version, owner, label, False, b"", b"", None)


def test_older_states_are_ignored() -> None:
    store = Store(CONFIG_MAPS)
    assert store.upsert(live("a", 10))
    assert not store.upsert(live("a", 10))
    assert not store.upsert(live("a", 9))
    assert store.upsert(live("a", 100))  # a number, not a text
    assert store.get("ns", "a") == live("a", 100)


def test_late_answer_does_not_bring_a_deleted_object_back() -> None:
    store = Store(CONFIG_MAPS)
    store.upsert(live("a", 10))
    assert store.remove("ns", "a", 12) == live("a", 10)
    assert not store.upsert(live("a", 11))
    assert len(store) == 0
    assert store.upsert(live("a", 13))
    assert store.remove("ns", "a", 12) is None
    assert len(store) == 1


def test_confirmation_reaches_a_newer_status() -> None:
    store = Store(CONFIG_MAPS)
    store.upsert(live("a", 12))
    store.confirm(replace(live("a", 11), digest=b"applied"))
    assert store.get("ns", "a") == replace(live("a", 12), digest=b"applied")
    store.confirm(replace(live("a", 11), digest=b"other", quick=b"another state"))
    assert store.get("ns", "a") == replace(live("a", 12), digest=b"applied")


def test_indices_follow_owner_and_label() -> None:
    store = Store(CONFIG_MAPS)
    store.upsert(live("a", 1, "one", "x"))
    store.upsert(live("b", 2, "one", None))
    assert {x.name for x in store.owned_by("one")} == {"a", "b"}
    store.upsert(live("a", 3, "two", "y"))
    assert [x.name for x in store.owned_by("one")] == ["b"]
    assert [x.name for x in store.owned_by("two")] == ["a"]
    assert store.labelled("x") == []
    assert [x.name for x in store.labelled("y")] == ["a"]
    store.remove("ns", "a", 4)
    assert store.owned_by("two") == []
    assert not store._by_label


def test_list_removes_only_what_is_older_and_in_its_namespace() -> None:
    store = Store(CONFIG_MAPS)
    for x in (live("old", 5), live("new", 50), live("other", 5, ns="other")):
        store.upsert(x)
    changes = store.replace([live("listed", 7)], 10, namespace="ns")
    assert changes == [(None, live("listed", 7)), (live("old", 5), None)]
    assert {x.name for x in store} == {"new", "other", "listed"}
    assert store.replace([live("listed", 7)], 60, namespace="ns") == [(live("new", 50), None)]


def test_list_of_a_restored_server_wins() -> None:
    store = Store(CONFIG_MAPS)
    store.upsert(live("a", 500))
    store.upsert(live("b", 501))
    store.remove("ns", "c", 502)
    changes = store.replace([live("a", 5), live("c", 6)], 10, rewound=True)
    assert {x.resource_version for x in store} == {5, 6}
    assert (live("b", 501), None) in changes


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.booleans(), st.sampled_from(["o", "p", None])),
        max_size=30,
    ),
    st.randoms(use_true_random=False),
)
def test_any_order_of_events_ends_in_the_same_state(events, random) -> None:  # type: ignore[no-untyped-def]
    history = [(version, *event) for version, event in enumerate(events)]
    shuffled = list(history)
    random.shuffle(shuffled)
    stores = []
    for order in (history, shuffled):
        store = Store(CONFIG_MAPS)
        for version, name, deleted, owner in order:
            if deleted:
                store.remove("ns", name, version)
            else:
                store.upsert(live(name, version, owner))
        stores.append(store)
    assert sorted(stores[0], key=lambda x: x.name) == sorted(stores[1], key=lambda x: x.name)
    for owner in ("o", "p"):
        for store in stores:
            assert {x.name for x in store.owned_by(owner)} == {
                x.name for x in store if x.owner_uid == owner
            }
