"""
What the network says about a mouth, and what that means in blendshapes.

``mouthClose`` of ARKit closes the lips relative to the jaw: lips that touch have ``mouthClose``
equal to ``jawOpen``, and more would push them through each other. The network therefore tells how
far the lips are closed, 0..1, and the jaw apart from that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.frames import SHAPE_INDEX, SHAPES, Weights

JAW, CLOSED = 0, 1
_SINGLE = ("jawForward", "mouthFunnel", "mouthPucker")
_PAIRED = ("mouthSmile", "mouthDimple", "mouthStretch")
_SINGLE_LIPS = ("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper")
_PAIRED_LIPS = ("mouthPress", "mouthLowerDown", "mouthUpperUp")
OUTPUTS: tuple[str, ...] = (
    *("jawOpen", "lipsClosed"),
    *_SINGLE,
    *_PAIRED,
    *_SINGLE_LIPS,
    *_PAIRED_LIPS,
    *("cheekPuff", "tongueOut"),
)
"""The outputs of the network, 0..1 each; both sides of a face move alike."""
OUTPUT_INDEX = {name: index for index, name in enumerate(OUTPUTS)}
_OPENING = ("mouthFunnel", "mouthLowerDown", "mouthUpperUp")
_ROUNDNESS = 1.35
"""Lips that round or part keep their form for longer than the jaw while they close."""
_TOUCH = 0.16
"""Gap between the lips, in units of jawOpen, from which on they do not look closed at all."""

Mouth = NDArray[np.float32]
"""Shape (frames, len(OUTPUTS))."""


def _columns(name: str) -> list[int]:
    sided = [SHAPE_INDEX.get(f"{name}{side}") for side in ("Left", "Right")]
    return [index for index in (SHAPE_INDEX.get(name), *sided) if index is not None]


_TARGETS = [(OUTPUT_INDEX[name], _columns(name)) for name in OUTPUTS if name != "lipsClosed"]
_FROM = np.array([source for source, columns in _TARGETS for _ in columns])
_TO = np.array([column for _, columns in _TARGETS for column in columns])
_CLOSE, _OPEN = SHAPE_INDEX["mouthClose"], SHAPE_INDEX["jawOpen"]
_OPENING_OUTPUTS = np.array([OUTPUT_INDEX[name] for name in _OPENING])
_FUNNEL = SHAPE_INDEX["mouthFunnel"]
_LIPS = np.array([c for name in ("mouthLowerDown", "mouthUpperUp") for c in _columns(name)])


def shapes(mouth: Mouth) -> Weights:
    """Blendshapes of the mouth; closed lips neither pull apart nor funnel."""
    moved = mouth.copy()
    moved[:, _OPENING_OUTPUTS] *= 1.0 - mouth[:, CLOSED : CLOSED + 1] ** _ROUNDNESS
    weights = np.zeros((len(mouth), len(SHAPES)), dtype=np.float32)
    weights[:, _TO] = moved[:, _FROM]
    weights[:, _CLOSE] = mouth[:, CLOSED] * mouth[:, JAW]
    return weights


def gap(weights: Weights) -> NDArray[np.float32]:
    """Opening between the lips in units of jawOpen, shape (frames,); 0 when they touch."""
    apart = weights[:, _OPEN] - weights[:, _CLOSE]
    lips = weights[:, _LIPS].mean(axis=1)
    open_by = np.maximum(apart, 0.0) + 0.5 * lips + 0.3 * weights[:, _FUNNEL]
    return np.asarray(open_by, dtype=np.float32)


def closed(weights: Weights) -> NDArray[np.float32]:
    """How far lips look closed, 1 for a gap of 0 and 0 from ``_TOUCH`` on; shape (frames,)."""
    return np.asarray(np.clip(1.0 - gap(weights) / _TOUCH, 0.0, 1.0), dtype=np.float32)
