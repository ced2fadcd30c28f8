"""Speaking health: a synthetic conversation gave sound in time, and lips that moved with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Protocol

from digital_human_runtime.errors import EngineFault, RuntimeFault
from digital_human_runtime.frames import Check
from digital_human_runtime.session.synthetic import SyntheticSpeech

_log = logging.getLogger(__name__)
FIRST_AUDIO_SECONDS = 5.0
SHORTEST_SECONDS = 0.2
LEAST_JAW = 0.05
SKEW_SECONDS = 0.045
"""What people notice (ITU-R BT.1359)."""
FAILURES = 2
"""In a row, until the process counts as mute: one may be a hiccup."""


class Synthetic(Protocol):
    """Has a synthetic conversation."""

    def __call__(self, *, through_model: bool = True) -> Awaitable[SyntheticSpeech]:
        """The conversation; raises EngineFault."""


class Heard(Protocol):
    """Told what a synthetic conversation gave."""

    def spoke(self, seconds: float | None) -> None:
        """Seconds to the first sound; None: it failed."""


def judge(speech: SyntheticSpeech, sample_rate: int) -> str | None:
    """What is wrong with a synthetic conversation, or None."""
    if speech.audio_seconds < SHORTEST_SECONDS:
        return f"only {speech.audio_seconds:.2f} s of sound came"
    if speech.first_audio_seconds > FIRST_AUDIO_SECONDS:
        return f"the first sound took {speech.first_audio_seconds:.1f} s"
    if speech.jaw_movement < LEAST_JAW:
        return "the jaw does not move"
    if speech.skew_samples > SKEW_SECONDS * sample_rate:
        return f"the face lags {speech.skew_samples / sample_rate:.3f} s behind the sound"
    return None


class Speaking:
    """Proves that the process can speak, now and then; touches no user's conversation."""

    def __init__(self, synthetic: Synthetic, heard: Heard, sample_rate: int) -> None:
        self._synthetic = synthetic
        self._heard = heard
        self._rate = sample_rate
        self._failures = 0
        self._detail = "not tried yet"
        self._proven = False

    def check(self) -> Check:
        """The line ``speaking``."""
        return Check("speaking", ok=self._proven, detail=self._detail)

    async def prove(self) -> None:
        """Have a conversation with the model; raises EngineFault when it is not as it should be."""
        await self._try(through_model=True)

    async def watch(self, seconds: float) -> None:
        """Prove it every so many seconds, at low cost: without the model."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self._try(through_model=False)
            except RuntimeFault as fault:
                _log.warning("the human cannot speak: %s", fault.message)

    async def _try(self, *, through_model: bool) -> None:
        try:
            speech = await self._synthetic(through_model=through_model)
            wrong = judge(speech, self._rate)
            if wrong is not None:
                raise EngineFault(wrong)
        except RuntimeFault as fault:
            self._failures += 1
            self._detail = fault.message
            self._proven = self._proven and self._failures < FAILURES
            self._heard.spoke(None)
            raise
        self._failures, self._proven = 0, True
        self._detail = f"first sound after {speech.first_audio_seconds:.3f} s"
        self._heard.spoke(speech.first_audio_seconds)
