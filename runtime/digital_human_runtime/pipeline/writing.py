"""The first stage of a turn: the model's text, for display at once and in clauses for the voice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from digital_human_runtime.errors import EngineFault
from digital_human_runtime.stages import Bounded, Chunker, Clause

from .ended import Ended, ended_by
from .limits import Limits


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
        self._characters = 0

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
        seconds = self._limits.first_token_seconds
        try:
            async with aclosing(source):
                while (text := await self._next(source, seconds)) is not None:
                    await self._take(text)
                    seconds = self._limits.token_seconds
                    if self._characters >= self._limits.answer_characters:
                        break
        finally:
            self._stop_timer()

    async def _next(self, source: AsyncGenerator[str], seconds: float) -> str | None:
        try:
            async with asyncio.timeout(seconds):
                return await anext(source, None)
        except TimeoutError:
            raise EngineFault(
                f"The language model wrote nothing for {seconds:g} seconds; ask again."
            ) from None

    async def _take(self, text: str) -> None:
        text = text[: self._limits.answer_characters - self._characters]
        if not text:
            return
        self._characters += len(text)
        self._stop_timer()
        await self._on_text(text)
        loop = asyncio.get_running_loop()
        await self._put(self._chunker.feed(text, loop.time()))
        if (at := self._chunker.flush_at) is not None:
            self._quiet = loop.call_at(at, self._flush)

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
