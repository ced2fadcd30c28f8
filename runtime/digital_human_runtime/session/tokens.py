"""Tickets and resume tokens: drawn at random, and kept only as digests."""

from __future__ import annotations

import hashlib
import secrets

BYTES = 32
"""256 bits: beyond guessing, so that a plain digest is enough."""


def new_token() -> str:
    """Draw a ticket or token."""
    return secrets.token_urlsafe(BYTES)


def new_session() -> str:
    """Draw the name of a session; no secret, but not to be guessed either."""
    return secrets.token_urlsafe(16)


def digest(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
