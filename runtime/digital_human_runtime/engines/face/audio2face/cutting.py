"""
Where a long stream of sound is cut into calls.

A service ends calls that are fed slower than real time, idle or too long; a turn is all of that.
One call lasts for a clause: it ends in the pause after it, so that no cut is ever heard or seen.
"""

from __future__ import annotations

import numpy as np

from digital_human_runtime.frames import Samples

_SHORTEST, _LONGEST = 1.0, 60.0
_PAUSE = 0.12
_QUIET = 160
"""Of 32768: what stays below is a pause."""


class Cutter:
    """Looks for the end of a clause; one for each stream."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._length = 0
        self._quiet = 0
        self._spoken = False

    def cut(self, samples: Samples) -> int | None:
        """
        After how many of these samples the call shall end; None when it goes on.

        What follows a cut belongs to the next call and is to be given again.
        """
        at = self._pause(samples)
        if at is None and self._length + len(samples) >= _LONGEST * self._rate:
            at = max(1, round(_LONGEST * self._rate) - self._length)
        if at is not None:
            self.begin()
            return at
        self._length += len(samples)
        return None

    def begin(self) -> None:
        """A new call begins."""
        self._length, self._quiet, self._spoken = 0, 0, False

    def _pause(self, samples: Samples) -> int | None:
        """Where the first pause is long enough that follows something spoken."""
        loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _QUIET)
        begins = np.concatenate(([-self._quiet], loud + 1))
        ends = np.concatenate((loud, [len(samples)]))
        earliest = round(_SHORTEST * self._rate) - self._length
        cuts = np.maximum(begins + round(_PAUSE * self._rate), max(1, earliest))
        found = cuts <= ends
        if not self._spoken:
            found[0] = False  # silence before the first word
        self._quiet = int(ends[-1] - begins[-1])
        self._spoken = self._spoken or len(loud) > 0
        return int(cuts[found][0]) if found.any() else None
