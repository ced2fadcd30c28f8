"""The one form of JSON: the same by pieces as whole, and nothing else passes for it."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from digital_human_backup.format import canonical

LEAVES = some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False)
TEXT = some.text(some.characters(exclude_categories=["Cs"]))
VALUES = some.recursive(
    LEAVES.filter(lambda leaf: leaf not in {float("inf"), float("-inf")}) | TEXT,
    lambda inner: some.lists(inner) | some.dictionaries(TEXT, inner),
    max_leaves=40,
)


@given(VALUES)
def test_what_is_dumped_is_read_again_and_has_the_digest_of_its_bytes(value: Any) -> None:
    data = canonical.dump(value)
    assert canonical.load(data) == value
    assert canonical.digest(value) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_long_lists_are_the_same_by_pieces(count: int) -> None:
    value = {"contents": {"files": [{"b": [number], "a": "é"} for number in range(count)]}, "z": []}
    data = canonical.dump(value)
    assert canonical.load(data) == value
    assert canonical.digest(value) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "data",
    [
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b' {"a":1}',
        b'{"a":1,"a":1}',
        b'{"a":{"b":[1,2 ]}}',
        b'{"a":[1,2]',
        b'{"a":[1,2]}]',
        b'"\\u00e9"',
        b'{"a":1.0e0}',
        b'{"a":NaN}',
        b'{"a":"\\ud800"}',
        b"\xff",
        b"",
        b"[" * 100_000,
    ],
)
def test_any_other_form_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        canonical.load(data)


@pytest.mark.parametrize("at", range(0, 60, 7))
def test_a_byte_that_is_not_as_it_was_is_noticed(at: int) -> None:
    value = {"contents": {"files": [{"name": "x", "size": 12}] * 2000}, "keyId": None}
    data = bytearray(canonical.dump(value))
    data[-1 - at] ^= 0x01
    try:
        changed = canonical.load(bytes(data))
    except ValueError:
        return
    assert canonical.digest(changed) != canonical.digest(value)
