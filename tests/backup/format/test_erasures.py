"""Objects of the erasure ledger: as the format says, and every byte of them counts."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from digital_human_backup.errors import DamagedError, RefusedError
from digital_human_backup.format import canonical, erasures
from digital_human_backup.format.erasures import Entry
from digital_human_backup.format.keys import Key

SECRET = bytes(range(32))
KEY = Key(SECRET)
AT = datetime(2026, 3, 1, 2, 0, 5, tzinfo=UTC)
ENTRY = Entry(
    "uid-1", KEY.id, KEY.subject("uid-1", b"jwt:alice"), "20260301T020005Z-9f8e7d6c5b4a3928"
)


def mac(key: bytes, words: bytes) -> bytes:
    return hmac.new(key, words, hashlib.sha256).digest()


def test_an_entry_can_be_checked_by_the_page_alone() -> None:
    subjects = mac(SECRET, b"digital-human-backup/1/subjects")
    assert mac(subjects, b"uid-1\0jwt:alice").hex() == ENTRY.subject
    document = json.loads(erasures.write(ENTRY, "erased", AT, KEY))
    found = document.pop("mac")
    assert document == {
        "format": 1,
        "kind": "erased",
        "uid": "uid-1",
        "keyId": KEY.id,
        "subject": ENTRY.subject,
        "id": ENTRY.id,
        "at": "2026-03-01T02:00:05Z",
    }
    ledger = mac(SECRET, b"digital-human-backup/1/ledger")
    assert mac(ledger, canonical.dump(document)).hex() == found
    assert ENTRY.name("erased") == (
        f"erasures/uid-1/{KEY.id}/{ENTRY.subject}/20260301T020005Z-9f8e7d6c5b4a3928-erased.json"
    )


def test_an_entry_does_not_tell_who_it_is() -> None:
    written = erasures.write(ENTRY, "erased", AT, KEY).decode() + ENTRY.name("erased")
    assert "alice" not in written
    assert hashlib.sha256(b"jwt:alice").hexdigest() not in written
    assert KEY.subject("uid-2", b"jwt:alice") != ENTRY.subject
    assert Key(b"2" * 32).subject("uid-1", b"jwt:alice") != ENTRY.subject


@pytest.mark.parametrize("kind", ["erased", "done"])
def test_what_was_written_is_read(kind: erasures.Kind) -> None:
    data = erasures.write(ENTRY, kind, AT, KEY)
    assert erasures.read(data, ENTRY, kind, KEY) == AT
    assert erasures.read(data, ENTRY, kind, None) == AT
    assert Entry.named("uid-1", ENTRY.name(kind)) == (ENTRY, kind)


def test_every_bit_counts() -> None:
    data = erasures.write(ENTRY, "erased", AT, KEY)
    for bit in range(len(data) * 8):
        wrong = bytearray(data)
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises((DamagedError, RefusedError)):
            erasures.read(bytes(wrong), ENTRY, "erased", KEY)
    for length in range(len(data)):
        with pytest.raises(DamagedError, match="put it back from a copy"):
            erasures.read(data[:length], ENTRY, "erased", KEY)


def test_an_object_counts_only_in_its_place() -> None:
    data = erasures.write(ENTRY, "erased", AT, KEY)
    others = [
        Entry("uid-2", ENTRY.key_id, ENTRY.subject, ENTRY.id),
        Entry("uid-1", ENTRY.key_id, KEY.subject("uid-1", b"jwt:bob"), ENTRY.id),
        Entry("uid-1", ENTRY.key_id, ENTRY.subject, "20260301T020006Z-9f8e7d6c5b4a3928"),
    ]
    for key in (KEY, None):
        for other in others:
            with pytest.raises(DamagedError):
                erasures.read(data, other, "erased", key)
        with pytest.raises(DamagedError):
            erasures.read(data, ENTRY, "done", key)
    with pytest.raises(DamagedError):
        erasures.read(data, ENTRY, "erased", Key(b"2" * 32))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b'{"format":1}', b'{"format":1,"mac":7}', b"\xff", b"1"]
)
def test_nonsense_is_damage(data: bytes) -> None:
    for key in (KEY, None):
        with pytest.raises(DamagedError, match="erasure ledger is damaged: put it back"):
            erasures.read(data, ENTRY, "erased", key)


def test_a_newer_ledger_is_refused() -> None:
    with pytest.raises(RefusedError, match="ledger has format 2, and this program reads up to 1"):
        erasures.read(b'{"format":2}', ENTRY, "erased", KEY)


@pytest.mark.parametrize(
    "name", ["x", "0123456789abcdef/x-erased.json", "0123456789abcdef/" + "a" * 64 + "/x-done.json"]
)
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(RefusedError, match="is no entry of the erasure ledger: use the program"):
        Entry.named("uid-1", f"erasures/uid-1/{name}")
