"""
The synthesiser's door: eSpeak NG in a process of its own.

The library is one global state under the GPL; it is never loaded into the process that asks.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from digital_human_runtime.engines.voice.espeak import offline
from digital_human_runtime.frames import Speech

SAMPLE_RATE = offline.SAMPLE_RATE
_TIMEOUT = 300.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Something to read out, and how; see ``offline.synthesise`` for the ranges."""

    text: str
    voice: str
    rate: int = 175
    pitch: int = 50
    pitch_range: int = 50


class Synthesiser:
    """Speaks readings one after another; made by ``synthesiser``."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def speak(self, readings: Sequence[Reading]) -> Iterator[Speech]:
        """Yield the speech of each reading, in order."""
        return self._pool.map(_speak, readings, chunksize=8, timeout=_TIMEOUT)


@contextmanager
def synthesiser() -> Iterator[Synthesiser]:
    """Start the process, and end it afterwards."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        yield Synthesiser(pool)


def _speak(reading: Reading) -> Speech:
    return offline.synthesise(
        reading.text,
        reading.voice,
        rate=reading.rate,
        pitch=reading.pitch,
        pitch_range=reading.pitch_range,
    )
