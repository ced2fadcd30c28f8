"""The manifest: every byte counts, and it belongs to one place."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_human_backup.errors import DamagedError, RefusedError
from digital_human_backup.format import canonical, manifest
from digital_human_backup.format.contents import ChunkFacts, Contents, FileFacts, Segment
from digital_human_backup.format.keys import Key, KeyRing
from digital_human_backup.format.manifest import NewerFormatError

ID = "20260301T020000Z-9f8e7d6c5b4a3928"
KEY = Key(bytes(range(32)))
RING = KeyRing((Key(b"n" * 32), KEY))
HEAD: dict[str, Any] = {
    "id": ID,
    "created": "2026-03-01T02:00:00Z",
    "human": {"name": "ada", "uid": "u-1"},
    "tool": "0.1.0",
    "parts": {"models": {"files": 1, "bytes": 10}},
    "redis": None,
}
CONTENTS = Contents(
    ((FileFacts("models", "Ünïcode.bin", 10, 0o644, 1, 2), (Segment(0, 0, 10),)),),
    (ChunkFacts("name", 26, "digest", 10, "plain"),),
)


@pytest.mark.parametrize("key", [KEY, None])
def test_what_was_written_is_read(key: Key | None) -> None:
    found = manifest.read(manifest.make(HEAD, CONTENTS, key).dump(), "u-1", ID)
    assert (found.id, found.human, found.uid) == (ID, "ada", "u-1")
    assert f"{found.created:%Y-%m-%dT%H:%M:%S%z}" == "2026-03-01T02:00:00+0000"
    assert (found.size, found.stored, found.key_id) == (10, 26, key.id if key else "plain")
    assert found.open(RING) == CONTENTS


@pytest.mark.parametrize(
    ("redis", "began"),
    [
        ({"began": "2026-03-01T01:59:58Z"}, datetime(2026, 3, 1, 1, 59, 58, tzinfo=UTC)),
        ({"began": "yesterday"}, None),
        ({"began": None}, None),
        ({}, None),  # as older programs wrote it
        (None, None),
    ],
)
def test_when_the_copy_of_redis_began(redis: dict[str, Any] | None, began: datetime | None) -> None:
    told = None if redis is None else {"version": "7.0.15", "databases": {}} | redis
    data = manifest.make({**HEAD, "redis": told}, CONTENTS, KEY).dump()
    assert manifest.read(data, "u-1", ID).sessions_began == began


@pytest.mark.parametrize(
    "redis",
    [
        3,
        [1],
        "7.0.15",
        {},
        {"version": "7.0.15"},
        {"version": 7, "databases": {}},
        {"version": "7.0.15", "databases": []},
        {"version": "7.0.15", "databases": {"0": 3}},
        {"version": "7.0.15", "databases": {"0": {"keys": "3"}}},
    ],
)
def test_what_tells_odd_things_of_redis_is_damaged(redis: Any) -> None:
    document = canonical.load(manifest.make(HEAD, CONTENTS, None).dump())
    data = _with_digest(document | {"redis": redis})
    with pytest.raises(DamagedError, match=f"The manifest of {ID} is damaged: use another backup"):
        manifest.read(data, "u-1", ID)


def test_names_are_legible_only_with_the_key() -> None:
    data = manifest.make(HEAD, CONTENTS, KEY).dump()
    assert "code.bin" not in data.decode()
    assert "code.bin" in manifest.make(HEAD, CONTENTS, None).dump().decode()
    with pytest.raises(RefusedError, match=f"was sealed with the key {KEY.id}"):
        manifest.read(data, "u-1", ID).open(KeyRing())


@pytest.mark.parametrize("key", [KEY, None])
def test_every_changed_or_missing_byte_is_noticed(key: Key | None) -> None:
    data = manifest.make(HEAD, CONTENTS, key).dump()
    for place in range(len(data)):
        for wrong in (data[:place], _flipped(data, place, 1), _flipped(data, place, 0x20)):
            with pytest.raises((DamagedError, NewerFormatError)):
                manifest.read(wrong, "u-1", ID)


def _flipped(data: bytes, place: int, bits: int) -> bytes:
    return data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :]


def test_a_manifest_belongs_to_one_place() -> None:
    data = manifest.make(HEAD, CONTENTS, KEY).dump()
    with pytest.raises(DamagedError, match=f"belongs to {ID} of u-1: it was moved"):
        manifest.read(data, "u-2", ID)
    with pytest.raises(DamagedError, match="it was moved"):
        manifest.read(data, "u-1", ID[:-1] + "0")


def _forged(**changes: Any) -> bytes:
    """A sealed manifest whose legible half was changed, with a digest that fits."""
    document = canonical.load(manifest.make(HEAD, CONTENTS, KEY).dump()) | changes
    return _with_digest(document)


def _with_digest(document: dict[str, Any]) -> bytes:
    """A document whose digest fits."""
    rest = {name: value for name, value in document.items() if name != "digest"}
    return canonical.dump(rest | {"digest": hashlib.sha256(canonical.dump(rest)).hexdigest()})


@pytest.mark.parametrize(
    "changes",
    [
        {"created": "2027-03-01T02:00:00Z"},
        {"parts": {}},
        {"chunks": [["other", 26, "digest"]]},
        {"redis": {"version": "7.0.15", "databases": {}}},
        {"surplus": 1},
    ],
)
def test_a_forged_half_does_not_open(changes: dict[str, Any]) -> None:
    found = manifest.read(_forged(**changes), "u-1", ID)
    with pytest.raises(DamagedError, match="does not open with its key: it was changed, or moved"):
        found.open(RING)


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize(
    "instead", [{}, {"contents": 3, "sealed": 3}, {"contents": [], "sealed": None}]
)
def test_a_manifest_without_its_contents_is_damaged(
    key: Key | None, instead: dict[str, Any]
) -> None:
    document = canonical.load(manifest.make(HEAD, CONTENTS, key).dump())
    kept = {name: document[name] for name in document.keys() - {"contents", "sealed", "digest"}}
    kept |= {name: value for name, value in instead.items() if name in document}
    with pytest.raises(DamagedError, match=f"The manifest of {ID} is damaged: use another backup"):
        manifest.read(_with_digest(kept), "u-1", ID)


@pytest.mark.parametrize("sealed", ["a", "\u00e9", ""])
def test_contents_that_were_never_sealed_are_damaged(sealed: str) -> None:
    with pytest.raises(DamagedError, match=r"use another|does not open with its key"):
        manifest.read(_forged(sealed=sealed), "u-1", ID).open(RING)


def test_a_backup_moved_to_another_human_does_not_open() -> None:
    found = manifest.read(_forged(human={"name": "ada", "uid": "u-2"}), "u-2", ID)
    with pytest.raises(DamagedError, match="does not open with its key"):
        found.open(RING)


def test_a_newer_format_is_refused_in_a_sentence() -> None:
    with pytest.raises(NewerFormatError) as caught:
        manifest.read(canonical.dump({"format": 2, "shape": "unknown"}), "u-1", ID)
    assert str(caught.value) == (
        f"The backup {ID} has format 2, and this program reads up to 1: use the program that wrote"
        " it, or a newer one."
    )
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b"\xff", b'{"format":"1"}', b"[" * 100_000, b'"\\ud800"']
)
def test_what_is_no_manifest_is_damaged(data: bytes) -> None:
    with pytest.raises(DamagedError, match=f"The manifest of {ID} is damaged"):
        manifest.read(data, "u-1", ID)


@given(st.binary(max_size=200))
def test_any_bytes_are_damaged(data: bytes) -> None:
    with pytest.raises((DamagedError, NewerFormatError)):
        manifest.read(data, "u-1", ID)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(values)
def test_the_canonical_form_is_one(value: Any) -> None:
    data = canonical.dump(value)
    assert canonical.load(data) == value
    assert canonical.dump(canonical.load(data)) == data
    with pytest.raises(ValueError, match=r"."):
        canonical.load(data + b" ")
