"""A face stream of a service: cut into calls, put together again by time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import numpy as np

from digital_human_runtime.engines.face.emotions import vector
from digital_human_runtime.errors import BadInput, Conflict, EngineFault
from digital_human_runtime.frames import SHAPE_INDEX, SHAPES, FaceOptions, Samples, Weights

from .cutting import Cutter
from .segment import Emotions, Segment, unanswered
from .timeline import Stretch, Timeline

_CHUNK = 1.0
"""Seconds of sound in a message: what the service works on best."""
_LINGER, _IDLE = 0.08, 1.5
"""Seconds without more sound after which less is sent, and after which the call ends."""
_EASE = 0.12
_JAW, _CLOSE = SHAPE_INDEX["jawOpen"], SHAPE_INDEX["mouthClose"]

Begin = Callable[[Mapping[str, float]], Segment]
"""Begins a call with these emotions."""
Ended = Callable[[EngineFault | None], None]
"""Told once how a stream ended."""


class RemoteStream:
    """A ``FaceStream``; raises EngineFault as soon as a call has failed."""

    def __init__(
        self,
        begin: Begin,
        ended: Ended,
        *,
        sample_rate: int,
        fps: int,
        options: FaceOptions,
        patience: float,
    ) -> None:
        self._begin, self._ended = begin, ended
        self._patience = patience
        self._rate, self._fps, self._clamp = sample_rate, fps, options.clamp
        self._feeling: dict[str, float] = dict(options.emotions)
        self._felt: list[tuple[int, dict[str, float]]] = []
        self._cutter, self._timeline = Cutter(sample_rate), Timeline(fps)
        self._calls: deque[tuple[Segment, Stretch]] = deque()
        self._held: list[Samples] = []
        self._sent = 0
        self._samples = 0
        self._sending = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._late: asyncio.Task[None] | None = None
        self._fault: EngineFault | None = None
        self._over = False

    async def push(self, samples: Samples) -> Weights:
        """
        Take sound; return the frames that came by now.

        With the sound that ends a clause this waits for the frames of that clause: perhaps nothing
        more is said for a while, and they are wanted now. No sound at all only asks for frames.
        """
        if self._over:
            raise Conflict("This face stream has ended; open another.")
        if samples.ndim != 1 or samples.dtype != np.int16:
            raise BadInput("samples: send mono PCM of 16 bits.")
        async with self._faults():
            self._samples += len(samples)
            async with self._sending:
                ended = await self._feed(samples) if len(samples) else []
            for call in ended:
                await call.finished()
            return self._take()

    async def feel(self, emotions: Mapping[str, float], at_sample: int) -> None:
        """Let the service know of emotions from a sample on; BadInput names an unknown one."""
        vector(emotions)
        self._felt.append((at_sample, dict(emotions)))

    async def finish(self) -> Weights:
        """Wait for the frames that are left; the last ones ease to neutral."""
        if self._over:
            return _none()
        self._over = True
        self._wait(None)
        async with self._faults():
            async with self._sending:
                await self._send()
                await self._end()
            parts = []
            while self._calls:
                await self._calls[0][0].finished()
                parts.append(self._take())
            made = self._eased(np.concatenate(parts)) if parts else _none()
        self._ended(None)
        return made

    async def close(self) -> None:
        """Give up the stream and its calls; may be called at any time, and twice."""
        self._over = True
        self._wait(None)
        if self._late is not None:
            self._late.cancel()
        calls, self._calls = [call for call, _ in self._calls], deque()
        await asyncio.gather(*(call.cancel() for call in calls), return_exceptions=True)

    async def _feed(self, samples: Samples) -> list[Segment]:
        """Send sound, cut into calls; the calls that ended."""
        self._wait(None)
        ended: list[Segment] = []
        while len(samples):
            cut = self._cutter.cut(samples)
            self._held.append(samples[:cut])
            if cut is None:
                break
            await self._send()
            await self._end()
            ended += [call for call, _ in list(self._calls)[-1:]]
            samples = samples[cut:]
        await self._send(whole=True)
        self._wait(_LINGER)
        return ended

    async def _send(self, *, whole: bool = False) -> None:
        """Send what is held, in messages of a second; only ``whole`` ones keep the rest back."""
        sound = np.concatenate(self._held) if self._held else np.zeros(0, np.int16)
        most = int(_CHUNK * self._rate)
        until = len(sound) - len(sound) % most if whole else len(sound)
        self._held = [sound[until:]] if until < len(sound) else []
        for first in range(0, until, most):
            piece = sound[first : min(first + most, until)]
            call, stretch = self._call()
            emotions = self._due(self._sent + len(piece), stretch.first)
            await call.send(piece, emotions)
            self._sent += len(piece)

    async def _end(self) -> None:
        """End the call that takes sound, if there is one."""
        if self._calls and not self._calls[-1][0].ended:
            call, stretch = self._calls[-1]
            stretch.last = self._sent / self._rate
            await call.end()

    def _call(self) -> tuple[Segment, Stretch]:
        if not self._calls or self._calls[-1][0].ended:
            self._due(self._sent, 0.0)
            call = self._begin(self._feeling)
            self._calls.append((call, self._timeline.begin(call.frames, self._sent / self._rate)))
        return self._calls[-1]

    def _due(self, until: int, first: float) -> list[Emotions]:
        """Emotions that begin before sample ``until``, in seconds of a call from ``first``."""
        due = sorted((entry for entry in self._felt if entry[0] <= until), key=lambda e: e[0])
        self._felt = [entry for entry in self._felt if entry[0] > until]
        if due:
            self._feeling = due[-1][1]
        return [(max(0.0, at / self._rate - first), felt) for at, felt in due]

    def _take(self) -> Weights:
        for call, stretch in self._calls:
            call.check()
            stretch.complete = call.done
        whole = -(-self._samples * self._fps // self._rate)
        rows = self._timeline.take(whole)
        while self._calls and self._calls[0][0].done:
            self._calls.popleft()
        if self._clamp:
            rows = np.clip(rows, 0.0, 1.0)
        rows[:, _CLOSE] = np.minimum(rows[:, _CLOSE], np.maximum(rows[:, _JAW], 0.0))
        return rows

    def _eased(self, rows: Weights) -> Weights:
        """The last frames of the stream go to neutral; frames given before stay as they are."""
        numbers = np.arange(self._timeline.given - len(rows), self._timeline.given)
        left = (self._timeline.given - 1 - numbers) / (_EASE * self._fps)
        share = np.clip(left, 0.0, 1.0).astype(np.float32)[:, None]
        return np.asarray(rows * (share * share * (3.0 - 2.0 * share)), dtype=np.float32)

    def _wait(self, seconds: float | None) -> None:
        """After so long without more sound, send what is held, then end the call."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(seconds, self._begin_late, seconds >= _IDLE)

    def _begin_late(self, idle: bool) -> None:
        self._late = asyncio.create_task(self._send_late(idle=idle), name="audio2face-idle")

    async def _send_late(self, *, idle: bool) -> None:
        try:
            async with self._sending:
                await self._send()
                if idle:
                    await self._end()
                    self._cutter.begin()
        except EngineFault as fault:
            self._fault = fault
        if not idle and not self._over:
            self._wait(_IDLE)

    @asynccontextmanager
    async def _faults(self) -> AsyncIterator[None]:
        """Bound what is done in time; tell the face of a fault, once, and let it out."""
        try:
            if self._fault is not None:
                raise self._fault
            async with asyncio.timeout(self._patience):
                yield
        except (EngineFault, TimeoutError) as error:
            fault = error if isinstance(error, EngineFault) else unanswered(self._patience)
            self._over = True
            self._ended(fault)
            raise fault from None


def _none() -> Weights:
    return np.zeros((0, len(SHAPES)), dtype=np.float32)
