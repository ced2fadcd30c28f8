"""
How the ten emotions of Audio2Face-3D look, and how a face passes from one to the next.

The table is our own, after the muscles that the emotions are commonly coded with. Emotions leave
the lips free to speak: what they do to the mouth gives way where the lips close.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.errors import BadInput
from digital_human_runtime.frames import (
    EMOTION_STRENGTH,
    EMOTIONS,
    SHAPE_INDEX,
    SHAPES,
    FaceOptions,
    Weights,
)

_LOOKS: dict[str, dict[str, float]] = {
    "amazement": {
        "browInnerUp": 0.8,
        "browOuterUp": 0.7,
        "eyeWide": 0.65,
        "jawOpen": 0.12,
    },
    "anger": {
        "browDown": 0.85,
        "eyeSquint": 0.4,
        "noseSneer": 0.4,
        "mouthPress": 0.2,
        "mouthFrown": 0.25,
        "jawForward": 0.15,
        "mouthUpperUp": 0.1,
    },
    "cheekiness": {
        "mouthSmileLeft": 0.55,
        "mouthSmileRight": 0.2,
        "browOuterUpLeft": 0.45,
        "eyeSquintLeft": 0.35,
        "eyeSquintRight": 0.15,
        "mouthDimpleLeft": 0.3,
    },
    "disgust": {
        "noseSneer": 0.75,
        "mouthUpperUp": 0.3,
        "browDown": 0.45,
        "eyeSquint": 0.4,
        "mouthFrown": 0.3,
        "cheekSquint": 0.3,
        "mouthShrugUpper": 0.2,
    },
    "fear": {
        "browInnerUp": 0.85,
        "browOuterUp": 0.3,
        "eyeWide": 0.7,
        "mouthStretch": 0.35,
        "mouthFrown": 0.15,
        "jawOpen": 0.06,
    },
    "grief": {
        "browInnerUp": 0.9,
        "browDown": 0.2,
        "mouthFrown": 0.6,
        "eyeSquint": 0.35,
        "mouthShrugLower": 0.35,
        "eyeLookDown": 0.2,
        "eyeBlink": 0.12,
    },
    "joy": {
        "mouthSmile": 0.6,
        "cheekSquint": 0.5,
        "eyeSquint": 0.3,
        "browOuterUp": 0.15,
        "mouthDimple": 0.15,
    },
    "outofbreath": {
        "jawOpen": 0.14,
        "noseSneer": 0.2,
        "browInnerUp": 0.35,
        "eyeBlink": 0.1,
        "mouthFunnel": 0.08,
        "mouthStretch": 0.1,
    },
    "pain": {
        "browDown": 0.6,
        "browInnerUp": 0.4,
        "eyeSquint": 0.7,
        "cheekSquint": 0.5,
        "mouthStretch": 0.45,
        "noseSneer": 0.35,
        "eyeBlink": 0.2,
    },
    "sadness": {
        "browInnerUp": 0.65,
        "mouthFrown": 0.45,
        "eyeLookDown": 0.15,
        "eyeBlink": 0.1,
        "mouthShrugLower": 0.2,
    },
}
_LONGEST_BLEND = 0.98
_BLEND_RATE = 30.0
"""Frames a second that ``live_blend_coef`` is meant for."""


def _table() -> NDArray[np.float32]:
    table = np.zeros((len(EMOTIONS), len(SHAPES)), dtype=np.float32)
    for row, emotion in enumerate(EMOTIONS):
        for name, value in _LOOKS[emotion].items():
            both = (name,) if name in SHAPE_INDEX else (f"{name}Left", f"{name}Right")
            table[row, [SHAPE_INDEX[side] for side in both]] = value
    return table


TABLE = _table()
"""Shape (len(EMOTIONS), len(SHAPES))."""


def vector(emotions: Mapping[str, float]) -> NDArray[np.float32]:
    """Emotions in the order of ``EMOTIONS``, 0..1; BadInput names one that does not exist."""
    values = np.zeros(len(EMOTIONS), dtype=np.float32)
    for name, value in emotions.items():
        if name not in EMOTIONS:
            raise BadInput(f"emotions: {name!r} is unknown; take one of {', '.join(EMOTIONS)}.")
        if not np.isfinite(value):
            raise BadInput(f"emotions: {name} is no number; give it 0 to 1.")
        values[EMOTIONS.index(name)] = min(1.0, max(0.0, value))
    return values


class Mood:
    """The emotions of one stream over time."""

    def __init__(self, options: FaceOptions, fps: int) -> None:
        self._fps = fps
        told = options.emotion_strength
        self._strength = EMOTION_STRENGTH if told is None else told
        self._transition = max(1.0 / fps, options.transition_seconds)
        blend = min(_LONGEST_BLEND, max(0.0, options.blend))
        self._keep = blend ** (_BLEND_RATE / fps)
        self._from = vector(options.emotions)
        self._to = self._from
        self._since = 0.0
        self._felt = self._from
        self._coming: list[tuple[float, NDArray[np.float32]]] = []

    def feel(self, emotions: Mapping[str, float], at: float) -> None:
        """From second ``at`` on, pass to these emotions."""
        insort(self._coming, (at, vector(emotions)), key=lambda entry: entry[0])

    def frames(self, first: int, count: int) -> Weights:
        """What the emotions add to the shapes; frames are asked for one after another."""
        felt = np.zeros((count, len(EMOTIONS)), dtype=np.float32)
        if self._resting():
            felt[:] = self._felt
        else:
            for row in range(count):
                felt[row] = self._step((first + row) / self._fps)
        return np.asarray((felt * self._strength) @ TABLE, dtype=np.float32)

    def _resting(self) -> bool:
        return not self._coming and bool(np.all(np.abs(self._felt - self._to) < 1e-4))

    def _step(self, now: float) -> NDArray[np.float32]:
        while self._coming and self._coming[0][0] <= now:
            self._from = self._felt
            self._since, self._to = self._coming.pop(0)
        share = min(1.0, max(0.0, (now - self._since) / self._transition))
        share = share * share * (3.0 - 2.0 * share)
        wanted = self._from + (self._to - self._from) * np.float32(share)
        felt = self._felt * self._keep + wanted * (1.0 - self._keep)
        self._felt = np.asarray(felt, dtype=np.float32)
        return self._felt
