"""Keys and tokens: who is behind a request, or NotAuthenticated."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

import jwt

from digital_human_runtime.errors import NotAuthenticated
from digital_human_runtime.settings.settings import Security

from .secret_file import SecretFile

ANONYMOUS = "anonymous"
LEEWAY_SECONDS = 10
"""How far clocks may be apart."""
SHORTEST_SECRET = 32
"""Bytes of an HS256 secret: a shorter one can be guessed (RFC 7518, 3.2)."""


class Gate:
    """
    Says who calls. Without a key and without a token secret everybody is ``anonymous``.

    Keys come in ``Authorization: Bearer`` or ``X-API-Key``, tokens in ``Authorization: Bearer``.
    """

    def __init__(self, security: Security) -> None:
        self._audience = security.jwt_audience
        self._issuer = security.jwt_issuer
        keys, tokens = security.api_key_file, security.jwt_secret_file
        self._keys = SecretFile(keys) if keys is not None else None
        self._tokens = SecretFile(tokens, SHORTEST_SECRET) if tokens is not None else None

    @property
    def closed(self) -> bool:
        """Whether callers have to show anything."""
        return self._keys is not None or self._tokens is not None

    def load(self) -> None:
        """Read the secrets; raises OSError or ValueError with the reason."""
        for file in (self._keys, self._tokens):
            if file is not None:
                file.load()

    def principal(self, headers: Mapping[str, str]) -> str:
        """Who calls, by headers or metadata in lower case; raises NotAuthenticated."""
        if not self.closed:
            return ANONYMOUS
        key = headers.get("x-api-key", "").strip()
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        bearer = bearer.strip() if scheme.lower() == "bearer" else ""
        if not key and not bearer:
            raise NotAuthenticated(
                "No key: send it as Authorization: Bearer KEY"
                + (" or X-API-Key: KEY" if self._keys is not None else "")
            )
        found = self._by_key(key) or self._by_key(bearer) or self._by_token(bearer)
        if found is None:
            raise NotAuthenticated("The key or token is not valid here, or has expired")
        return found

    def known(self, headers: Mapping[str, str]) -> str | None:
        """As ``principal``, but None for a caller that shows nothing."""
        if "authorization" in headers or "x-api-key" in headers:
            return self.principal(headers)
        return None if self.closed else ANONYMOUS

    def _by_key(self, shown: str) -> str | None:
        if self._keys is None or not shown:
            return None
        sent, found = shown.encode(), None
        for key in self._keys.lines():  # all of them: how long it takes tells nothing
            if hmac.compare_digest(sent, key):
                found = key
        return f"key:{hashlib.sha256(found).hexdigest()[:16]}" if found is not None else None

    def _by_token(self, shown: str) -> str | None:
        if self._tokens is None or shown.count(".") != 2:
            return None
        for secret in self._tokens.lines():
            subject = self._subject(shown, secret)
            if subject is not None:
                return f"jwt:{subject}"
        return None

    def _subject(self, token: str, secret: bytes) -> str | None:
        try:
            claims = jwt.decode(
                token,
                secret,
                algorithms=["HS256"],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "sub"], "verify_aud": self._audience is not None},
            )
        except jwt.PyJWTError:
            return None
        return str(claims["sub"])[:128]
