"""The first stage of a turn: the model's text, for display at once and in clauses for the voice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from digital_human_runtime.stages import Bounded, Chunker, Clause

from .ended import Ended, ended_by
from .limits import Limits
from .reading import read


class Writing:
    """
    Reads an answer to its end and puts its clauses, then an ``Ended``, into a queue.

    ``on_text`` is given every piece of text, before ``on_clause`` is told of its clauses.
    """

    def __init__(
        self,
        clauses: Bounded[Clause | Ended],
        limits: Limits,
        on_text: Callable[[str], Awaitable[None]],
        on_clause: Callable[[], None],
    ) -> None:
        self._clauses = clauses
        self._limits = limits
        self._on_text = on_text
        self._on_clause = on_clause
        self._chunker = Chunker()
        self._quiet: asyncio.TimerHandle | None = None

    async def run(self, source: AsyncGenerator[str]) -> None:
        """Read to the end. Never raises; the source is closed when this returns."""
        try:
            await self._read(source)
        except Exception as error:  # noqa: BLE001  # the queue carries it on
            await self._clauses.put(ended_by(error))
        else:
            await self._put(self._chunker.finish())
            await self._clauses.put(Ended())

    async def _read(self, source: AsyncGenerator[str]) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with aclosing(read(source, self._limits)) as pieces:
                async for text in pieces:
                    self._stop_timer()
                    await self._on_text(text)
                    await self._put(self._chunker.feed(text, loop.time()))
                    if (at := self._chunker.flush_at) is not None:
                        self._quiet = loop.call_at(at, self._flush)
        finally:
            self._stop_timer()

    async def _put(self, clauses: list[Clause]) -> None:
        for clause in clauses:
            self._on_clause()
            await self._clauses.put(clause)

    def _flush(self) -> None:
        """Let the voice have what is there: the model is silent."""
        now = asyncio.get_running_loop().time()
        for clause in self._chunker.quiet(now):
            self._on_clause()
            self._clauses.put_over(clause)

    def _stop_timer(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
