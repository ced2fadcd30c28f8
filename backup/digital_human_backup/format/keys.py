"""Encryption keys: read from files, known by ids, each the root of the keys that seal data."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from digital_human_backup.errors import DamagedError, RefusedError

from . import Data

KEY_BYTES = 32
NONCE_BYTES = 12
PLAIN = "plain"
"""Stands for the key id of what is not encrypted."""
_ZERO = bytes(NONCE_BYTES)


def _seal(key: bytes, nonce: bytes, plain: Data, bound: bytes) -> bytes:
    """AES-256-GCM, loaded here, for whoever has no key needs nothing of it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(key).encrypt(nonce, plain, bound)


def _opened(key: bytes, nonce: bytes, sealed: bytes, bound: bytes) -> bytes | None:
    """The plain text; None when key, nonce, cipher text or ``bound`` are not those of then."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    try:
        return AESGCM(key).decrypt(nonce, sealed, bound)
    except (InvalidTag, ValueError):  # ValueError: shorter than a nonce
        return None


def _mac(key: bytes, words: bytes) -> bytes:
    return hmac.digest(key, words, "sha256")


@dataclass(frozen=True, slots=True)
class Key:
    """One encryption key; its parts are derived once."""

    secret: bytes = field(repr=False)
    id: str = field(init=False)
    _names: bytes = field(init=False, repr=False)
    _chunks: bytes = field(init=False, repr=False)
    _manifests: bytes = field(init=False, repr=False)
    _subjects: bytes = field(init=False, repr=False)
    _ledger: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("names", "chunks", "manifests", "subjects", "ledger"):
            part = _mac(self.secret, f"digital-human-backup/1/{name}".encode())
            object.__setattr__(self, f"_{name}", part)
        found = _mac(self.secret, b"digital-human-backup/1/id")
        object.__setattr__(self, "id", found[:8].hex())

    def name(self, plain_digest: bytes) -> str:
        """What a chunk is called whose plain text has this SHA-256."""
        return _mac(self._names, plain_digest).hex()

    def seal_chunk(self, name: str, plain: Data) -> bytes:
        """The object of a chunk; the same for the same content."""
        key = _mac(self._chunks, name.encode())
        return _seal(key, _ZERO, plain, name.encode())

    def open_chunk(self, name: str, sealed: bytes) -> bytes:
        """The plain text of a chunk; DamagedError when it is not the object of that name."""
        key = _mac(self._chunks, name.encode())
        plain = _opened(key, _ZERO, sealed, name.encode())
        if plain is None:
            raise DamagedError(f"The chunk {name[:12]}... does not open with its key.")
        return plain

    def seal_manifest(self, backup: str, head: bytes, contents: bytes) -> bytes:
        """Nonce and cipher text of a backup's contents, bound to the legible ``head``."""
        nonce = os.urandom(NONCE_BYTES)
        key = _mac(self._manifests, backup.encode())
        return nonce + _seal(key, nonce, contents, head)

    def open_manifest(self, backup: str, head: bytes, sealed: bytes) -> bytes:
        """The contents of a backup; DamagedError when anything of the manifest was changed."""
        key = _mac(self._manifests, backup.encode())
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        contents = _opened(key, nonce, rest, head)
        if contents is None:
            raise DamagedError(
                f"The manifest of {backup} does not open with its key: it was changed, or moved"
                " from another place. Use another backup."
            )
        return contents

    def subject(self, uid: str, subject: bytes) -> str:
        """What stands for a subject of this human in the erasure ledger."""
        return _mac(self._subjects, uid.encode() + b"\0" + subject).hex()

    def sign_erasure(self, document: bytes) -> str:
        """Proof that an object of the erasure ledger was written by who has the key."""
        return _mac(self._ledger, document).hex()


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Every key that opens; the first one seals. None at all: backups are not encrypted."""

    keys: tuple[Key, ...] = ()

    @property
    def sealing(self) -> Key | None:
        """The key of new backups."""
        return self.keys[0] if self.keys else None

    def get(self, key_id: str) -> Key | None:
        """The key with this id, if it is there."""
        return next((key for key in self.keys if key.id == key_id), None)

    def find(self, key_id: str, what: str) -> Key:
        """The key with this id; RefusedError says which one is missing."""
        key = self.get(key_id)
        if key is not None:
            return key
        here = ", ".join(key.id for key in self.keys) or "none"
        raise RefusedError(
            f"{what} was sealed with the key {key_id}, and the key file holds {here}:"
            " add the line with that key to --key-file."
        )


def _decoded(text: str) -> bytes:
    """The bytes of a line in hex or base64, whose lengths differ; none when it is neither."""
    try:
        if len(text) == 2 * KEY_BYTES:
            return bytes.fromhex(text)
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def parse(lines: Iterable[str], where: str) -> KeyRing:
    """Keys from the lines of a key file; RefusedError names a bad line, never its content."""
    keys: list[Key] = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        secret = _decoded(text)
        if len(secret) != KEY_BYTES:
            raise RefusedError(
                f"Line {number} of {where} is no key: write 32 bytes in base64"
                " (openssl rand -base64 32) or in hex."
            )
        keys.append(Key(secret))
    if not keys:
        raise RefusedError(f"{where} holds no key: write one (openssl rand -base64 32).")
    return KeyRing(tuple(keys))
