"""JSON in one form only, so that every changed byte is noticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

_DEPTH = 3
"""So deep lies what a manifest has many of: the files of its contents."""
_AT_ONCE = 1000


def dump(value: Any) -> bytes:
    """The canonical form of a value: keys sorted, no white space, UTF-8."""
    return _text(value).encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical form, which is never in memory as a whole."""
    found = hashlib.sha256()
    for piece in _pieces(value, _DEPTH):
        found.update(piece.encode())
    return found.hexdigest()


def load(data: bytes) -> Any:
    """Parse a canonical document; ValueError for anything that is not in canonical form."""
    try:
        text = data.decode()
        value = json.loads(text)
        same = _is_form_of(value, text)
    except RecursionError as error:
        raise ValueError("not a canonical document") from error
    if not same:
        raise ValueError("not in canonical form")
    return value


def _is_form_of(value: Any, text: str) -> bool:
    offset = 0
    for piece in _pieces(value, _DEPTH):
        if not text.startswith(piece, offset):
            return False
        offset += len(piece)
    return offset == len(text)


def _pieces(value: Any, depth: int) -> Iterator[str]:
    """The canonical form, piece by piece: all of it would be as large as what was read."""
    if depth and value and isinstance(value, dict):
        before = "{"
        for name in sorted(value):
            yield f"{before}{_text(name)}:"
            yield from _pieces(value[name], depth - 1)
            before = ","
        yield "}"
    elif depth and value and isinstance(value, list):
        rest, before = iter(value), "["
        while some := list(islice(rest, _AT_ONCE)):
            yield before + _text(some)[1:-1]
            before = ","
        yield "]"
    else:
        yield _text(value)


def _text(value: Any) -> str:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
