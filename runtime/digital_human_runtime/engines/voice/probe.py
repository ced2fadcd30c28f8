"""How a voice server stands, asked now and then so that a check waits for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from digital_human_runtime.errors import RuntimeFault
from digital_human_runtime.frames import Check


class Probe:
    """
    Calls ``ask`` at the start and every ``interval`` seconds, for at most ``deadline``.

    It returns a few words about the server, or raises a RuntimeFault that says what is wrong.
    """

    def __init__(
        self, ask: Callable[[], Awaitable[str]], *, interval: float = 15.0, deadline: float = 5.0
    ) -> None:
        self._ask, self._interval, self._deadline = ask, interval, deadline
        self._task: asyncio.Task[None] | None = None
        self._check = Check("voice", ok=False, detail="the voice is not started")

    async def start(self) -> None:
        """Ask once and begin to ask regularly; a server that is not there yet may come."""
        if self._task is None:
            await self.now()
            self._task = asyncio.create_task(self._repeat())

    async def close(self) -> None:
        """Stop asking; may be called twice."""
        task, self._task = self._task, None
        self._check = Check("voice", ok=False, detail="the voice is not started")
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def now(self) -> None:
        """Ask at once."""
        try:
            async with asyncio.timeout(self._deadline):
                self._check = Check("voice", ok=True, detail=await self._ask())
        except RuntimeFault as fault:
            self._check = Check("voice", ok=False, detail=fault.message)
        except TimeoutError:
            late = f"the voice server did not answer within {self._deadline:g} s"
            self._check = Check("voice", ok=False, detail=late)

    def check(self) -> Check:
        """What was found last."""
        return self._check

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await self.now()
