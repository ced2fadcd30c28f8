"""Live Audio2Face streams: `python -m tools.bench.speech.streams ADDRESS STREAMS SECONDS`.

Each stream sends 100 ms of sound every 100 ms, as a microphone would; a frame's latency runs from
the moment the piece with the sample at its own time was sent until the frame is here. Prints one
line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
from nvidia_ace import audio_pb2
from nvidia_audio2face_3d import messages_pb2

from digital_human_runtime.loadtest.figures import percentile
from tools.bench.speech.faces import CHUNK_SECONDS, speech

ROUTE = "/nvidia_ace.services.a2f_controller.v1.A2FControllerService/ProcessAudioStream"
Part = messages_pb2.AudioWithEmotionStream
FPS = 30


class _Live:
    """One stream: what it sent when, and how late each frame came."""

    def __init__(self, pcm: bytes, rate: int, begin: float) -> None:
        self._pcm, self._rate, self._begin = pcm, rate, begin
        self._size = 2 * int(CHUNK_SECONDS * rate)
        self._sent: list[float] = []
        self.late: list[float] = []
        self.frames = 0

    async def requests(self) -> AsyncIterator[Part]:
        """The header, the sound at the pace of a microphone, the end."""
        header = audio_pb2.AudioHeader(
            channel_count=1, samples_per_second=self._rate, bits_per_sample=16
        )
        yield Part(
            audio_stream_header=messages_pb2.AudioWithEmotionStreamHeader(audio_header=header)
        )
        for number, at in enumerate(range(0, len(self._pcm), self._size)):
            due = self._begin + number * CHUNK_SECONDS
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            self._sent.append(time.perf_counter())
            buffer = self._pcm[at : at + self._size]
            yield Part(audio_with_emotion=messages_pb2.AudioWithEmotion(audio_buffer=buffer))
        yield Part(end_of_audio=Part.EndOfAudio())

    def take(self, message: Any) -> None:
        """Note a frame's latency."""
        if message.WhichOneof("stream_part") != "animation_data":
            return
        now = time.perf_counter()
        for frame in message.animation_data.skel_animation.blend_shape_weights:
            self.frames += 1
            needed = min(piece_of(frame.time_code), len(self._sent) - 1)
            self.late.append(now - self._sent[needed])


def piece_of(time_code: float) -> int:
    """
    Which piece of sound holds the sample at a frame's time, counted in whole frames.

    Dividing the time itself puts a frame at the edge of two pieces into the one before, now and
    then, as 0.3 / 0.1 is less than 3.
    """
    return round(time_code * FPS) // round(CHUNK_SECONDS * FPS)


async def run(address: str, streams: int, seconds: float) -> dict[str, Any]:
    """Hold so many streams at once for so long."""
    samples, rate = speech(seconds)
    pcm = np.ascontiguousarray(samples, dtype="<i2").tobytes()
    begin = time.perf_counter() + 0.5
    async with grpc.aio.insecure_channel(address) as channel:
        method = channel.stream_stream(
            ROUTE,
            request_serializer=Part.SerializeToString,
            response_deserializer=messages_pb2.A2F3DAnimationDataStream.FromString,
        )

        async def one(number: int) -> _Live:
            live = _Live(pcm, rate, begin + CHUNK_SECONDS * number / streams)
            async for message in method(live.requests(), timeout=seconds + 60):
                live.take(message)
            return live

        found = await asyncio.gather(*(one(number) for number in range(streams)))
    took = time.perf_counter() - begin
    late = [value for live in found for value in live.late]
    wanted = -(-len(samples) * FPS // rate)
    return {
        "streams": streams,
        "audio_seconds": seconds,
        "wall_seconds": round(took, 2),
        "frames_missing": sum(wanted - live.frames for live in found),
        "latency_p50_ms": round(1000 * (percentile(late, 0.5) or 0), 1),
        "latency_p95_ms": round(1000 * (percentile(late, 0.95) or 0), 1),
        "latency_max_ms": round(1000 * max(late), 1),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))
