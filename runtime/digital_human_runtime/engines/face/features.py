"""
Log-mel features of speech, computed at whatever sample rate the sound has.

No resampler: window and hop are times, filters are in hertz and powers are normalised, so that the
same sound at 16, 22.05 or 48 kHz gives the same features. Frame ``k`` is centred on the sample at
``k`` hundredths of a second.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digital_human_runtime.frames import Samples

RATE = 100
"""Feature frames a second."""
BANDS = 40
WINDOW_SECONDS = 0.025
LOWEST_HZ, HIGHEST_HZ = 60.0, 7600.0
FLOOR = 1e-8
"""Power, of a full scale of 1, below which all sound is silence: -80 dB."""
_BLOCK = 256  # frames transformed at once: bounds the memory of a long push
_BIN_HZ = 25.0

Features = NDArray[np.float32]
"""Decibels of full scale, shape (frames, BANDS), -80 at least."""


class LogMel:
    """
    Streaming features; any split of the sound gives exactly the same frames.

    Frame ``k`` comes as soon as the 12.5 ms after its centre have been pushed. Sound before the
    first sample counts as silence.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._length = round(WINDOW_SECONDS * sample_rate)
        self._window = np.hanning(self._length + 1)[:-1].astype(np.float32)
        self._points = _smooth_size(sample_rate / _BIN_HZ)
        self._bank = _Bank(sample_rate, self._points)
        self._scale = np.float32(
            2.0 / (32768.0**2 * self._points * np.square(self._window, dtype=np.float64).sum())
        )
        self._held = np.zeros(self._length // 2, dtype=np.int16)
        self._held_from = -(self._length // 2)
        self._next = 0

    def push(self, samples: Samples) -> Features:
        """Take sound; return the frames that it completes."""
        self._held = np.concatenate((self._held, samples))
        last = self._held_from + len(self._held) - (self._length - self._length // 2)
        ready = max(0, _frames_centred_before(last + 1, self._rate) - self._next)
        blocks = [
            self._transform(self._next + first, min(_BLOCK, ready - first))
            for first in range(0, ready, _BLOCK)
        ]
        self._next += ready
        self._forget()
        return np.concatenate(blocks) if blocks else np.zeros((0, BANDS), dtype=np.float32)

    def _transform(self, first: int, count: int) -> Features:
        starts = _centres(np.arange(first, first + count), self._rate) - self._length // 2
        offsets = (starts - self._held_from)[:, None] + np.arange(self._length)
        spectrum = np.fft.rfft(self._held[offsets] * self._window, n=self._points)
        power = (np.square(spectrum.real) + np.square(spectrum.imag)) * self._scale
        return decibels(self._bank.sums(power.astype(np.float32, copy=False)))

    def _forget(self) -> None:
        keep_from = int(_centres(np.array(self._next), self._rate)) - self._length // 2
        drop = max(0, min(len(self._held), keep_from - self._held_from))
        self._held = self._held[drop:].copy()
        self._held_from += drop


def decibels(power: NDArray[np.float32]) -> Features:
    """Powers of full scale as decibels, not below the floor."""
    return np.asarray(10.0 * np.log10(power + np.float32(FLOOR)), dtype=np.float32)


def _centres(frames: NDArray[np.int64], rate: int) -> NDArray[np.int64]:
    return (2 * frames * rate + RATE) // (2 * RATE)


def _frames_centred_before(sample: int, rate: int) -> int:
    """How many frames have their centre before this sample."""
    if sample <= 0:
        return 0
    count = (2 * sample * RATE) // (2 * rate) + 1
    while count and int(_centres(np.array(count - 1), rate)) >= sample:
        count -= 1
    return count


def _smooth_size(least: float) -> int:
    """The next size that is a product of 2, 3, 5 and 7: such transforms are fast."""
    size = int(np.ceil(least))
    while True:
        rest = size
        for factor in (2, 3, 5, 7):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return size
        size += 1


def _mel(hertz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hertz / 700.0))


def band_edges() -> NDArray[np.float64]:
    """Hertz where bands begin, peak and end: band ``b`` spans edges ``b`` to ``b + 2``."""
    mel = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), BANDS + 2)
    return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0), dtype=np.float64)


class _Bank:
    """
    Triangular filters as sums over the stretches between their edges.

    Sums, not a matrix product: a product may round otherwise for another number of frames, and
    then the same sound in other pieces would give other features.
    """

    def __init__(self, sample_rate: int, points: int) -> None:
        edges = band_edges()
        hertz = np.fft.rfftfreq(points, 1.0 / sample_rate)
        first = np.searchsorted(hertz, edges)
        self._stretches = int(np.sum(first[:-1] < len(hertz)))
        self._bins = slice(int(first[0]), min(int(first[-1]), len(hertz)))
        self._starts = first[: self._stretches] - first[0]
        inside = hertz[self._bins]
        stretch = np.clip(np.searchsorted(edges, inside, side="right") - 1, 0, BANDS)
        self._rising = ((inside - edges[stretch]) / (edges[stretch + 1] - edges[stretch])).astype(
            np.float32
        )

    def sums(self, power: NDArray[np.float32]) -> NDArray[np.float32]:
        """Power in each band, shape (frames, BANDS); bands above half the rate are 0."""
        inside = np.ascontiguousarray(power[:, self._bins])
        whole = np.zeros((len(power), BANDS + 1), dtype=np.float32)
        rising = np.zeros_like(whole)
        whole[:, : self._stretches] = np.add.reduceat(inside, self._starts, axis=1)
        rising[:, : self._stretches] = np.add.reduceat(inside * self._rising, self._starts, axis=1)
        return rising[:, :-1] + (whole - rising)[:, 1:]
