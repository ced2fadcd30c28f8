"""Which pages may talk to us: the own one, and those on the allow-list."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit


def allowed(origin: str | None, host: str | None, listed: Collection[str]) -> bool:
    """
    Whether a connection with this ``Origin`` and ``Host`` is welcome.

    Programs send no Origin and have no foreign cookies or keys to abuse, so they pass. A page that
    was loaded from this very host passes on every port: the page is on 8000, the socket on 8080.
    """
    if origin is None or "*" in listed:
        return True
    if origin.rstrip("/").lower() in {one.rstrip("/").lower() for one in listed}:
        return True
    name = _host(origin)
    return name is not None and host is not None and name == _host(f"//{host}")


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
