"""Everybody who is told of turns."""

from __future__ import annotations

from collections.abc import Sequence

from digital_human_runtime.pipeline import Observer, TurnFigures


class Observers:
    """Tells each of ``observers``."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def turn_ended(self, figures: TurnFigures) -> None:
        """A turn is over."""
        for observer in self._observers:
            observer.turn_ended(figures)

    def refused(self, code: str) -> None:
        """A session or turn was not admitted."""
        for observer in self._observers:
            observer.refused(code)
