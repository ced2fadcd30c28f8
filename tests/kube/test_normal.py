from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_human_operator.kube.normal import canonical_quantity, digest, normalise


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1Gi", "1024Mi"),
        ("0.5Gi", "512Mi"),
        ("1e3", "1k"),
        ("1E3", "1000"),
        ("1E", "1000P"),
        ("1.0", "1"),
        ("100n", "0.1u"),
        ("0.1n", "1n"),
        ("+5", "5"),
    ],
)
def test_equal_quantities(one: str, other: str) -> None:
    assert canonical_quantity(one) == canonical_quantity(other)


@pytest.mark.parametrize("text", ["", "abc", "1 Gi", "1.2.3", "50%", ".", "1Gii"])
def test_what_is_no_quantity_stays(text: str) -> None:
    assert canonical_quantity(text) == text


@given(st.integers(0, 10**12))
def test_quantities_differ_when_amounts_differ(milli: int) -> None:
    exact = str(Decimal(milli) / 1000)
    assert canonical_quantity(f"{milli}m") == canonical_quantity(exact)
    assert canonical_quantity(f"{milli}m") != canonical_quantity(f"{milli + 1}m")


def test_quantities_only_where_they_are() -> None:
    resources = {"resources": {"limits": {"cpu": 2, "memory": "1Gi"}}}
    assert normalise(resources) == normalise(
        {"resources": {"limits": {"cpu": "2000m", "memory": "1024Mi"}}}
    )
    environment = {"env": [{"name": "A", "value": "1000m"}]}
    assert normalise(environment) == environment
    target = {"target": {"type": "Value", "value": "1000m"}}
    assert normalise(target) == normalise({"target": {"type": "Value", "value": "1"}})
    policy = {"policies": [{"type": "Pods", "value": 1}]}
    assert normalise(policy) == policy


def test_identity_status_and_server_metadata_are_left_out() -> None:
    obj = {
        "apiVersion": "v1",
        "kind": "X",
        "metadata": {"name": "a", "namespace": "b", "uid": "c", "generation": 3},
        "status": {"a": 1},
    }
    assert normalise(obj) == {}


def test_empty_structs_stay_where_they_mean_something() -> None:
    peer: dict[str, Any] = {"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {}}}]}
    assert normalise(peer) == {"from": [{"namespaceSelector": {}, "podSelector": {}}]}
    assert normalise({"egress": [{}]}) != normalise({"egress": []})
    assert normalise({"metadata": {"labels": {}}, "a": None, "b": []}) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), JSON))
def test_normalise_is_idempotent_and_pure(obj: dict[str, Any]) -> None:
    before = json.dumps(obj)
    once = normalise(obj)
    assert normalise(once) == once
    assert json.dumps(obj) == before


@given(st.dictionaries(st.text(max_size=5), JSON), st.randoms(use_true_random=False))
def test_digest_ignores_the_order_of_keys(obj: dict[str, Any], random: Any) -> None:
    keys = list(obj)
    random.shuffle(keys)
    assert digest(normalise({k: obj[k] for k in keys})) == digest(normalise(obj))
