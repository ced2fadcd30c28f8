"""A gRPC server on a real socket, with a face that follows loudness."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import grpc
import pytest
from nvidia_audio2face_3d import audio2face_pb2_grpc

from digital_human_runtime.access.gate import Gate
from digital_human_runtime.grpc_api.server import GrpcServer
from digital_human_runtime.interfaces import Face
from digital_human_runtime.settings.settings import Security
from tests.runtime.support.engines import EnergyFace


@dataclass
class Clips:
    """What a StreamObserver was told."""

    open: int = 0
    ever: int = 0
    results: list[tuple[str, float, float | None]] = field(default_factory=list)

    def stream_admitted(self) -> None:
        self.open += 1
        self.ever += 1

    def stream_left(self) -> None:
        self.open -= 1

    def stream_ended(self, result: str, audio_seconds: float, first_frame: float | None) -> None:
        self.results.append((result, audio_seconds, first_frame))


@dataclass
class Served:
    """A server that runs."""

    server: GrpcServer
    face: EnergyFace
    clips: Clips
    port: int
    channel: grpc.aio.Channel

    @property
    def stub(self) -> audio2face_pb2_grpc.A2FControllerServiceStub:
        return audio2face_pb2_grpc.A2FControllerServiceStub(self.channel)  # type: ignore[no-untyped-call]


async def serve(
    security: Security | None = None, streams: int = 4, face: Face | None = None
) -> Served:
    """Start a server; the caller ends it."""
    told = security or Security()
    gate = Gate(told)
    gate.load()
    fake, clips = EnergyFace(), Clips()
    server = GrpcServer(
        face=face or fake, streams=streams, gate=gate, security=told, observer=clips
    )
    port = server.bind("127.0.0.1:0")
    await server.start()
    await server.serving(serving=True)
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    return Served(server, fake, clips, port, channel)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A server without keys, for four clips at once."""
    found = await serve()
    yield found
    await found.channel.close()
    await found.server.stop(0)
