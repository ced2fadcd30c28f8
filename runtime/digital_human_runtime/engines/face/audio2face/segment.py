"""
One call of ``ProcessAudioStream``: a stretch of a stream's sound and the frames that come back.

The service is trusted with nothing: it may answer late, never, too little or with numbers that
are none. A call is good when a status of SUCCESS was seen before its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.errors import EngineFault
from digital_human_runtime.frames import Samples

from . import wire

_UNANSWERED = 2.0
"""Seconds of sound that a service may hold back before it must answer: its window, and more."""
_MISSING = 0.5
"""Seconds at the end of a stretch for which frames may be missing."""
_MOST_QUEUED = 32

Call = Callable[..., Any]
"""The stub's method."""
Emotions = tuple[float, Mapping[str, float]]
"""Second of the stretch, and what is felt from then on."""


@dataclass(slots=True)
class Timed:
    """Frames with their seconds since the beginning of the stretch."""

    at: list[float] = field(default_factory=list)
    weights: list[NDArray[np.float32]] = field(default_factory=list)


class Segment:
    """A call under way; ``finished`` tells when all frames are there, or raises EngineFault."""

    def __init__(self, call: Call, header: Any, *, sample_rate: int, patience: float) -> None:
        self.frames = Timed()
        self._rate = sample_rate
        self._patience = patience
        self._requests: asyncio.Queue[Any] = asyncio.Queue(_MOST_QUEUED)
        self._requests.put_nowait(header)
        self._sent = 0
        self._ended = False
        self._ok = False
        self._limit: asyncio.Timeout | None = None
        self._call = call(self._outgoing())
        self._reading = asyncio.create_task(self._read(), name="audio2face")

    @property
    def done(self) -> bool:
        """Whether no frame will come any more."""
        return self._reading.done()

    @property
    def ended(self) -> bool:
        """Whether no sound will come any more."""
        return self._ended

    def check(self) -> None:
        """Raise the EngineFault of a call that has failed."""
        if self._reading.done() and not self._reading.cancelled():
            error = self._reading.exception()
            if error is not None:
                raise error

    async def send(self, samples: Samples, emotions: list[Emotions]) -> None:
        """Send sound; waits, not for long, while the service takes none."""
        self.check()
        await self._put(wire.audio(samples, emotions))
        self._sent += len(samples)
        self._watch()

    async def end(self) -> None:
        """Say that no more sound comes."""
        if not self._ended:
            self._ended = True
            await self._put(wire.end())
            self._watch()

    async def finished(self) -> None:
        """Wait for the last frame."""
        await asyncio.shield(self._reading)

    async def cancel(self) -> None:
        """Give up the call, at once."""
        self._reading.cancel()
        self._call.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _put(self, request: Any) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._requests.put(request)
        except TimeoutError:
            self.check()
            raise EngineFault("Audio2Face takes no more sound.") from None

    async def _outgoing(self) -> AsyncIterator[Any]:
        while (request := await self._requests.get()) is not None:
            yield request
            if request.HasField("end_of_audio"):
                return

    def _let_go(self) -> None:
        """End what feeds the call: gRPC forgets it, unfinished, when a call breaks off."""
        while not self._requests.empty():
            self._requests.get_nowait()
        self._requests.put_nowait(None)

    def _watch(self, *, answered: bool = False) -> None:
        """Begin to wait for the service where it owes an answer, anew after each answer."""
        if self._limit is None or self._limit.expired():
            return
        now = asyncio.get_running_loop().time()
        if not self._owed():
            self._limit.reschedule(None)
        elif answered or self._limit.when() is None:
            self._limit.reschedule(now + self._patience)

    def _owed(self) -> bool:
        heard = self.frames.at[-1] if self.frames.at else 0.0
        return self._ended or self._sent / self._rate - heard > _UNANSWERED

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(None) as self._limit:
                self._watch()
                await self._take_all()
        except TimeoutError:
            raise unanswered(self._patience) from None
        except grpc.aio.AioRpcError as error:
            raise EngineFault(f"Audio2Face broke off: {error.code().name}.") from None
        except (ValueError, TypeError):
            raise EngineFault("Audio2Face sent what cannot be understood.") from None
        finally:
            self._call.cancel()
            self._let_go()

    async def _take_all(self) -> None:
        mapped = wire.columns(())
        async for message in self._call:
            part = message.WhichOneof("stream_part")
            if part == "animation_data_stream_header":
                told = message.animation_data_stream_header.skel_animation_header
                mapped = wire.columns(told.blend_shapes)
            elif part == "animation_data":
                self._take(message.animation_data.skel_animation.blend_shape_weights, mapped)
            elif part == "status":
                self._note(message.status)
            self._watch(answered=True)
        self._accept()

    def _take(self, given: Any, mapped: Any) -> None:
        if not len(mapped[0]):
            raise EngineFault("Audio2Face sent no shape that we know.")
        for frame in given:
            if self.frames.at and frame.time_code <= self.frames.at[-1]:
                raise EngineFault("Audio2Face sent frames out of order.")
            self.frames.at.append(float(frame.time_code))
            self.frames.weights.append(wire.weights(frame.values, mapped))

    def _note(self, status: Any) -> None:
        if wire.failed(status):
            raise EngineFault("Audio2Face reported an error.")
        self._ok = self._ok or wire.succeeded(status)

    def _accept(self) -> None:
        if not self._ok:
            raise EngineFault("Audio2Face ended without success.")
        until = self.frames.at[-1] if self.frames.at else 0.0
        if self._sent / self._rate - until > _MISSING:
            raise EngineFault("Audio2Face left out frames.")


def unanswered(seconds: float) -> EngineFault:
    """The fault of a service that took too long."""
    return EngineFault(f"Audio2Face did not answer within {seconds:g} seconds.")
