"""Keys: derived as the format says, found by id, never shown."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from digital_human_backup.errors import DamagedError, RefusedError
from digital_human_backup.format.keys import Key, KeyRing, parse

SECRET = bytes(range(32))


def mac(key: bytes, words: bytes) -> bytes:
    return hmac.new(key, words, hashlib.sha256).digest()


def test_chunks_can_be_read_by_the_page_alone() -> None:
    key, plain = Key(SECRET), b"some plain text"
    name = mac(mac(SECRET, b"digital-human-backup/1/names"), hashlib.sha256(plain).digest()).hex()
    assert key.name(hashlib.sha256(plain).digest()) == name
    chunk_key = mac(mac(SECRET, b"digital-human-backup/1/chunks"), name.encode())
    sealed = AESGCM(chunk_key).encrypt(bytes(12), plain, name.encode())
    assert key.seal_chunk(name, plain) == sealed
    assert key.open_chunk(name, sealed) == plain
    assert key.id == mac(SECRET, b"digital-human-backup/1/id")[:8].hex()


def test_manifests_can_be_read_by_the_page_alone() -> None:
    sealed = Key(SECRET).seal_manifest("some-id", b"head", b"contents")
    key = mac(mac(SECRET, b"digital-human-backup/1/manifests"), b"some-id")
    assert AESGCM(key).decrypt(sealed[:12], sealed[12:], b"head") == b"contents"
    assert Key(SECRET).seal_manifest("some-id", b"head", b"contents") != sealed


def test_every_bit_of_a_chunk_counts() -> None:
    key = Key(SECRET)
    name = key.name(bytes(32))
    sealed = key.seal_chunk(name, b"plain")
    for bit in range(len(sealed) * 8):
        wrong = bytearray(sealed)
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DamagedError, match="does not open with its key"):
            key.open_chunk(name, bytes(wrong))
    for length in range(len(sealed)):
        with pytest.raises(DamagedError):
            key.open_chunk(name, sealed[:length])
    with pytest.raises(DamagedError):
        key.open_chunk(key.name(b"1" * 32), sealed)


def test_a_manifest_opens_only_in_its_place() -> None:
    sealed = Key(SECRET).seal_manifest("a", b"head", b"contents")
    for backup, head, data in (("b", b"head", sealed), ("a", b"Head", sealed), ("a", b"head", b"")):
        with pytest.raises(DamagedError, match=f"The manifest of {backup} does not open"):
            Key(SECRET).open_manifest(backup, head, data)


def test_the_first_line_of_a_file_seals_and_every_line_opens() -> None:
    lines = ["# the new one", base64.b64encode(b"n" * 32).decode(), ""]
    ring = parse([*lines, base64.b64encode(SECRET).decode()], "file")
    assert ring.sealing == Key(b"n" * 32)
    assert ring.find(Key(SECRET).id, "It") == Key(SECRET)


def test_a_key_may_be_in_hex() -> None:
    assert parse([SECRET.hex(), SECRET.hex().upper()], "file").keys == (Key(SECRET), Key(SECRET))


def test_a_key_that_is_not_there_is_named() -> None:
    ring = KeyRing((Key(SECRET),))
    with pytest.raises(
        RefusedError, match=r"It was sealed with the key 0a1b, and .* holds [0-9a-f]"
    ):
        ring.find("0a1b", "It")
    with pytest.raises(RefusedError, match="holds none: add the line"):
        KeyRing().find("0a1b", "It")


@pytest.mark.parametrize(
    "line", ["secret-word", "YWJj", "x" * 64, base64.b64encode(b"k" * 33).decode(), "é"]
)
def test_a_line_that_is_no_key_is_told_without_its_content(line: str) -> None:
    with pytest.raises(RefusedError) as caught:
        parse(["# comment", line], "/keys/key")
    assert str(caught.value) == (
        "Line 2 of /keys/key is no key: write 32 bytes in base64 (openssl rand -base64 32)"
        " or in hex."
    )


def test_a_file_without_keys() -> None:
    with pytest.raises(RefusedError, match="file holds no key"):
        parse(["", "# none"], "file")


def test_keys_do_not_show() -> None:
    ring = parse([base64.b64encode(SECRET).decode()], "file")
    shown = repr(ring)
    assert Key(SECRET).id in shown
    assert repr(SECRET) not in shown
    assert "secret" not in shown
    assert "_chunks" not in shown
