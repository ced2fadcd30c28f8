"""Pairs the sound of a turn with its frames and sends both, no further ahead than is allowed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.frames import SHAPES, Event, Media, Samples, Weights, frame_sample
from digital_human_runtime.stages import frames_before

PIECE_SECONDS = 0.1
LONG_PIECE_SECONDS = 0.25
"""Once the listener has enough: fewer, larger messages."""
ENOUGH_SECONDS = 0.6
_NO_SOUND: Samples = np.zeros(0, np.int16)
_NO_FRAMES: Weights = np.zeros((0, len(SHAPES)), np.float32)
Scalar = TypeVar("Scalar", np.int16, np.float32)


class Stalled(Exception):  # noqa: N818  # named for what happened
    """The listener has heard nothing more for too long."""


class Playout:
    """
    The clock of a turn: samples that were taken, sent and heard.

    A sample is sent once its frames are settled, and at most ``window`` samples beyond what was
    heard. ``send`` waits for the listener; Stalled is raised when that takes too long.
    """

    def __init__(
        self,
        turn: int,
        *,
        sample_rate: int,
        fps: int,
        window: int,
        stall_seconds: float | None,
        put: Callable[[Event], Awaitable[None]],
    ) -> None:
        self.taken = 0
        self.sent = 0
        self.played = 0
        self.underruns = 0
        self.skew = 0
        self._turn = turn
        self._rate = sample_rate
        self._fps = fps
        self._window = window
        self._stall_seconds = stall_seconds
        self._put = put
        self._credit = asyncio.Event()
        self._dry = False
        self._sound: deque[Samples] = deque()
        self._faces: deque[Weights] = deque()
        self._frames_taken = 0
        self._frames_sent = 0

    @property
    def unsettled(self) -> int:
        """Samples that wait for their frames."""
        return self.taken - self._settled()

    def credit(self, played: int) -> None:
        """Samples heard so far; more than were sent, or fewer than before, is ignored."""
        played = min(played, self.sent)
        if played <= self.played:
            return
        self.played = played
        self._dry = played == self.sent
        self._credit.set()

    def take(self, samples: Samples, weights: Weights) -> None:
        """Add sound and frames at the end; frames may come later than their sound."""
        if len(samples):
            self._sound.append(samples)
            self.taken += len(samples)
        if len(weights):
            self._faces.append(weights)
            self._frames_taken += len(weights)

    async def send(self, *, final: bool = False) -> None:
        """Send what is settled; ``final``: no more frames come, so all of it."""
        while (ready := (self.taken if final else self._settled()) - self.sent) > 0:
            piece = min(ready, self.piece)
            await self._room(piece)
            await self._emit(piece, last=final and piece == ready)

    def _settled(self) -> int:
        return min(self.taken, frame_sample(self._frames_taken, self._rate, self._fps))

    @property
    def piece(self) -> int:
        """How many samples are best sent at once now."""
        ahead = self.sent - self.played
        enough = ahead >= ENOUGH_SECONDS * self._rate
        seconds = LONG_PIECE_SECONDS if enough else PIECE_SECONDS
        return max(1, min(int(seconds * self._rate), self._window))

    async def _room(self, piece: int) -> None:
        while self.sent - self.played + piece > self._window:
            self._credit.clear()
            try:
                async with asyncio.timeout(self._stall_seconds):
                    await self._credit.wait()
            except TimeoutError:
                raise Stalled from None

    async def _emit(self, piece: int, *, last: bool) -> None:
        end = self.sent + piece
        until = self._frames_taken if last else frames_before(end, self._rate, self._fps)
        first, count = self._frames_sent, max(0, until - self._frames_sent)
        samples = _shift(self._sound, piece, _NO_SOUND)
        weights = _shift(self._faces, count, _NO_FRAMES)
        media = Media(self._turn, self.sent, samples, first, weights)
        self._frames_sent += len(weights)
        self.skew = max(self.skew, end - frame_sample(self._frames_sent, self._rate, self._fps))
        if self._dry and self.sent:
            self.underruns += 1
        self._dry = False
        self.sent = end
        await self._put_in_time(media)

    async def _put_in_time(self, media: Media) -> None:
        """A connection that takes nothing more is a listener who hears nothing more."""
        try:
            async with asyncio.timeout(self._stall_seconds):
                await self._put(media)
        except TimeoutError:
            raise Stalled from None


def _shift(pieces: deque[NDArray[Scalar]], count: int, none: NDArray[Scalar]) -> NDArray[Scalar]:
    """Take ``count`` rows from the front, copying only where pieces meet."""
    taken = []
    while count > 0 and pieces:
        piece = pieces.popleft()
        if len(piece) > count:
            pieces.appendleft(piece[count:])
            piece = piece[:count]
        taken.append(piece)
        count -= len(piece)
    if len(taken) == 1:
        return taken[0]
    return np.concatenate(taken) if taken else none
