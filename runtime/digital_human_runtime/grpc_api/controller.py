"""``ProcessAudioStream``: one clip in, one face out, by the rules of NVIDIA's protocol."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import grpc
from nvidia_audio2face_3d import audio2face_pb2_grpc, messages_pb2

from digital_human_runtime.errors import (
    BadInput,
    Busy,
    EngineFault,
    RuntimeFault,
    TooLarge,
    Unavailable,
)
from digital_human_runtime.frames import EMOTION_STRENGTH
from digital_human_runtime.interfaces import Face, FaceStream

from . import answers
from .header import Clip, parse, preferred
from .timeline import Emotions, Timeline

_log = logging.getLogger(__name__)
IDLE_SECONDS = 30.0
"""Between two messages of a client, and for it to take one of ours."""
DRAIN_SECONDS = 30.0
DRAIN_MESSAGES = 20000
"""How much of a refused clip is still read: a client that writes never sees why it was refused."""

MOST_WISHES = 10_000
"""Emotions of a clip: one for each of its longest one's frames."""
_WISHES_AT_ONCE = 100
"""Then others have their turn."""

Requests = AsyncIterator[messages_pb2.AudioWithEmotionStream]


class StreamObserver(Protocol):
    """Told of clips; must return at once."""

    def stream_admitted(self) -> None:
        """A clip took a place; one that is refused before never does."""

    def stream_left(self) -> None:
        """A clip gave its place back."""

    def stream_ended(self, result: str, audio_seconds: float, first_frame: float | None) -> None:
        """A call ended, admitted or not: ``success``, ``refused``, ``failed`` or ``cancelled``."""


class Controller(audio2face_pb2_grpc.A2FControllerServiceServicer):
    """Serves clips with ``face``, at most ``streams`` at once."""

    def __init__(self, face: Face, streams: int, observer: StreamObserver) -> None:
        self._face = face
        self._limit = streams
        self._observer = observer
        self._clips = 0
        """Those that were admitted and are still served; one that is refused takes no place."""
        self._draining = False

    def drain(self) -> None:
        """Take no new clips; those that run go on."""
        self._draining = True

    async def ProcessAudioStream(  # noqa: N802 - its name in the protocol
        self, request_iterator: Requests, context: grpc.aio.ServicerContext
    ) -> None:
        """Answer one clip. What is wrong with it comes as our header and a Status, then OK."""
        exchange = _Exchange(self._face, request_iterator, context)
        result = "cancelled"
        try:
            result = await self._served(exchange, context)
        except _TooSlow as error:
            result = "failed"
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, str(error))
        except grpc.aio.AbortError:
            result = "refused"  # told by a code of gRPC, since it may pass
            raise
        finally:
            await exchange.close()
            self._observer.stream_ended(result, exchange.audio_seconds, exchange.first_frame)

    async def _served(self, exchange: _Exchange, context: grpc.aio.ServicerContext) -> str:
        """Serve a clip and say how it went; what may pass has a code of gRPC too."""
        try:
            await exchange.run(self._place)
        except (Busy, Unavailable) as full:
            await exchange.refuse(full)
            busy = isinstance(full, Busy)
            code = grpc.StatusCode.RESOURCE_EXHAUSTED if busy else grpc.StatusCode.UNAVAILABLE
            await context.abort(code, full.message)
        except RuntimeFault as fault:
            await exchange.refuse(fault)
            return "refused" if isinstance(fault, BadInput | TooLarge) else "failed"
        except (_TooSlow, grpc.RpcError, grpc.aio.AbortError):
            raise
        except Exception:  # noqa: BLE001 - an engine may fail in any way; the client is told
            _log.exception("the face failed")
            await exchange.refuse(EngineFault("The face failed: begin another stream"))
            return "failed"
        return "success"

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._draining:
            raise Unavailable("This Pod goes: open the stream again")
        if self._clips >= self._limit:
            raise Busy(f"All {self._limit} streams are taken: try again in a moment")
        self._clips += 1
        self._observer.stream_admitted()
        try:
            yield
        finally:
            self._clips -= 1
            self._observer.stream_left()


class _TooSlow(Exception):  # noqa: N818 - named for what happened
    """The client does not take what it is sent."""


