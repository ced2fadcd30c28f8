"""The header of a clip: its format and how the face shall look. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nvidia_audio2face_3d import messages_pb2

from digital_human_runtime.errors import BadInput
from digital_human_runtime.frames import EMOTION_STRENGTH, EMOTIONS, FaceOptions

from .names import BY_PASCAL

SLOWEST, FASTEST = 8000, 144000
"""Hertz; NVIDIA advises 16000."""
_SHARE = "preferred_emotion_strength"
_RANGES = (
    ("emotion_strength", 0.0, 1.0),
    ("live_blend_coef", 0.0, 1.0),
    (_SHARE, 0.0, 1.0),
    ("emotion_contrast", 0.3, 3.0),
    ("max_emotions", 1.0, float(len(EMOTIONS))),
)


@dataclass(frozen=True, slots=True)
class Clip:
    """What a client announces."""

    sample_rate: int
    options: FaceOptions


def parse(header: messages_pb2.AudioWithEmotionStreamHeader) -> Clip:
    """The clip of a header; raises BadInput that names the field."""
    audio = header.audio_header
    if audio.audio_format != 0:
        raise BadInput("audio_header.audio_format must be AUDIO_FORMAT_PCM")
    if audio.channel_count != 1:
        raise BadInput(f"audio_header.channel_count must be 1; it is {audio.channel_count}")
    if audio.bits_per_sample != 16:
        raise BadInput(f"audio_header.bits_per_sample must be 16; it is {audio.bits_per_sample}")
    if not SLOWEST <= audio.samples_per_second <= FASTEST:
        raise BadInput(
            f"audio_header.samples_per_second must be {SLOWEST} to {FASTEST};"
            f" it is {audio.samples_per_second}"
        )
    return Clip(audio.samples_per_second, _options(header))


def _options(header: messages_pb2.AudioWithEmotionStreamHeader) -> FaceOptions:
    shapes, emotion = header.blendshape_params, header.emotion_params
    after = header.emotion_post_processing_params
    told: dict[str, float] = {}
    for name, low, high in _RANGES:
        if after.HasField(name):
            told[name] = _within(getattr(after, name), name, low, high)
    transition = FaceOptions().transition_seconds
    if emotion.HasField("live_transition_time"):
        transition = _within(emotion.live_transition_time, "live_transition_time", 0.001, 60.0)
    return FaceOptions(
        strengths=_finite(header.face_params.float_params, "face_params.float_params"),
        multipliers=_by_shape(shapes.bs_weight_multipliers, "bs_weight_multipliers"),
        offsets=_by_shape(shapes.bs_weight_offsets, "bs_weight_offsets"),
        clamp=shapes.enable_clamping_bs_weight,  # the protocol's default: not clamped
        emotions=preferred(header, emotion.beginning_emotion),
        emotion_strength=told.get("emotion_strength", EMOTION_STRENGTH),
        blend=told.get("live_blend_coef", FaceOptions().blend),
        transition_seconds=transition,
    )


def preferred(
    header: messages_pb2.AudioWithEmotionStreamHeader, emotion: Mapping[str, float]
) -> dict[str, float]:
    """
    Emotions that a client wishes for, as the header says they count.

    Names that are no emotion are passed over; of more than ``max_emotions`` the strongest stay.
    The service of NVIDIA mixes them with those that it hears. Nothing is heard here, so
    ``preferred_emotion_strength`` mixes them with none, and they count whole where it is not sent;
    ``emotion_contrast`` is about what is heard and changes nothing.
    """
    after = header.emotion_post_processing_params
    if after.HasField("enable_preferred_emotion") and not after.enable_preferred_emotion:
        return {}
    known = {name: _unit(value) for name, value in emotion.items() if name in EMOTIONS}
    most = after.max_emotions if after.HasField("max_emotions") else len(EMOTIONS)
    strongest = sorted(known, key=lambda name: (-known[name], name))[:most]
    share = after.preferred_emotion_strength if after.HasField(_SHARE) else 1.0
    return {name: known[name] * share for name in strongest if known[name] * share > 0}


def _by_shape(values: Mapping[str, float], field: str) -> dict[str, float]:
    """By our names; the 16 tongue shapes that only NVIDIA has are passed over."""
    found = _finite(values, f"blendshape_params.{field}")
    return {BY_PASCAL[name]: value for name, value in found.items() if name in BY_PASCAL}


def _finite(values: Mapping[str, float], field: str) -> dict[str, float]:
    wrong: Iterable[str] = (name for name, value in values.items() if not math.isfinite(value))
    first = next(iter(wrong), None)
    if first is not None:
        raise BadInput(f"{field}[{first[:64]}] must be a number")
    return dict(values)


def _within(value: float, field: str, low: float, high: float) -> float:
    if not low <= value <= high:  # also refuses what is no number
        raise BadInput(f"{field} must be {low:g} to {high:g}; it is {value:g}")
    return value


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0
