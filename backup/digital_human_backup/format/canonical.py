"""JSON in one form only, so that every changed byte is noticed."""

from __future__ import annotations

import json
from typing import Any


def dump(value: Any) -> bytes:
    """The canonical form of a value: keys sorted, no white space, UTF-8."""
    return _text(value).encode()


def load(data: bytes) -> Any:
    """Parse a canonical document; ValueError for anything that is not in canonical form."""
    try:
        text = data.decode()
        value = json.loads(text)
        same = _text(value) == text
    except RecursionError as error:
        raise ValueError("not a canonical document") from error
    if not same:
        raise ValueError("not in canonical form")
    return value


def _text(value: Any) -> str:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
