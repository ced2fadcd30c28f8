"""
NVIDIA's messages, and what they mean to us.

Shapes are mapped by name, never by place: services order them differently, and newer ones send
shapes of a tongue as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from nvidia_ace import audio_pb2, status_pb2
from nvidia_audio2face_3d import messages_pb2

from digital_human_runtime.frames import SHAPE_INDEX, SHAPES, FaceOptions, Samples

_DEFAULT = FaceOptions()


def pascal(shape: str) -> str:
    """``JawOpen`` for ``jawOpen``."""
    return shape[:1].upper() + shape[1:]


def header(
    sample_rate: int, options: FaceOptions, emotions: Mapping[str, float]
) -> messages_pb2.AudioWithEmotionStream:
    """
    The first message of a stream.

    What the options do not tell, or leave at its default, is not sent: the service then uses its
    own settings.
    """
    told = messages_pb2.AudioWithEmotionStreamHeader(
        audio_header=audio_pb2.AudioHeader(
            audio_format=audio_pb2.AudioHeader.AUDIO_FORMAT_PCM,
            channel_count=1,
            samples_per_second=sample_rate,
            bits_per_sample=16,
        )
    )
    if options.strengths:
        told.face_params.float_params.update(options.strengths)
    shapes = told.blendshape_params
    for name, value in options.multipliers.items():
        shapes.bs_weight_multipliers[pascal(name)] = value
    for name, value in options.offsets.items():
        shapes.bs_weight_offsets[pascal(name)] = value
    if options.transition_seconds != _DEFAULT.transition_seconds:
        told.emotion_params.live_transition_time = options.transition_seconds
    if emotions:
        told.emotion_params.beginning_emotion.update(emotions)
    _after(told.emotion_post_processing_params, options)
    return messages_pb2.AudioWithEmotionStream(audio_stream_header=told)


def _after(told: messages_pb2.EmotionPostProcessingParameters, options: FaceOptions) -> None:
    """What the service does with the emotions that it hears, and with those that it is told."""
    if options.emotion_strength is not None:
        told.emotion_strength = options.emotion_strength
    if options.emotion_contrast is not None:
        told.emotion_contrast = options.emotion_contrast
    if options.preferred_strength is not None:
        told.enable_preferred_emotion = True
        told.preferred_emotion_strength = options.preferred_strength
    if options.max_emotions is not None:
        told.max_emotions = options.max_emotions
    if options.blend != _DEFAULT.blend:
        told.live_blend_coef = options.blend


def audio(
    samples: Samples, emotions: Sequence[tuple[float, Mapping[str, float]]]
) -> messages_pb2.AudioWithEmotionStream:
    """Sound, with emotions that begin at seconds of the stream."""
    return messages_pb2.AudioWithEmotionStream(
        audio_with_emotion=messages_pb2.AudioWithEmotion(
            audio_buffer=samples.astype("<i2", copy=False).tobytes(),
            emotions=[
                messages_pb2.EmotionWithTimeCode(time_code=at, emotion=dict(felt))
                for at, felt in emotions
            ],
        )
    )


def end() -> messages_pb2.AudioWithEmotionStream:
    """No more sound comes."""
    return messages_pb2.AudioWithEmotionStream(
        end_of_audio=messages_pb2.AudioWithEmotionStream.EndOfAudio()
    )


def columns(names: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which values of a frame go to which of our shapes; shapes that we do not have are left."""
    pairs = [
        (place, SHAPE_INDEX[name[:1].lower() + name[1:]])
        for place, name in enumerate(names)
        if name[:1].lower() + name[1:] in SHAPE_INDEX
    ]
    taken, given = zip(*pairs, strict=True) if pairs else ((), ())
    return np.array(taken, dtype=np.int64), np.array(given, dtype=np.int64)


def weights(
    values: Sequence[float], mapped: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> NDArray[np.float32]:
    """One frame in our order, shape (len(SHAPES),); ValueError when values are missing."""
    given = np.asarray(values, dtype=np.float32)
    if not np.isfinite(given).all():
        raise ValueError("a weight is no number")
    frame = np.zeros(len(SHAPES), dtype=np.float32)
    if len(mapped[0]) and mapped[0].max() >= len(given):
        raise ValueError("a frame has fewer weights than the header has shapes")
    frame[mapped[1]] = given[mapped[0]]
    return frame


def failed(status: Any) -> bool:
    """Whether a status says that the stream is lost, whatever gRPC says."""
    return bool(status.code == status_pb2.Status.Code.ERROR)


def succeeded(status: Any) -> bool:
    """Whether a status says that all went well."""
    return bool(status.code == status_pb2.Status.Code.SUCCESS)


def aggregate(packed: Any) -> messages_pb2.EmotionAggregate | None:
    """
    The emotions that a service tells beside a frame.

    Two generations of the protocol name the type differently; the bytes are the same.
    """
    if not packed.type_url.endswith(".EmotionAggregate"):
        return None
    found = messages_pb2.EmotionAggregate()
    found.ParseFromString(packed.value)
    return found
