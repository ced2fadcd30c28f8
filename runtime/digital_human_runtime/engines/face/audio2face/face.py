"""A face made by an Audio2Face-3D service: the connection, its health and its streams."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

import grpc
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc
from nvidia_audio2face_3d import audio2face_pb2_grpc

from digital_human_runtime.engines.face.emotions import vector
from digital_human_runtime.errors import BadInput, EngineFault, RuntimeFault
from digital_human_runtime.frames import Check, FaceOptions

from . import wire
from .cloud import Cloud, Metadata
from .segment import Segment
from .stream import RemoteStream

RATES = (16000, 144000)
"""Sample rates that the service takes, in hertz."""
_WARM_RATE, _WARM_SECONDS, _WARM_PATIENCE = 16000, 0.5, 5.0
_LONGEST_PAUSE = 60.0
_MESSAGE_BYTES = 16 << 20


class Audio2Face:
    """
    A ``Face`` by an Audio2Face-3D service at ``address`` (host:port).

    ``tls`` encrypts, trusting ``ca_file`` or the machine's authorities. ``cloud`` names a function
    of NVIDIA's cloud and the key to it. No step of a stream takes longer than ``patience`` seconds.
    A service that fails is left alone until a probe finds it well again, each time for longer;
    until then ``open`` fails at once, so that another face can step in. Frames are ``fps`` a
    second, whatever the rate of the service: they are taken from its own by time.
    """

    def __init__(
        self,
        address: str,
        *,
        fps: int = 30,
        tls: bool = False,
        ca_file: Path | None = None,
        cloud: Cloud | None = None,
        patience: float = 3.0,
        probe_seconds: float = 5.0,
    ) -> None:
        self._address, self._fps = address, fps
        self._tls, self._ca_file = tls, ca_file
        self._cloud = cloud
        self._patience, self._probe_seconds = patience, probe_seconds
        self._channel: Any = None
        self._call: Any = None
        self._fault = "not started"
        self._failures = 0
        self._sick = asyncio.Event()
        self._probing: asyncio.Task[None] | None = None
        self._streams: WeakSet[RemoteStream] = WeakSet()  # one that is closed is forgotten

    @property
    def fps(self) -> int:
        """Frames for each second of sound."""
        return self._fps

    @property
    def patience(self) -> float:
        """Seconds after which a step of a stream has failed."""
        return self._patience

    async def start(self) -> None:
        """Connect, check its health and warm it up; EngineFault when it is not there."""
        await self.close()
        self._channel = self._connect()
        self._call = _stub(self._channel).ProcessAudioStream
        try:
            await self._probe()
            await self._warm()
        except RuntimeFault as fault:
            self._fault = fault.message
            await self._channel.close()
            raise
        self._recovered()
        self._probing = asyncio.create_task(self._keep_probing(), name="audio2face-probe")

    async def close(self) -> None:
        """End the connection and all streams; may be called twice."""
        self._fault = "not started"
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)
            self._probing = None
        await asyncio.gather(*(stream.close() for stream in list(self._streams)))
        self._streams.clear()
        if self._channel is not None:
            await self._channel.close()

    def check(self) -> Check:
        """Whether the service was well when it was last heard of."""
        detail = f"{self._address}: {self._fault}" if self._fault else self._address
        return Check("audio2face", ok=not self._fault, detail=detail)

    async def open(self, *, sample_rate: int, options: FaceOptions) -> RemoteStream:
        """Begin a stream; EngineFault while the service is away, BadInput for a wrong option."""
        if not RATES[0] <= sample_rate <= RATES[1]:
            raise BadInput(
                f"sample_rate: {sample_rate} Hz is not taken; send {RATES[0]} to {RATES[1]} Hz."
            )
        vector(options.emotions)
        if self._fault:
            raise EngineFault(f"Audio2Face is away: {self._fault}")
        stream = self._stream(sample_rate, options, self._patience)
        self._streams.add(stream)
        return stream

    def _stream(self, sample_rate: int, options: FaceOptions, patience: float) -> RemoteStream:
        def begin(emotions: Mapping[str, float]) -> Segment:
            header = wire.header(sample_rate, options, emotions)
            return Segment(self._calling, header, sample_rate=sample_rate, patience=patience)

        def ended(fault: EngineFault | None) -> None:
            if fault is not None:
                self._failed(fault.message)
            else:
                self._failures = 0

        return RemoteStream(
            begin,
            ended,
            sample_rate=sample_rate,
            fps=self._fps,
            options=options,
            patience=patience,
        )

    def _calling(self, requests: Any) -> Any:
        return self._call(requests, metadata=self._metadata())

    def _metadata(self) -> Metadata:
        return self._cloud.metadata() if self._cloud is not None else ()

    def _connect(self) -> Any:
        options = (
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.keepalive_time_ms", 20000),
            ("grpc.keepalive_timeout_ms", 5000),
            ("grpc.max_reconnect_backoff_ms", 5000),
        )
        if not self._tls:
            return grpc.aio.insecure_channel(self._address, options=options)
        try:
            roots = self._ca_file.read_bytes() if self._ca_file is not None else None
        except OSError as error:
            raise EngineFault(
                f"The authority of Audio2Face cannot be read from {self._ca_file}."
            ) from error
        credentials = grpc.ssl_channel_credentials(roots)
        return grpc.aio.secure_channel(self._address, credentials, options=options)

    async def _probe(self) -> None:
        """Ask for its health; a service without a health service is well if it can be reached."""
        stub = health_pb2_grpc.HealthStub(self._channel)
        try:
            answer = await stub.Check(
                health_pb2.HealthCheckRequest(), timeout=self._patience, metadata=self._metadata()
            )
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                return
            raise EngineFault(f"it cannot be reached ({error.code().name})") from None
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise EngineFault("it says that it does not serve")

    async def _warm(self) -> None:
        """The first streams of a service are slow, and only a stream shows that it works."""
        patience = max(self._patience, _WARM_PATIENCE)
        stream = self._stream(_WARM_RATE, FaceOptions(), patience)
        try:
            await stream.push(np.zeros(int(_WARM_RATE * _WARM_SECONDS), dtype=np.int16))
            await stream.finish()
        finally:
            await stream.close()

    def _failed(self, fault: str) -> None:
        self._fault = fault
        self._failures += 1
        self._sick.set()

    def _recovered(self) -> None:
        self._fault = ""
        self._sick.clear()

    async def _keep_probing(self) -> None:
        while True:
            pause = min(_LONGEST_PAUSE, self._probe_seconds * 2 ** max(0, self._failures - 1))
            if self._fault:
                await asyncio.sleep(pause)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._probe_seconds):
                        await self._sick.wait()
                    continue
            await self._look()

    async def _look(self) -> None:
        sick = bool(self._fault)
        try:
            await self._probe()
            if sick:
                await self._warm()
        except RuntimeFault as fault:
            if not sick:
                self._failures += 1
            self._fault = fault.message
            return
        if sick:  # a stream may have failed since: a probe alone does not excuse that
            self._recovered()


def _stub(channel: Any) -> Any:
    make: Any = audio2face_pb2_grpc.A2FControllerServiceStub
    return make(channel)
