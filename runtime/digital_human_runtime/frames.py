"""
What flows between stages and servers: text, sound, faces and events, all plain values.

Time is counted in samples of the turn, never by a clock on the wall: sample 0 is the first sample
of the turn's answer. Face frame ``k`` belongs to sample ``round(k * sample_rate / fps)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
"""Mono PCM, shape (n,)."""
Weights = NDArray[np.float32]
"""Blendshape weights 0..1, shape (frames, len(SHAPES))."""


def _sides(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}{side}" for name in names for side in ("Left", "Right"))


_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
SHAPES: tuple[str, ...] = (
    *(f"eye{movement}Left" for movement in _EYE),
    *(f"eye{movement}Right" for movement in _EYE),
    *("jawForward", "jawLeft", "jawRight", "jawOpen"),
    *("mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight"),
    *_sides("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *_sides("mouthPress", "mouthLowerDown", "mouthUpperUp"),
    *_sides("browDown"),
    "browInnerUp",
    *_sides("browOuterUp"),
    "cheekPuff",
    *_sides("cheekSquint", "noseSneer"),
    "tongueOut",
)
"""The 52 ARKit blendshapes in the order of NVIDIA's Audio2Face-3D; on its wire in PascalCase."""
SHAPE_INDEX = {name: index for index, name in enumerate(SHAPES)}
EMOTIONS = (
    *("amazement", "anger", "cheekiness", "disgust", "fear"),
    *("grief", "joy", "outofbreath", "pain", "sadness"),
)
"""The emotions of Audio2Face-3D, each 0..1."""
EMOTION_STRENGTH = 0.6
"""The protocol's default."""


def frame_sample(frame: int, sample_rate: int, fps: int) -> int:
    """First sample that face frame ``frame`` belongs to (22050 / 60 is no whole number)."""
    return round(frame * sample_rate / fps)


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a conversation as the language model sees it."""

    role: Literal["system", "user", "assistant"]
    content: str


FinishReason = Literal["stop", "length", "content_filter"]
"""Why a model's answer is over: it was done, cut at its longest, or kept back by a server."""


@dataclass(frozen=True, slots=True)
class Word:
    """When a word of a spoken text sounds. ``start``/``end`` are offsets into that text."""

    start: int
    end: int
    first_sample: int
    last_sample: int


@dataclass(frozen=True, slots=True)
class Phoneme:
    """When a phoneme sounds; ``symbol`` in the mnemonics of eSpeak NG, without stress."""

    symbol: str
    first_sample: int
    last_sample: int
    release_sample: int | None = None
    """Of a stop or nasal: the closure that begins at ``first_sample`` is over here."""


@dataclass(frozen=True, slots=True)
class Speech:
    """A piece of spoken text as a voice makes it; sample 0 is the start of that text."""

    samples: Samples
    words: tuple[Word, ...] = ()
    phonemes: tuple[Phoneme, ...] = ()
    estimated: bool = False
    """The voice does not tell word times: these are guessed by the length of words."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a health answer: database, gpu, model, audio2face ..."""

    name: str
    ok: bool
    detail: str = ""
    degraded: bool = False
    """Not as it should be, yet conversations go on."""


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The question was taken; everything of this turn carries its number."""

    turn: int
    question: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text as the language model writes it, for display only: not yet spoken."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class Caption:
    """A clause that is about to be heard; words carry samples of the turn."""

    turn: int
    text: str
    first_sample: int
    last_sample: int
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Media:
    """Sound and the face that goes with it. ``weights`` has a row for each frame."""

    turn: int
    first_sample: int
    samples: Samples
    first_frame: int
    weights: Weights


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """
    Nothing more of this turn will come.

    ``heard`` is what the history keeps: all of the answer, or for an interrupted turn only what the
    listener had heard. A failed turn carries the code and the sentence of its fault.
    """

    turn: int
    reason: Literal["complete", "interrupted", "failed"]
    samples: int
    heard: str
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None
    finish: FinishReason = "stop"
    """Of a complete turn: whether the answer is whole, or was cut."""


@dataclass(frozen=True, slots=True)
class TokenRotated:
    """The resume token that is valid from now on."""

    token: str


@dataclass(frozen=True, slots=True)
class Draining:
    """This Pod goes: the client shall connect again, with the token, within ``seconds``."""

    seconds: float
    token: str | None


@dataclass(frozen=True, slots=True)
class Replaced:
    """A newer connection took the session over: this one is closed."""


@dataclass(frozen=True, slots=True)
class ResumableChanged:
    """Whether another connection could take the session up after this one is lost."""

    resumable: bool
    reason: str


Event = (
    TurnStarted
    | TextDelta
    | Caption
    | Media
    | TurnEnded
    | TokenRotated
    | Draining
    | Replaced
    | ResumableChanged
)
"""What a connected client is told, in the order of its queue."""


@dataclass(frozen=True, slots=True)
class FaceOptions:
    """How a face stream shall look; the defaults are those of the Audio2Face-3D protocol."""

    strengths: dict[str, float] = field(default_factory=dict)
    """Float parameters of the protocol, such as lowerFaceStrength 0..2."""
    multipliers: dict[str, float] = field(default_factory=dict)
    """Per shape, camelCase; default 1."""
    offsets: dict[str, float] = field(default_factory=dict)
    """Per shape, camelCase; default 0."""
    clamp: bool = True
    emotions: dict[str, float] = field(default_factory=dict)
    """The emotion at the start, 0..1 each."""
    emotion_strength: float | None = None
    """How strongly emotions show, 0..1; None: as the service is set, else EMOTION_STRENGTH."""
    emotion_contrast: float | None = None
    """Of the emotions that a service hears in the sound, 0.3..3; None: as it is set."""
    preferred_strength: float | None = None
    """Share of ``emotions`` beside those that a service hears, 0..1; None: as it is set."""
    max_emotions: int | None = None
    """The strongest so many that a service hears show, 1..6; None: as it is set."""
    blend: float = 0.7
    """Smoothing of emotions: live_blend_coef of the protocol."""
    transition_seconds: float = 0.5
    seed: int = 0
    """Of blinks, brows, gaze and head."""
