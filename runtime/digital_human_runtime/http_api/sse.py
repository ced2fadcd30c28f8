"""Server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeVar

from fastapi.responses import StreamingResponse

Item = TypeVar("Item")


def event(data: Any, name: str | None = None) -> str:
    """One event; ``data`` becomes JSON on one line."""
    head = f"event: {name}\n" if name is not None else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"


def answer(events: AsyncIterator[str]) -> StreamingResponse:
    """The streamed answer; proxies are told not to hold it back."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


async def begun(items: AsyncGenerator[Item]) -> AsyncGenerator[Item]:
    """
    The same items, the first of which is already here.

    What goes wrong before it can still be told by a status, which an answer under way cannot.
    """
    try:
        first = await anext(items)
    except StopAsyncIteration:
        return _chained(None, items)
    return _chained(first, items)


async def _chained(first: Item | None, rest: AsyncGenerator[Item]) -> AsyncGenerator[Item]:
    try:
        if first is not None:
            yield first
        async for item in rest:
            yield item
    finally:
        await rest.aclose()