class _Exchange:
    """What is said and answered in one call."""

    def __init__(self, face: Face, requests: Requests, context: grpc.aio.ServicerContext) -> None:
        self._face = face
        self._requests = aiter(requests)
        self._context = context
        self._stream: FaceStream | None = None
        self._greeted = False
        self._over = False
        self._wishes = 0
        self._first_audio: float | None = None
        self.audio_seconds = 0.0
        self.first_frame: float | None = None
        """Seconds from the first sound to the first frame."""

    async def run(self, place: Callable[[], AbstractContextManager[None]]) -> None:
        """Serve the clip in its place; raises RuntimeFault with what is wrong with it."""
        first = await self._next()
        if first is None or first.WhichOneof("stream_part") != "audio_stream_header":
            raise BadInput("The first message must be audio_stream_header")
        header = first.audio_stream_header
        self._header = header
        clip = parse(header)
        with place():
            self._stream = await self._face.open(sample_rate=clip.sample_rate, options=clip.options)
            try:
                await self._write(answers.header(header.audio_header, time.time()))
                self._greeted = True
                await self._clip(clip, self._stream)
            finally:
                await self.close()

    async def _clip(self, clip: Clip, stream: FaceStream) -> None:
        timeline = Timeline(clip.sample_rate, self._face.fps)
        told = clip.options.emotion_strength
        emotions = Emotions(
            clip.options.emotions,
            strength=EMOTION_STRENGTH if told is None else told,
            transition_seconds=clip.options.transition_seconds,
        )
        while (message := await self._audio()) is not None:
            self._wishes += len(message.emotions)
            if self._wishes > MOST_WISHES:
                raise TooLarge(f"A clip may have {MOST_WISHES} emotions at most: send fewer")
            for number, wish in enumerate(message.emotions, 1):
                await self._feel(clip, stream, emotions, wish)
                if number % _WISHES_AT_ONCE == 0:
                    await asyncio.sleep(0)
            samples = timeline.take(message.audio_buffer)
            if not samples.size:
                continue
            self._first_audio = self._first_audio or time.monotonic()
            self.audio_seconds = timeline.samples / clip.sample_rate
            timeline.add(await stream.push(samples))
            await self._frames(timeline, emotions)
        timeline.add(await stream.finish())
        await self._frames(timeline, emotions, final=True)
        await self._write(answers.processed())
        left = "; half a sample at its end was left out" if timeline.odd else ""
        await self._write(answers.success(f"The audio was processed{left}"))

    async def _feel(
        self,
        clip: Clip,
        stream: FaceStream,
        emotions: Emotions,
        wish: messages_pb2.EmotionWithTimeCode,
    ) -> None:
        at = max(0.0, wish.time_code) if math.isfinite(wish.time_code) else 0.0
        wanted = preferred(self._header, wish.emotion)
        emotions.ask(at, wanted)
        await stream.feel(wanted, round(min(at, 3600.0) * clip.sample_rate))

    async def _frames(self, timeline: Timeline, emotions: Emotions, *, final: bool = False) -> None:
        for frame in timeline.settled(final=final):
            wished, shown = emotions.at(frame.time_code)
            if self.first_frame is None and self._first_audio is not None:
                self.first_frame = time.monotonic() - self._first_audio
            await self._write(
                answers.frame(frame.time_code, frame.weights, frame.pcm, wished, shown)
            )

    async def _audio(self) -> messages_pb2.AudioWithEmotion | None:
        """The next sound; None at the end of it."""
        message = await self._next()
        part = message.WhichOneof("stream_part") if message is not None else "end_of_audio"
        if message is None or part == "end_of_audio":
            self._over = True
            return None
        if part == "audio_with_emotion":
            return message.audio_with_emotion
        raise BadInput("After the header only audio_with_emotion and end_of_audio may come")

    async def _next(self) -> messages_pb2.AudioWithEmotionStream | None:
        """The next message; None when the client has none."""
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                return await anext(self._requests)
        except StopAsyncIteration:
            self._over = True
            return None
        except TimeoutError:
            self._over = True  # nothing to drain: it sends nothing
            raise BadInput(f"Nothing came for {IDLE_SECONDS:g} s: the stream is closed") from None

    async def _write(self, answer: answers.Answer) -> None:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._context.write(answer)
        except TimeoutError:
            raise _TooSlow(f"The client took nothing for {IDLE_SECONDS:g} s") from None

    async def refuse(self, fault: RuntimeFault) -> None:
        """Say why, then read what the client still sends, up to a bound."""
        if not self._greeted:
            header = getattr(self, "_header", None)
            audio = header.audio_header if header is not None else answers.known_header()
            await self._write(answers.header(audio, time.time()))
        await self._write(answers.failure(fault.message))
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                for _ in range(DRAIN_MESSAGES):
                    if self._over:
                        return
                    message = await anext(self._requests)
                    self._over = message.WhichOneof("stream_part") == "end_of_audio"
        except (TimeoutError, StopAsyncIteration):
            return

    async def close(self) -> None:
        """Give the face stream back; may be called twice."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await asyncio.shield(stream.close())
