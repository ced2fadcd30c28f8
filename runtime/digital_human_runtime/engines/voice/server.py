"""What a voice server is called in a sentence."""

from __future__ import annotations

from urllib.parse import urlsplit


def named(url: str) -> str:
    """``the voice server at HOST:PORT``, never with what else is in the URL; ValueError if bad."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the URL of a voice server begins with http:// or https:// and a host")
    return f"the voice server at {parts.hostname}{f':{parts.port}' if parts.port else ''}"
