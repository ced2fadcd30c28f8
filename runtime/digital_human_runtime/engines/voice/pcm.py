"""Bytes of sound as they come over a network, made into pieces of speech."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np

from digital_human_runtime.errors import EngineFault
from digital_human_runtime.frames import Speech

from .estimate import words_by_length


async def until_silent(chunks: AsyncIterator[bytes], seconds: float) -> AsyncGenerator[bytes]:
    """Pass ``chunks`` on; EngineFault when the next takes longer than ``seconds``."""
    while True:
        try:
            async with asyncio.timeout(seconds):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise EngineFault(f"the voice server sent nothing for {seconds:g} s") from None
        yield chunk


async def pieces(chunks: AsyncIterator[bytes], text: str) -> AsyncGenerator[Speech]:
    """
    Yield 16-bit little-endian mono ``chunks`` as speech; half a sample waits for its other half.

    The words of ``text`` come last, with an empty piece, when it is known how long it took; they
    are estimates.
    """
    half = b""
    heard = []
    async for chunk in chunks:
        whole = half + chunk
        even = len(whole) & ~1
        half = whole[even:]
        if even:
            samples = np.frombuffer(whole[:even], "<i2").astype(np.int16, copy=False)
            heard.append(samples)
            yield Speech(samples)
    if not heard:
        raise EngineFault("the voice server sent no sound")
    words = words_by_length(text, np.concatenate(heard))
    yield Speech(np.zeros(0, np.int16), words, estimated=True)
