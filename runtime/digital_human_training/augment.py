"""
What happens to speech on its way to a listener, applied to powers in bands.

Gain, equalisers, band limits and noise are products and sums of powers, so they are cheap here;
the gates mix real noise into real sound. Without noise a network learns that digital silence
means closed lips, and fails in any room.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.engines.face.features import BANDS, RATE, decibels
from digital_human_runtime.engines.face.mouth import Mouth

Power = NDArray[np.float32]
"""Shape (batch, frames, BANDS)."""
_BANDS = np.arange(BANDS) / (BANDS - 1)


@dataclass(frozen=True, slots=True)
class Chances:
    """How often what happens."""

    noise: float = 0.8
    room: float = 0.45
    band_limit: float = 0.2
    muted: float = 0.06
    snr: tuple[float, float] = (6.0, 46.0)
    floor: tuple[float, float] = (-78.0, -38.0)
    gain: tuple[float, float] = (-16.0, 8.0)


class Augment:
    """Turns clean powers into features of one of many ways to hear them."""

    def __init__(
        self, noise: Power, random: np.random.Generator, chances: Chances | None = None
    ) -> None:
        self._noise = noise
        self._random = random
        self._chances = chances or Chances()

    def __call__(self, power: Power, mouth: Mouth, visemes: NDArray[np.int64]) -> Power:
        """Features of shape (batch, frames, BANDS); what is muted shuts its mouth in place."""
        muted = self._random.random(len(power)) < self._chances.muted
        power = np.where(muted[:, None, None], 0.0, power)
        mouth[muted] = 0.0
        visemes[muted] = 0
        heard = self._in_room(power.astype(np.float32)) * self._channel(len(power))[:, None, :]
        return decibels(self._with_noise(heard.astype(np.float32), muted))

    def _in_room(self, power: Power) -> Power:
        """Echoes that die away: in a room, and in recordings, closures are never silent."""
        random = self._random
        count = len(power)
        dying = random.uniform(0.08, 0.45, size=(count, 1))  # seconds for 60 dB
        keep = (10.0 ** (-6.0 / (dying * RATE))).astype(np.float32)
        level = 10.0 ** (random.uniform(-32.0, -12.0, size=(count, 1)) / 10.0)
        level = np.where(random.random((count, 1)) < self._chances.room, level, 0.0)
        echo = np.zeros((count, power.shape[2]), dtype=np.float32)
        heard = power.copy()
        for frame in range(1, power.shape[1]):
            echo = (echo + power[:, frame - 1]) * keep
            heard[:, frame] += level.astype(np.float32) * echo
        return heard

    def _channel(self, count: int) -> Power:
        """Factors for each band: gain, a smooth equaliser, sometimes a band limit."""
        random, chances = self._random, self._chances
        curve = random.uniform(*chances.gain, size=(count, 1))
        curve = curve + random.uniform(-7.0, 7.0, size=(count, 1)) * (_BANDS - 0.5)
        for waves in (1, 2, 3, 5):
            phase = random.uniform(0, 2 * np.pi, size=(count, 1))
            curve += random.uniform(0, 3.0, size=(count, 1)) * np.cos(
                np.pi * waves * _BANDS + phase
            )
        limited = random.random((count, 1)) < chances.band_limit
        low = random.uniform(0.0, 0.12, size=(count, 1))
        high = random.uniform(0.72, 1.0, size=(count, 1))
        beyond = np.maximum(low - _BANDS, 0.0) + np.maximum(_BANDS - high, 0.0)
        curve -= np.where(limited, 600.0 * beyond, 0.0)
        return np.asarray(10.0 ** (curve / 10.0), dtype=np.float32)

    def _with_noise(self, power: Power, muted: NDArray[np.bool_]) -> Power:
        random, chances = self._random, self._chances
        count, frames = power.shape[:2]
        total = power.sum(axis=2)
        loud = total > 1e-5
        level = (total * loud).sum(axis=1) / np.maximum(loud.sum(axis=1), 1)
        relative = 10.0 * np.log10(np.maximum(level, 1e-9)) - random.uniform(
            *chances.snr, size=count
        )
        absolute = random.uniform(*chances.floor, size=count)
        by_snr = (random.random(count) < 0.6) & ~muted & (level > 0)
        wanted = np.where(by_snr, relative, absolute)
        wanted = np.where(random.random(count) < chances.noise, wanted, -200.0)
        starts = random.integers(0, len(self._noise) - frames, size=count)
        noise = self._noise[starts[:, None] + np.arange(frames)]
        noise = noise * (10.0 ** (wanted / 10.0))[:, None, None]
        # sound adds, power does not: the cross term is random and shrinks with a band's width
        width = np.sqrt(1.0 + 7.0 * _BANDS**2)
        cross = random.standard_normal(power.shape, dtype=np.float32) / width
        mixed = power + noise + cross * np.sqrt(power * noise)
        return np.asarray(np.maximum(mixed, 0.05 * (power + noise)), dtype=np.float32)
