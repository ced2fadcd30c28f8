"""A conversation that nobody has: is this process really able to speak?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SyntheticSpeech:
    """What a synthetic conversation gave."""

    first_audio_seconds: float
    """From the question to the first sound."""
    audio_seconds: float
    jaw_movement: float
    """Largest minus smallest jawOpen, 0..1; a face that does not move gives 0."""
    skew_samples: int
    """By how much the face ever lagged behind the sound."""
