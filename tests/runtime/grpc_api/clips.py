"""Clips as NVIDIA's client sends them, and what it makes of the answers."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

import grpc
import numpy as np
from nvidia_ace import animation_pb2, audio_pb2, status_pb2
from nvidia_audio2face_3d import messages_pb2

Part = messages_pb2.AudioWithEmotionStream


def tone(seconds: float, sample_rate: int = 16000) -> bytes:
    """PCM of a loud tone."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    wave: np.ndarray[tuple[int], np.dtype[np.int16]] = (
        12000 * np.sin(2 * np.pi * 220 * time)
    ).astype("<i2")
    return wave.tobytes()


def header(**changes: int) -> Part:
    """The first message; ``changes`` replace fields of the audio header."""
    audio = audio_pb2.AudioHeader(channel_count=1, samples_per_second=16000, bits_per_sample=16)
    for name, value in changes.items():
        setattr(audio, name, value)
    return Part(audio_stream_header=messages_pb2.AudioWithEmotionStreamHeader(audio_header=audio))


def sound(pcm: bytes, emotions: Sequence[messages_pb2.EmotionWithTimeCode] = ()) -> Part:
    """One buffer."""
    return Part(
        audio_with_emotion=messages_pb2.AudioWithEmotion(audio_buffer=pcm, emotions=emotions)
    )


def end() -> Part:
    """The last message."""
    return Part(end_of_audio=messages_pb2.AudioWithEmotionStream.EndOfAudio())


def clip(pcm: bytes, sizes: Iterable[int]) -> list[Part]:
    """All messages of a clip, cut into buffers of these sizes and one with the rest."""
    parts, at = [header()], 0
    for size in sizes:
        parts.append(sound(pcm[at : at + size]))
        at += size
    return [*parts, sound(pcm[at:]), end()]


def like_nvidia(pcm: bytes, sample_rate: int = 16000) -> list[Part]:
    """As its client cuts: one second each, and one more, which may be empty."""
    size = sample_rate * 2
    chunks = [pcm[at : at + size] for at in range(0, (len(pcm) // size + 1) * size, size)]
    return [header(samples_per_second=sample_rate), *(sound(chunk) for chunk in chunks), end()]


@dataclass
class Answer:
    """All messages of a clip's answer."""

    header: messages_pb2.A2F3DAnimationDataStreamHeader | None = None
    frames: list[animation_pb2.AnimationData] = field(default_factory=list)
    events: list[messages_pb2.Event] = field(default_factory=list)
    statuses: list[status_pb2.Status] = field(default_factory=list)
    order: list[str] = field(default_factory=list)

    @property
    def pcm(self) -> bytes:
        return b"".join(frame.audio.audio_buffer for frame in self.frames)

    @property
    def status(self) -> status_pb2.Status:
        return self.statuses[-1]


async def read(call: grpc.aio.StreamStreamCall) -> Answer:
    """All that a call is answered with."""
    answer = Answer()
    while (message := await call.read()) is not grpc.aio.EOF:
        part = message.WhichOneof("stream_part")
        answer.order.append(part)
        if part == "animation_data_stream_header":
            answer.header = message.animation_data_stream_header
        elif part == "animation_data":
            answer.frames.append(message.animation_data)
        elif part == "event":
            answer.events.append(message.event)
        else:
            answer.statuses.append(message.status)
    return answer


async def process(
    stub: object, parts: Iterable[Part], metadata: Sequence[tuple[str, str]] = ()
) -> Answer:
    """The answer to a clip."""

    async def requests() -> AsyncIterator[Part]:
        for part in parts:
            yield part

    call = stub.ProcessAudioStream(requests(), timeout=30, metadata=metadata)  # type: ignore[attr-defined]
    return await read(call)
