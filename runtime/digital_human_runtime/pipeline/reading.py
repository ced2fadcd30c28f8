"""Reads a language model with deadlines and an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from digital_human_runtime.errors import EngineFault
from digital_human_runtime.frames import FinishReason

from .limits import Limits


@dataclass(slots=True)
class Finish:
    """Why an answer is over. Of one that ``read`` cuts the model never says so."""

    reason: FinishReason = "length"

    def tell(self, reason: FinishReason) -> None:
        """What the model says."""
        self.reason = reason


async def read(source: AsyncGenerator[str], limits: Limits) -> AsyncGenerator[str]:
    """
    Yield the pieces of an answer, cut at the most characters that an answer may have.

    The source is closed with this. Raises what it raises, EngineFault when it is too slow. Some
    servers cut an emoji in two halves, which nothing could send or store: they are joined.
    """
    seconds, left = limits.first_token_seconds, limits.answer_characters
    half = ""
    async with aclosing(source):
        while left > 0 and (text := await _next(source, seconds)) is not None:
            seconds = limits.token_seconds
            text, half = _whole(half + text)
            if text:
                yield text[:left]
                left -= len(text)


def _whole(text: str) -> tuple[str, str]:
    """Join halves of characters; one at the end waits, one that is alone becomes a mark of that."""
    half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
    whole = text[: len(text) - len(half)]
    return whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), half


async def _next(source: AsyncGenerator[str], seconds: float) -> str | None:
    try:
        async with asyncio.timeout(seconds):
            return await anext(source, None)
    except TimeoutError:
        raise EngineFault(
            f"The language model wrote nothing for {seconds:g} seconds; ask again."
        ) from None
