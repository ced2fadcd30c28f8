"""
Cuts the text of a language model into what is spoken in one go: first a clause, then sentences.

The first unit decides how soon the human begins to speak, the later ones how natural it sounds.
"""

from __future__ import annotations

from dataclasses import dataclass

from .boundaries import Size, boundary, quiet_boundary

FIRST = Size(least=24, most=90, commas=True)
LATER = Size(least=24, most=280, commas=False)
QUIET_SECONDS = 0.3
FENCE = "```"
LONGEST_FENCE = 2_000


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of the answer: ``text`` is what stands at ``start``..``end`` of it, for display."""

    start: int
    end: int
    text: str
    silent: bool = False
    """Shown but not spoken: a block of code."""


class Chunker:
    """
    Takes text as it is written, in any pieces, and returns the clauses that are complete.

    The clauses follow each other without gaps: joined they are the text. Pure: the caller gives
    the time, in seconds of any clock, and calls ``quiet`` at ``flush_at``.
    """

    def __init__(
        self, *, first: Size = FIRST, later: Size = LATER, quiet_seconds: float = QUIET_SECONDS
    ) -> None:
        self._first = first
        self._later = later
        self._quiet_seconds = quiet_seconds
        self._pending = ""
        self._start = 0
        self._fenced = False
        self._spoke = False
        self._fed_at = 0.0

    @property
    def flush_at(self) -> float | None:
        """When ``quiet`` would return something if no more text came before."""
        if self._fenced or quiet_boundary(self._pending, self._size) is None:
            return None
        return self._fed_at + self._quiet_seconds

    def feed(self, text: str, now: float) -> list[Clause]:
        """Take more text."""
        self._pending += text
        self._fed_at = now
        return self._complete(final=False)

    def quiet(self, now: float) -> list[Clause]:
        """Let go of what is there if no text came for long enough."""
        at = self.flush_at
        end = quiet_boundary(self._pending, self._size)
        if at is None or end is None or now < at:
            return []
        return [self._take(end, silent=False)]

    def finish(self) -> list[Clause]:
        """Return the rest: no more text comes."""
        clauses = self._complete(final=True)
        if self._pending:
            silent = self._fenced or self._pending.startswith(FENCE)
            clauses.append(self._take(len(self._pending), silent=silent))
        return clauses

    @property
    def _size(self) -> Size:
        return self._later if self._spoke else self._first

    def _complete(self, *, final: bool) -> list[Clause]:
        clauses = []
        while self._pending:
            fenced = self._fenced or self._pending.startswith(FENCE)
            end = self._fence_end() if fenced else self._speech_end(final=final)
            if end is None:
                break
            clauses.append(self._take(end, silent=fenced))
        return clauses

    def _speech_end(self, *, final: bool) -> int | None:
        """Where the next unit of speech ends; a block of code ends it, too."""
        fence = self._pending.find(FENCE)
        if fence >= 0:
            return boundary(self._pending[:fence], self._size, final=True) or fence
        if final:
            return boundary(self._pending, self._size, final=True)
        # Backticks at the end may become the fence of a block.
        return boundary(self._pending.rstrip("`"), self._size, final=False)

    def _fence_end(self) -> int | None:
        """Where the block of code ends; a long one is taken in parts."""
        close = self._pending.find(FENCE, 0 if self._fenced else len(FENCE))
        if close >= 0:
            self._fenced = False
            return close + len(FENCE)
        if len(self._pending) > LONGEST_FENCE:
            self._fenced = True
            return LONGEST_FENCE - len(FENCE)  # which may have begun
        return None

    def _take(self, end: int, *, silent: bool) -> Clause:
        text = self._pending[:end]
        clause = Clause(self._start, self._start + len(text), text, silent)
        self._pending = self._pending[len(text) :]
        self._start = clause.end
        self._spoke = self._spoke or not silent
        return clause
