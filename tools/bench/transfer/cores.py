"""How fast one core does what a backup has to do with every byte, in MB (10^6 bytes) a second."""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECONDS = 0.7
_BLOCK = 8 * 2**20


def speeds() -> dict[str, int]:
    """Pieces of 8 MiB, one thread, the libraries that the tool uses."""
    block, aead, nonce = os.urandom(_BLOCK), AESGCM(os.urandom(32)), bytes(12)
    sealed = aead.encrypt(nonce, block, None)
    return {
        "sha256": _speed(lambda: hashlib.sha256(block).digest()),
        "aes_256_gcm_seal": _speed(lambda: aead.encrypt(nonce, block, None)),
        "aes_256_gcm_open": _speed(lambda: aead.decrypt(nonce, sealed, None)),
        "crc32": _speed(lambda: zlib.crc32(block)),
        "md5": _speed(lambda: hashlib.md5(block, usedforsecurity=False).digest()),
    }


def _speed(work: Callable[[], object]) -> int:
    work()
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        work()
        count += 1
    return round(count * _BLOCK / (time.perf_counter() - began) / 1e6)
