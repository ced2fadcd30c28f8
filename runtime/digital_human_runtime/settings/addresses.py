"""Addresses of servers that settings name: their forms."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

_SAID = "must be an address such as redis://redis:6379/0"


def _redis(url: str) -> str:
    """The same address; ValueError where the client of Redis would take none of the kind."""
    try:
        parts = urlsplit(url)
        named = parts.hostname or (parts.scheme == "unix" and parts.path)
        if parts.netloc.rpartition("@")[2].startswith("["):
            ip_address(parts.hostname or "")
        wrong = not named or (parts.port is not None and not parts.port)
    except ValueError:
        wrong = True
    if wrong or not re.match(r"(rediss?|unix)://", url):
        raise ValueError(_SAID)
    return url


RedisUrl = Annotated[str, AfterValidator(_redis)]
"""Where a Redis is, as its client for Python writes it."""
