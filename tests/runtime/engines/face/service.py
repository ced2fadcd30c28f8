"""
A small Audio2Face-3D service made of NVIDIA's message types: honest, or faulty in one way.

The jaw follows the loudness; that is all of a face that the client's tests need.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
import numpy as np
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from nvidia_ace import animation_pb2, status_pb2
from nvidia_audio2face_3d import audio2face_pb2_grpc, messages_pb2

from digital_human_runtime.frames import SHAPES

Answer = messages_pb2.A2F3DAnimationDataStream
NAMES = [*(f"TongueExtra{n}" for n in range(16)), *sorted(s[:1].upper() + s[1:] for s in SHAPES)]
FPS = 30


@dataclass
class Calls:
    """What clients did."""

    headers: list[Any] = field(default_factory=list)
    chunks: list[int] = field(default_factory=list)
    emotions: list[Any] = field(default_factory=list)
    metadata: list[dict[str, str]] = field(default_factory=list)
    cancelled: int = 0
    running: int = 0


class Service(audio2face_pb2_grpc.A2FControllerServiceServicer):
    """``fault`` names what goes wrong in calls that follow; empty: nothing."""

    def __init__(self) -> None:
        self.calls = Calls()
        self.fault = ""
        self.fps = FPS
        self.pace = 0.0
        """Seconds that each frame takes."""
        self.health = health.aio.HealthServicer()

    async def serving(self, well: bool) -> None:
        states = health_pb2.HealthCheckResponse
        await self.health.set("", states.SERVING if well else states.NOT_SERVING)

    async def ProcessAudioStream(  # noqa: N802 - its name in the protocol
        self, requests: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Any]:
        self.calls.running += 1
        self.calls.metadata.append(dict(context.invocation_metadata()))
        try:
            async for answer in self._answers(requests, context):
                yield answer
        except asyncio.CancelledError:
            self.calls.cancelled += 1
            raise
        finally:
            self.calls.running -= 1

    async def _answers(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        first = await anext(aiter(requests))
        header = first.audio_stream_header
        self.calls.headers.append(header)
        if self.fault == "hang":
            await asyncio.Event().wait()
        if self.fault == "abort":
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no room")
        yield _header(header)
        rate, done = header.audio_header.samples_per_second, 0
        sound = np.zeros(0, np.int16)
        async for request in requests:
            if request.WhichOneof("stream_part") == "end_of_audio":
                break
            part = request.audio_with_emotion
            self.calls.emotions.extend(part.emotions)
            self.calls.chunks.append(len(part.audio_buffer) // 2)
            sound = np.concatenate((sound, np.frombuffer(part.audio_buffer, "<i2")))
            heard = len(sound) / rate * (0.4 if self.fault == "short" else 1.0)
            ready = max(0, int((heard - 0.2) * self.fps))  # looks ahead
            for number in range(done, ready):
                yield self._frame(number, sound, rate)
            done = max(done, ready)
            if self.fault == "die" and done > 10:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        last = -(-len(sound) * self.fps // rate)
        for number in range(done, done if self.fault == "short" else last):
            await asyncio.sleep(self.pace)
            yield self._frame(number, sound, rate)
        if self.fault == "hang at the end":
            await asyncio.Event().wait()
        code = status_pb2.Status.Code
        if self.fault != "no success":
            ending = code.ERROR if self.fault == "error" else code.SUCCESS
            yield Answer(status=status_pb2.Status(code=ending, message="out of memory at 0x1"))

    def _frame(self, number: int, sound: Any, rate: int) -> Any:
        around = sound[
            max(0, int((number / self.fps - 0.03) * rate)) : int((number / self.fps + 0.03) * rate)
        ]
        loud = float(np.sqrt(np.mean(np.square(around.astype(float))))) if len(around) else 0.0
        values = np.zeros(len(NAMES))
        values[NAMES.index("JawOpen")] = loud / 6000
        values[NAMES.index("MouthClose")] = 0.2 if self.fault == "pressed" else 0.0
        values[:16] = 0.9
        if self.fault == "nan":
            values[-1] = np.nan
        if self.fault == "few":
            values = values[:20]
        at = 1.0 if self.fault == "order" else number / self.fps
        weights = animation_pb2.FloatArrayWithTimeCode(time_code=at, values=values)
        skeleton = animation_pb2.SkelAnimation(blend_shape_weights=[weights])
        return Answer(animation_data=animation_pb2.AnimationData(skel_animation=skeleton))


def _header(header: Any) -> Any:
    return Answer(
        animation_data_stream_header=messages_pb2.A2F3DAnimationDataStreamHeader(
            audio_header=header.audio_header,
            skel_animation_header=animation_pb2.SkelAnimationHeader(blend_shapes=NAMES),
        )
    )


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what changes lies in another program's hands
            await asyncio.sleep(0.01)


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[misc] # grpc has no types
    """Refuses calls whose metadata lacks something, health included, as NVIDIA's cloud does."""

    def __init__(self, demands: Mapping[str, str]) -> None:
        self._demands = demands

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Let the call through, or answer it with UNAUTHENTICATED."""
        handler = await continuation(details)
        told = dict(details.invocation_metadata)
        if all(told.get(name) == value for name, value in self._demands.items()):
            return handler

        async def refuse(request: Any, context: Any) -> None:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")

        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(refuse)
        return grpc.unary_unary_rpc_method_handler(refuse)


@dataclass
class Served:
    service: Service
    address: str
    server: Any


@asynccontextmanager
async def served(
    credentials: Any = None, port: int = 0, demands: Mapping[str, str] | None = None
) -> AsyncIterator[Served]:
    """The service on a free port of the loopback interface; it may demand metadata."""
    guards = [Guard(demands)] if demands is not None else []
    service, server = Service(), grpc.aio.server(interceptors=guards)
    add = cast("Any", audio2face_pb2_grpc.add_A2FControllerServiceServicer_to_server)
    add(service, server)
    health_pb2_grpc.add_HealthServicer_to_server(service.health, server)
    await service.serving(True)
    target = f"127.0.0.1:{port}"
    if credentials is None:
        found = server.add_insecure_port(target)
    else:
        found = server.add_secure_port(target, credentials)
    await server.start()
    try:
        yield Served(service, f"127.0.0.1:{found}", server)
    finally:
        await server.stop(0)
