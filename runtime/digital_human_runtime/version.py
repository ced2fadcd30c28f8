"""The version of what runs here."""

from __future__ import annotations

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    """The version of the distribution; ``0+unknown`` when it runs from a bare checkout."""
    try:
        return metadata.version("digital-human")
    except metadata.PackageNotFoundError:
        return "0+unknown"
