"""Waiting for what happens soon, with a deadline."""

import asyncio
from collections.abc import Callable


async def eventually(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return once it happened; raises TimeoutError when that takes too long."""
    async with asyncio.timeout(seconds):
        while not happened():  # noqa: ASYNC110 - conditions of other code, not events of ours
            await asyncio.sleep(0.01)
