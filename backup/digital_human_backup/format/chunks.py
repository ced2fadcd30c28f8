"""From plain text to an object of the store, and back."""

from __future__ import annotations

import hashlib

from digital_human_backup.errors import DamagedError

from . import Data
from .contents import ChunkFacts
from .keys import Key


def name(plain_digest: bytes, key: Key | None) -> str:
    """What a chunk is called whose plain text has this SHA-256."""
    return plain_digest.hex() if key is None else key.name(plain_digest)


def seal(name: str, plain_digest: bytes, plain: Data, key: Key | None) -> tuple[ChunkFacts, Data]:
    """What a chunk is, and the object to store: always the same for the same content."""
    if key is None:
        digest = plain_digest.hex()
        return ChunkFacts(name, len(plain), digest, len(plain), digest), plain
    sealed = key.seal_chunk(name, plain)
    stored_digest = hashlib.sha256(sealed).hexdigest()
    facts = ChunkFacts(name, len(sealed), stored_digest, len(plain), plain_digest.hex())
    return facts, sealed


def check(name: str, size: int, digest: str, stored: bytes) -> None:
    """Compare an object with what the manifest says of it; needs no key."""
    if len(stored) != size or hashlib.sha256(stored).hexdigest() != digest:
        raise DamagedError(
            f"The chunk {name[:12]}... is not what was written"
            f" ({len(stored)} of {size} bytes): use another backup."
        )


def unseal(facts: ChunkFacts, stored: bytes, key: Key | None) -> bytes:
    """
    The plain text of a chunk; DamagedError when any byte is not what it was.

    With a key its tag tells, so that nothing is hashed besides.
    """
    if key is None:
        check(facts.name, facts.size, facts.digest, stored)
    plain = stored if key is None else _opened(facts, stored, key)
    if len(plain) != facts.plain_size:
        raise DamagedError(f"The chunk {facts.name[:12]}... holds another content.")
    return plain


def _opened(facts: ChunkFacts, stored: bytes, key: Key) -> bytes:
    try:
        return key.open_chunk(facts.name, stored)
    except DamagedError:
        check(facts.name, facts.size, facts.digest, stored)  # its sentence says more
        raise
