"""
The face stage: the sound of a turn becomes frames, whatever happens to the faces that make them.

One stream lives through all clauses of a turn, so that the face does not jump between them.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import TypeVar

import numpy as np

from digital_human_runtime.frames import SHAPES, FaceOptions, Samples, Weights, frame_sample
from digital_human_runtime.interfaces import Face, FaceStream

T = TypeVar("T")
log = logging.getLogger(__name__)
_NEUTRAL: Weights = np.zeros((1, len(SHAPES)), np.float32)

BLEND_SECONDS = 0.15
"""A second face takes over from the first within this time, without a jump."""
STILL_SECONDS = 0.2
"""A face that nobody moves any more comes to rest within this time."""


class FaceFailed(Exception):  # noqa: N818  # named for what happened
    """A face stream raised, hung, or gave what are no weights."""


def frames_before(sample: int, sample_rate: int, fps: int) -> int:
    """Return how many frames belong to samples before ``sample``."""
    frame = max(0, sample * fps // sample_rate - 1)
    while frame_sample(frame, sample_rate, fps) < sample:
        frame += 1
    return frame


class FaceStage:
    """
    Frames for the sound of one turn: n samples give ceil(n * fps / sample_rate) in all.

    Uses the faces in the given order: the next one when one fails, a still face after the last.
    """

    def __init__(
        self,
        faces: Sequence[Face],
        *,
        sample_rate: int,
        options: FaceOptions,
        push_seconds: float,
    ) -> None:
        self.fps = faces[0].fps
        self.frames = 0
        """Settled so far."""
        self.failovers = 0
        self._faces = deque(faces)
        self._sample_rate = sample_rate
        self._options = options
        self._push_seconds = push_seconds
        self._stream: FaceStream | None = None
        self._stream_new = False
        self._sound = _Sound()
        self._rest_from: int | None = None
        self._rest_frames = 1
        self._last = _NEUTRAL
        self._ease = _Ease(_NEUTRAL, 0)

    async def open(self) -> None:
        """Open the first face ahead of the first sound. Never raises."""
        if self._stream is None:
            await self._open_next()

    async def push(self, samples: Samples) -> Weights:
        """Take sound and return the frames that it settles, perhaps none. Never raises."""
        self._sound.append(samples)
        return self._settle(await self._frames(samples), final=False)

    async def finish(self) -> Weights:
        """Return all frames that are left. Never raises."""
        return self._settle(await self._frames(None), final=True)

    def rest(self, seconds: float) -> None:
        """Ease the face to neutral over the sound that comes from now on, of this length."""
        self._rest_from = self._count()
        self._rest_frames = max(1, math.floor(seconds * self.fps))

    async def close(self) -> None:
        """Give up the stream; may be called at any time, and twice."""
        stream, self._stream = self._stream, None
        self._faces.clear()
        if stream is not None:
            await self._give_up(stream)

    def _count(self) -> int:
        return math.ceil(self._sound.length * self.fps / self._sample_rate)

    async def _frames(self, samples: Samples | None) -> Weights:
        """Ask the stream of now, else that of the next face; samples None: no more sound."""
        while self._stream is not None or await self._open_next():
            try:
                return await self._ask(samples)
            except FaceFailed as reason:
                await self._fail(reason)
        return self._still()

    async def _ask(self, samples: Samples | None) -> Weights:
        """Push and finish; a new stream is given all sound that has no frames yet."""
        stream = self._stream
        if stream is None:
            raise FaceFailed("closed")
        parts = [_NEUTRAL[:0]]
        sound = self._unsettled() if self._stream_new else samples
        if sound is not None and len(sound):
            parts.append(_checked(await self._in_time(stream.push(sound))))
        if samples is None:
            parts.append(_checked(await self._in_time(stream.finish())))
        self._stream_new = False
        return np.concatenate(parts)

    async def _open_next(self) -> bool:
        """Open the next face that can be opened."""
        while self._faces:
            face = self._faces.popleft()
            opening = face.open(sample_rate=self._sample_rate, options=self._options)
            try:
                self._stream = await self._in_time(opening)
            except FaceFailed as reason:
                await self._fail(reason)
            else:
                self._stream_new = True
                return True
        return False

    async def _fail(self, reason: FaceFailed) -> None:
        log.warning("A face failed, the next one goes on: %s", reason)
        self.failovers += 1
        stream, self._stream = self._stream, None
        seconds = BLEND_SECONDS if self._faces else STILL_SECONDS
        self._ease = _Ease(self._last, round(seconds * self.fps))
        if stream is not None:
            await self._give_up(stream)

    async def _in_time(self, waited: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._push_seconds):
                return await waited
        except TimeoutError:
            raise FaceFailed(f"no answer within {self._push_seconds:g} s") from None
        except FaceFailed:
            raise
        except Exception as error:  # whatever a face does, speech goes on
            raise FaceFailed(type(error).__name__) from error

    async def _give_up(self, stream: FaceStream) -> None:
        with suppress(FaceFailed):
            await self._in_time(stream.close())

    def _unsettled(self) -> Samples:
        return self._sound.since(frame_sample(self.frames, self._sample_rate, self.fps))

    def _still(self) -> Weights:
        return np.zeros((self._count() - self.frames, len(SHAPES)), np.float32)

    def _settle(self, weights: Weights, *, final: bool) -> Weights:
        """Hold the stream to its count, and let it begin and end without a jump."""
        room = self._count() - self.frames
        weights = weights[:room]
        if final and len(weights) < room:
            last = weights[-1:] if len(weights) else self._last
            weights = np.concatenate((weights, np.repeat(last, room - len(weights), axis=0)))
        if not len(weights):
            return weights
        weights = self._rested(self._ease.apply(weights))
        self.frames += len(weights)
        self._last = weights[-1:]
        self._sound.forget(frame_sample(self.frames, self._sample_rate, self.fps))
        return weights

    def _rested(self, weights: Weights) -> Weights:
        if self._rest_from is None or self.frames + len(weights) <= self._rest_from:
            return weights
        steps = np.arange(self.frames, self.frames + len(weights)) - self._rest_from + 1
        left = 1 - np.clip(steps / self._rest_frames, 0, 1)
        return (weights * (left * left * (3 - 2 * left))[:, None]).astype(np.float32)


class _Sound:
    """The sound of a turn as far as it may be needed again."""

    def __init__(self) -> None:
        self.length = 0
        self._start = 0
        self._pieces: deque[Samples] = deque()

    def append(self, samples: Samples) -> None:
        self._pieces.append(samples)
        self.length += len(samples)

    def forget(self, before: int) -> None:
        while self._pieces and self._start + len(self._pieces[0]) <= before:
            self._start += len(self._pieces.popleft())

    def since(self, sample: int) -> Samples:
        if not self._pieces:
            return np.zeros(0, np.int16)
        return np.concatenate(self._pieces)[max(0, sample - self._start) :]


class _Ease:
    """Leads from the weights of one face to those of another over some frames."""

    def __init__(self, source: Weights, frames: int) -> None:
        self._source = source
        self._frames = frames
        self._done = 0

    def apply(self, weights: Weights) -> Weights:
        if self._done >= self._frames:
            return weights
        steps = np.arange(self._done + 1, self._done + 1 + len(weights))
        share = np.clip(steps / self._frames, 0, 1)[:, None].astype(np.float32)
        self._done += len(weights)
        mixed: Weights = weights * share + self._source * (1 - share)
        return mixed


def _checked(weights: Weights) -> Weights:
    """Raise FaceFailed unless these are frames of weights; they are put into 0..1."""
    if weights.ndim != 2 or weights.shape[1] != len(SHAPES) or not np.isfinite(weights).all():
        raise FaceFailed(f"gave what are no weights, of shape {weights.shape}")
    return np.clip(weights, 0, 1).astype(np.float32, copy=False)
