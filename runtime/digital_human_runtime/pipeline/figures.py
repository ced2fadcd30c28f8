"""What is measured of each turn, and who is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(slots=True)
class TurnFigures:
    """
    One turn, measured. Times are seconds since the question was taken; None: never reached, or
    the turn was a greeting, which says nothing about how soon an answer comes.

    A label may be made of ``reason`` and ``code`` only: both are bounded.
    """

    started_at: float = 0.0
    """Seconds since the epoch, for traces."""
    seconds: float = 0.0
    """From the question to the last event of the turn."""
    first_token: float | None = None
    first_clause: float | None = None
    first_audio: float | None = None
    """When the first sound was handed to the server."""
    first_frame: float | None = None
    audio_seconds: float = 0.0
    skew_samples: int = 0
    """By how much the face ever lagged behind the sound that was sent; 0 is right."""
    underruns: int = 0
    """How often the listener had heard all that was sent while more was to come."""
    reason: Literal["complete", "interrupted", "failed"] = "complete"
    code: str | None = None
    """Of a failed turn."""
    face_failovers: int = 0
    spoken: bool = True
    """False for an answer in text only."""


class Observer(Protocol):
    """Told of what happens to users' turns; must return at once and never raise."""

    def turn_ended(self, figures: TurnFigures) -> None:
        """A turn is over. Of an interrupted or failed one, too."""

    def refused(self, code: str) -> None:
        """A session or turn was not admitted: ``busy`` or ``unavailable``."""


class Unobserved:
    """Tells nobody."""

    def turn_ended(self, figures: TurnFigures) -> None:
        """Drop it."""

    def refused(self, code: str) -> None:
        """Drop it."""
