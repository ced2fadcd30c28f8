"""Noise of rooms, microphones and lines: as sound for the gates, as features for the training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.engines.face.features import LogMel
from digital_human_runtime.frames import Samples

COLOURS: tuple[str, ...] = ("white", "pink", "brown", "hum", "fan", "hiss")
_RATE = 22050


def coloured(colour: str, count: int, rate: int, random: np.random.Generator) -> Samples:
    """``count`` samples of noise at about -20 dB of full scale."""
    spectrum = np.fft.rfft(random.normal(size=count))
    hertz = np.maximum(np.fft.rfftfreq(count, 1.0 / rate), 20.0)
    slope = {"pink": -0.5, "brown": -1.0, "fan": -0.8, "hum": -0.7, "hiss": 0.4}.get(colour, 0.0)
    sound = np.fft.irfft(spectrum * hertz**slope, n=count)
    times = np.arange(count) / rate
    if colour == "fan":
        sound *= 1.0 + 0.5 * np.sin(2 * np.pi * random.uniform(0.5, 6.0) * times)
    sound /= max(float(np.sqrt(np.mean(sound**2))), 1e-9)
    if colour == "hum":
        base = float(random.choice([50.0, 60.0]))
        sound *= 0.3
        for harmonic in (1, 2, 3, 5, 7):
            sound += np.sin(2 * np.pi * base * harmonic * times) / harmonic
        sound /= float(np.sqrt(np.mean(sound**2)))
    return np.clip(sound * 3276.8, -32768, 32767).astype(np.int16)


def mixed(samples: Samples, decibels: float, random: np.random.Generator, rate: int) -> Samples:
    """Speech with white or pink noise ``decibels`` below the loudness of its spoken parts."""
    colour = str(random.choice(["white", "pink"]))
    noise = coloured(colour, len(samples), rate, random).astype(np.float64)
    speech = samples.astype(np.float64)
    loud = np.abs(speech) > 0.02 * max(float(np.abs(speech).max()), 1.0)
    level = float(np.sqrt(np.mean(speech[loud] ** 2))) if loud.any() else 0.0
    noise *= level * 10.0 ** (-decibels / 20.0) / float(np.sqrt(np.mean(noise**2)))
    return np.clip(speech + noise, -32768, 32767).astype(np.int16)


def pool(random: np.random.Generator, seconds: float = 12.0) -> NDArray[np.float32]:
    """Powers of noise in each band, all colours behind each other, of an overall power of 1."""
    count = int(seconds * _RATE)
    powers = [
        10.0 ** (LogMel(_RATE).push(coloured(colour, count, _RATE, random)) / 10.0)
        for colour in COLOURS
    ]
    return np.concatenate([p / p.sum(axis=1).mean() for p in powers]).astype(np.float32)
