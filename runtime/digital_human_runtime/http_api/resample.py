"""Another sample rate for sound that comes piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import numpy as np
import soxr

from digital_human_runtime.frames import Samples

_NONE: Samples = np.zeros(0, np.int16)


async def resampled(
    pieces: AsyncGenerator[Samples], rate: int, wanted: int
) -> AsyncGenerator[bytes]:
    """
    The same sound at ``wanted`` hertz as 16-bit little-endian PCM.

    n samples become ceil or floor of n * wanted / rate. Pieces come as soon as they are made; the
    filter of the resampler holds back some milliseconds until the end.
    """
    stream = None if rate == wanted else soxr.ResampleStream(rate, wanted, 1, dtype="int16")
    async with aclosing(pieces):
        async for samples in pieces:
            made = samples if stream is None else stream.resample_chunk(samples)
            if len(made):
                yield _bytes(made)
    if stream is not None:
        yield _bytes(stream.resample_chunk(_NONE, last=True))


def _bytes(samples: Samples) -> bytes:
    return samples.astype("<i2", copy=False).tobytes()
