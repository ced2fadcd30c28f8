"""Ending a task for good."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_SECONDS = 0.5
"""After which a task that has not ended is cancelled once more."""


async def end(task: asyncio.Task[Any] | None) -> None:
    """
    Cancel ``task`` until it has ended; what it raises meanwhile is nobody's any more.

    Once is not enough: a client library that is cancelled while its connection breaks may catch
    that together with the error of the connection, and the loop around it would go on for ever.
    """
    if task is None:
        return
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=AGAIN_SECONDS)
    if not task.cancelled():
        task.exception()
