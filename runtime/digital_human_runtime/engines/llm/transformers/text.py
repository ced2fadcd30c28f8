"""From tokens to text, piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence


class Written:
    """
    The answer as it is written: whole characters, without end marks, up to a stop.

    ``decode`` takes one token and returns the text that is settled by it, if any.
    """

    def __init__(
        self, decode: Callable[[int], str | None], ends: Collection[int], stops: Sequence[str]
    ) -> None:
        self._decode = decode
        self._ends = ends
        self._stops = stops
        self._held = ""
        self.stopped = False
        """Whether a stop was reached: nothing more of this answer is wanted."""
        self._ended = False

    @property
    def complete(self) -> bool:
        """Whether the model came to an end by itself; else it was cut at its longest."""
        return self.stopped or self._ended

    def add(self, tokens: Sequence[int]) -> str:
        """The text that is settled by these tokens, perhaps none."""
        self._ended = self._ended or any(token in self._ends for token in tokens)
        pieces = [self._decode(token) or "" for token in tokens if token not in self._ends]
        self._held += "".join(pieces)
        found = [at for at in map(self._held.find, self._stops) if at >= 0]
        if found:
            self.stopped = True
            return self._take(min(found))
        return self._take(len(self._held) - self._open())

    def end(self) -> str:
        """What was held back, once no more tokens come."""
        return "" if self.stopped else self._take(len(self._held))

    def _open(self) -> int:
        """Length of the longest end of the text with which a stop may begin."""
        return max(
            (
                size
                for stop in self._stops
                for size in range(1, len(stop))
                if self._held.endswith(stop[:size])
            ),
            default=0,
        )

    def _take(self, length: int) -> str:
        taken, self._held = self._held[:length], self._held[length:]
        return taken
