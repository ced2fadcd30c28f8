"""
From mouth, emotions and life to the weights that a client gets, as its options ask.

The order is that of Audio2Face-3D: strengths, then multipliers and offsets, then the clamp. Last of
all, lips never go through each other: ``mouthClose`` stays at or below ``jawOpen``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.errors import BadInput
from digital_human_runtime.frames import SHAPE_INDEX, SHAPES, FaceOptions, Weights

STRENGTHS: dict[str, tuple[float, float, float]] = {
    "upperFaceStrength": (0.0, 2.0, 1.0),
    "lowerFaceStrength": (0.0, 2.0, 1.0),
    "upperFaceSmoothing": (0.0, 0.1, 0.0),
    "lowerFaceSmoothing": (0.0, 0.1, 0.0),
    "eyelidOpenOffset": (-1.0, 1.0, 0.0),
    "lipOpenOffset": (-0.2, 0.2, 0.0),
    "blinkStrength": (0.0, 2.0, 1.0),
    "blinkOffset": (0.0, 1.0, 0.0),
    "tongueStrength": (0.0, 3.0, 1.0),
    "tongueHeightOffset": (-3.0, 3.0, 0.0),
    "tongueDepthOffset": (-3.0, 3.0, 0.0),
    "skinStrength": (0.0, 2.0, 1.0),
    "faceMaskLevel": (0.0, 1.0, 0.6),
    "faceMaskSoftness": (0.001, 0.5, 0.0085),
}
"""
Range and default of each float parameter. The last five shape a mesh, not weights, and change
nothing here, tongueDepthOffset excepted: it moves tongueOut by a tenth.
"""

_UPPER = np.array([i for i, name in enumerate(SHAPES) if name.startswith(("eye", "brow"))])
_LOWER = np.array([i for i in range(len(SHAPES)) if i not in set(_UPPER.tolist())])
_BLINK = np.array([SHAPE_INDEX["eyeBlinkLeft"], SHAPE_INDEX["eyeBlinkRight"]])
_WIDE = np.array([SHAPE_INDEX["eyeWideLeft"], SHAPE_INDEX["eyeWideRight"]])
_JAW, _CLOSE = SHAPE_INDEX["jawOpen"], SHAPE_INDEX["mouthClose"]
_TONGUE = SHAPE_INDEX["tongueOut"]
_PARTING = np.array(
    [
        SHAPE_INDEX[f"{name}{side}"]
        for name in ("mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthFrown")
        for side in ("Left", "Right")
    ]
    + [SHAPE_INDEX["mouthFunnel"], _JAW]
)
"""What emotions may not do to lips that are closed."""


class Composer:
    """Composes the frames of one stream; they are given one piece after another."""

    def __init__(self, options: FaceOptions, fps: int) -> None:
        self._clamp = options.clamp
        self._strength = {name: entry[2] for name, entry in STRENGTHS.items()}
        self._strength.update(_strengths(options.strengths))
        self._multiplier = _per_shape("multipliers", options.multipliers, 1.0)
        self._offset = _per_shape("offsets", options.offsets, 0.0)
        self._scale = self._scales()
        self._keep = self._smoothing(fps)
        self._last: NDArray[np.float32] | None = None

    def compose(
        self,
        mouth: Weights,
        emotion: Weights,
        life: Weights,
        closed: NDArray[np.float32],
        presence: NDArray[np.float32],
    ) -> Weights:
        """
        Weights of these frames. ``closed`` (frames,) says how far lips are closed, ``presence``
        (frames,) eases everything to neutral where it falls to 0.
        """
        felt = emotion.copy()
        felt[:, _PARTING] *= (1.0 - closed)[:, None]
        felt *= presence[:, None]
        moved = mouth * presence[:, None] + felt
        moved[:, _LOWER] = np.minimum(moved[:, _LOWER], 1.0)
        moved[:, _CLOSE] = np.minimum(moved[:, _CLOSE] + closed * felt[:, _JAW], moved[:, _JAW])
        blinking = life[:, _BLINK] * self._strength["blinkStrength"]
        moved += life
        moved[:, _BLINK] = np.maximum(blinking, emotion[:, _BLINK] * presence[:, None])
        # lids that are down are not wide open
        moved[:, _WIDE] *= 1.0 - np.clip(blinking, 0.0, 1.0)
        return self._finish(self._smoothed(moved * self._scale) + self._shift(presence))

    def _scales(self) -> NDArray[np.float32]:
        scale = np.ones(len(SHAPES), dtype=np.float32)
        scale[_UPPER] = self._strength["upperFaceStrength"]
        scale[_LOWER] = self._strength["lowerFaceStrength"]
        scale[_BLINK] = 1.0
        scale[_TONGUE] = self._strength["tongueStrength"]
        return scale

    def _shift(self, presence: NDArray[np.float32]) -> Weights:
        shift = np.zeros((len(presence), len(SHAPES)), dtype=np.float32)
        lids = self._strength["eyelidOpenOffset"]
        shift[:, _WIDE] = max(lids, 0.0)
        shift[:, _BLINK] = max(-lids, 0.0) + self._strength["blinkOffset"]
        shift[:, _JAW] = presence * self._strength["lipOpenOffset"]
        shift[:, _TONGUE] = presence * 0.1 * self._strength["tongueDepthOffset"]
        return shift

    def _smoothing(self, fps: int) -> NDArray[np.float32]:
        keep = np.zeros(len(SHAPES), dtype=np.float32)
        for columns, name in ((_UPPER, "upperFaceSmoothing"), (_LOWER, "lowerFaceSmoothing")):
            seconds = self._strength[name]
            keep[columns] = np.exp(-1.0 / (fps * seconds)) if seconds > 0 else 0.0
        return keep

    def _smoothed(self, weights: Weights) -> Weights:
        if not self._keep.any():
            return weights
        for row in range(len(weights)):
            if self._last is not None:
                weights[row] += self._keep * (self._last - weights[row])
            self._last = weights[row].copy()
        return weights

    def _finish(self, weights: Weights) -> Weights:
        weights = weights * self._multiplier + self._offset
        if self._clamp:
            weights = np.clip(weights, 0.0, 1.0)
        weights[:, _CLOSE] = np.minimum(weights[:, _CLOSE], np.maximum(weights[:, _JAW], 0.0))
        return weights.astype(np.float32, copy=False)


def _strengths(given: dict[str, float]) -> dict[str, float]:
    limited = {}
    for name, value in given.items():
        if not np.isfinite(value):
            raise BadInput(f"strengths: {name} is no number; leave it out or give one.")
        if name in STRENGTHS:
            low, high, _ = STRENGTHS[name]
            limited[name] = min(high, max(low, value))
    return limited


def _per_shape(field: str, given: dict[str, float], default: float) -> NDArray[np.float32]:
    """Unknown shapes are left out: clients of Audio2Face-3D name shapes of tongues as well."""
    values = np.full(len(SHAPES), default, dtype=np.float32)
    for name, value in given.items():
        if not np.isfinite(value):
            raise BadInput(f"{field}: {name} is no number; leave it out or give one.")
        if name in SHAPE_INDEX:
            values[SHAPE_INDEX[name]] = value
    return values
