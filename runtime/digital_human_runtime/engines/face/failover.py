"""
A face with another behind it: a service, and the embedded network for when the service is away.

A stream that fails goes on with the other face from the very frame it had reached, blended so that
nothing jumps. The next stream tries the first face again, which says at once whether it is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np

from digital_human_runtime.errors import BadInput, Conflict, RuntimeFault
from digital_human_runtime.frames import SHAPES, Check, FaceOptions, Samples, Weights
from digital_human_runtime.interfaces import Face, FaceStream

T = TypeVar("T")
log = logging.getLogger(__name__)
_CONTEXT = 1
"""Whole seconds of sound before the frame that is wanted, for the second face to find its way."""
_BLEND_SECONDS = 0.15


class Failover:
    """A ``Face`` of two; ``patience`` is how long the first may take for one answer, in seconds."""

    def __init__(self, first: Face, second: Face, *, patience: float = 4.0) -> None:
        if first.fps != second.fps:
            raise BadInput("fps: both faces must have the same number of frames a second.")
        self._first, self._second = first, second
        self._patience = patience

    @property
    def fps(self) -> int:
        """Frames for each second of sound."""
        return self._first.fps

    async def start(self) -> None:
        """Start both; fails when either does: what is configured must have been there once."""
        await self._second.start()
        await self._first.start()

    async def close(self) -> None:
        """End both; may be called twice."""
        await self._first.close()
        await self._second.close()

    def check(self) -> Check:
        """The first face's answer, only degraded where the second stands in."""
        first, second = self._first.check(), self._second.check()
        if first.ok or not second.ok:
            return replace(first, ok=first.ok and second.ok)
        detail = f"{first.detail}; the embedded face stands in"
        return replace(first, ok=True, degraded=True, detail=detail)

    async def open(self, *, sample_rate: int, options: FaceOptions) -> FailoverStream:
        """Begin a stream with the first face that can; BadInput for a wrong option."""
        stream: FaceStream | None = None
        try:
            stream = await _within(
                self._patience, self._first.open(sample_rate=sample_rate, options=options)
            )
        except BadInput:
            if not self._first.check().ok:
                raise
            # perhaps only the first face cannot take it: the second decides
        except (RuntimeFault, TimeoutError) as error:
            log.warning("the first face cannot be opened: %s", _reason(error))
        turned = FailoverStream(
            self._second, sample_rate=sample_rate, options=options, patience=self._patience
        )
        await turned.begin(stream)
        return turned


class FailoverStream:
    """A ``FaceStream`` that changes its face when the first one fails."""

    def __init__(
        self, second: Face, *, sample_rate: int, options: FaceOptions, patience: float
    ) -> None:
        self._second = second
        self._rate, self._fps, self._options = sample_rate, second.fps, options
        self._patience = patience
        self._stream: FaceStream | None = None
        self._on_first = False
        self._kept = np.zeros(0, dtype=np.int16)
        self._kept_from = 0
        self._given = 0
        self._skip = 0
        self._felt: list[tuple[int, dict[str, float]]] = []
        self._last: Weights = np.zeros((1, len(SHAPES)), dtype=np.float32)
        self._blend_from: int | None = None
        self._over = False

    async def begin(self, first: FaceStream | None) -> None:
        """Use ``first``, or the second face from the beginning when there is none."""
        self._stream, self._on_first = first, first is not None
        if first is None:
            self._stream = await self._second.open(sample_rate=self._rate, options=self._options)

    async def push(self, samples: Samples) -> Weights:
        """Take sound; return the frames that are certain by now."""
        if self._over or self._stream is None:
            raise Conflict("This face stream has ended; open another.")
        if not self._on_first:
            return self._out(await self._stream.push(samples))
        self._kept = np.concatenate((self._kept, samples))
        try:
            return self._out(await _within(self._patience, self._stream.push(samples)))
        except (BadInput, Conflict):
            raise
        except (RuntimeFault, TimeoutError) as error:
            return self._out(await self._change(error))

    async def feel(self, emotions: Mapping[str, float], at_sample: int) -> None:
        """Express these emotions from a sample on; BadInput names one that does not exist."""
        if self._stream is None:
            return
        offset = 0 if self._on_first else self._kept_from
        await self._stream.feel(emotions, max(0, at_sample - offset))
        self._felt.append((at_sample, dict(emotions)))

    async def finish(self) -> Weights:
        """Return the frames that are left; none when asked again or after ``close``."""
        if self._over or self._stream is None:
            return np.zeros((0, len(SHAPES)), dtype=np.float32)
        self._over = True
        if not self._on_first:
            return self._out(await self._stream.finish())
        try:
            return self._out(await self._stream.finish())
        except RuntimeFault as error:
            caught = self._out(await self._change(error))
            return np.concatenate((caught, self._out(await self._stream.finish())))

    async def close(self) -> None:
        """Give up the stream; may be called at any time, and twice."""
        self._over = True
        if self._stream is not None:
            await self._stream.close()

    async def _change(self, error: Exception) -> Weights:
        """Go on with the second face, from whole seconds: there frames and samples agree."""
        log.warning("the first face failed, the second goes on: %s", _reason(error))
        failed, self._on_first = self._stream, False
        second = max(0, self._given // self._fps - _CONTEXT)
        begin = second * self._rate
        options = replace(self._options, emotions=self._feeling(begin))
        self._stream = await self._second.open(sample_rate=self._rate, options=options)
        for at, felt in self._felt:
            if at >= begin:
                await self._stream.feel(felt, at - begin)
        self._skip = self._given - second * self._fps
        self._blend_from = self._given
        sound = self._kept[begin - self._kept_from :]
        self._kept, self._kept_from = np.zeros(0, dtype=np.int16), begin
        if failed is not None:
            await failed.close()
        return await self._stream.push(sound)

    def _feeling(self, begin: int) -> dict[str, float]:
        before = [felt for at, felt in sorted(self._felt, key=lambda e: e[0]) if at < begin]
        return before[-1] if before else self._options.emotions

    def _out(self, weights: Weights) -> Weights:
        skipped = min(self._skip, len(weights))
        self._skip -= skipped
        weights = self._blended(weights[skipped:])
        self._given += len(weights)
        if len(weights):
            self._last = weights[-1:].copy() if self._on_first else self._last
        if self._on_first:
            self._forget()
        return weights

    def _blended(self, weights: Weights) -> Weights:
        if self._blend_from is None:
            return weights
        numbers = np.arange(self._given, self._given + len(weights)) - self._blend_from + 1
        share = np.clip(numbers / (_BLEND_SECONDS * self._fps), 0.0, 1.0)[:, None]
        return np.asarray(self._last + (weights - self._last) * share, dtype=np.float32)

    def _forget(self) -> None:
        """Keep what the second face would need: all from some whole second on."""
        keep_from = max(0, self._given // self._fps - _CONTEXT) * self._rate
        drop = keep_from - self._kept_from
        if drop > 0:
            self._kept = self._kept[drop:].copy()
            self._kept_from = keep_from


async def _within(seconds: float, waited: Awaitable[T]) -> T:
    async with asyncio.timeout(seconds):
        return await waited


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, RuntimeFault) else "no answer in time"
