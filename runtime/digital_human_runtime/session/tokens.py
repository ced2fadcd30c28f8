"""Tickets and resume tokens: drawn at random, and kept only as digests."""

from __future__ import annotations

import hashlib
import re
import secrets

BYTES = 32
"""256 bits: beyond guessing, so that a plain digest is enough."""
_SESSION = re.compile(r"[\w-]{1,64}", re.ASCII)


def new_token() -> str:
    """Draw a ticket or token."""
    return secrets.token_urlsafe(BYTES)


def new_session() -> str:
    """Draw the name of a session; no secret, but not to be guessed either."""
    return secrets.token_urlsafe(16)


def is_session(name: str) -> bool:
    """Whether this may be the name of a session: what clients send becomes a key of the store."""
    return _SESSION.fullmatch(name) is not None


def digest(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
