"""The messages that a client of ``ProcessAudioStream`` is answered with. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from nvidia_ace import animation_pb2, audio_pb2, status_pb2
from nvidia_audio2face_3d import messages_pb2

from .names import EMOTION_TYPE, PASCAL_SHAPES

Answer = messages_pb2.A2F3DAnimationDataStream
TimedEmotion = tuple[float, Mapping[str, float]]
"""Seconds since the start of the clip, and the emotions from then on."""


def header(audio: audio_pb2.AudioHeader, now: float) -> Answer:
    """The first message. NVIDIA's client ends with an error when the audio header is missing."""
    return Answer(
        animation_data_stream_header=messages_pb2.A2F3DAnimationDataStreamHeader(
            audio_header=audio,
            skel_animation_header=animation_pb2.SkelAnimationHeader(blend_shapes=PASCAL_SHAPES),
            start_time_code_since_epoch=now,
        )
    )


def known_header() -> audio_pb2.AudioHeader:
    """What stands in an answer to a client that announced no format."""
    return audio_pb2.AudioHeader(channel_count=1, samples_per_second=16000, bits_per_sample=16)


def frame(
    time_code: float,
    weights: NDArray[np.float32],
    pcm: bytes,
    wished: Sequence[TimedEmotion],
    shown: Mapping[str, float],
) -> Answer:
    """One frame with its sound, the emotions that were asked for by now and the one that shows."""
    data = animation_pb2.AnimationData(
        skel_animation=animation_pb2.SkelAnimation(
            blend_shape_weights=[
                animation_pb2.FloatArrayWithTimeCode(time_code=time_code, values=weights)
            ]
        ),
        audio=animation_pb2.AudioWithTimeCode(time_code=time_code, audio_buffer=pcm),
    )
    metadata = data.metadata["emotion_aggregate"]
    metadata.type_url = EMOTION_TYPE
    metadata.value = _emotions(time_code, wished, shown).SerializeToString()
    return Answer(animation_data=data)


def processed() -> Answer:
    """The event that all audio was processed."""
    return Answer(event=messages_pb2.Event(event_type=messages_pb2.END_OF_A2F_AUDIO_PROCESSING))


def success(message: str = "The audio was processed") -> Answer:
    """The last message of a clip that went well."""
    return Answer(status=status_pb2.Status(code=status_pb2.Status.SUCCESS, message=message))


def failure(message: str) -> Answer:
    """The last message of a clip that did not."""
    return Answer(status=status_pb2.Status(code=status_pb2.Status.ERROR, message=message))


def _emotions(
    time_code: float, wished: Sequence[TimedEmotion], shown: Mapping[str, float]
) -> messages_pb2.EmotionAggregate:
    """
    What was wished for, and what shows.

    ``a2e_output`` stays empty: there is no such network here, and that client fails on one.
    """
    return messages_pb2.EmotionAggregate(
        input_emotions=[
            messages_pb2.EmotionWithTimeCode(time_code=at, emotion=dict(emotion))
            for at, emotion in wished
        ],
        a2f_smoothed_output=[
            messages_pb2.EmotionWithTimeCode(time_code=time_code, emotion=dict(shown))
        ],
    )
