"""The answer of a turn as text, and when which word of it is heard."""

from __future__ import annotations

from dataclasses import dataclass, field

from digital_human_runtime.frames import Caption, Word
from digital_human_runtime.stages import Clause

CHARACTERS_PER_SECOND = 14
"""How fast people speak, for clauses whose voice tells no times."""


@dataclass(slots=True)
class SpokenClause:
    """A clause whose sound has begun; samples of the turn, offsets of the answer."""

    clause: Clause
    first_sample: int
    samples: int = 0
    words: list[Word] = field(default_factory=list)
    ended: bool = False

    @property
    def last_sample(self) -> int:
        """Where its sound ends as far as it is there."""
        return self.first_sample + self.samples

    def add(self, samples: int, words: tuple[Word, ...]) -> None:
        """Take a piece of its sound, with words whose samples count from the clause."""
        self.samples += samples
        for word in words:
            first, last = (self.first_sample + at for at in (word.first_sample, word.last_sample))
            self.words.append(Word(word.start, word.end, first, last))

    def caption(self, turn: int, sample_rate: int) -> Caption:
        """Return the caption of what is known; the end is guessed until the clause has ended."""
        text = self.clause.text.strip()
        start = self.clause.start + self.clause.text.index(text)
        guessed = self.first_sample + sample_rate * len(text) // CHARACTERS_PER_SECOND
        words = tuple(
            Word(word.start - start, word.end - start, word.first_sample, word.last_sample)
            for word in self.words
        )
        last = self.last_sample if self.ended else max(self.last_sample, guessed)
        return Caption(turn, text, self.first_sample, last, words)

    def heard_until(self, played: int) -> int:
        """Return the offset in the answer up to which it was heard, by whole words."""
        if self.ended and played >= self.last_sample:
            return self.clause.end
        if self.words:
            heard = [word.end for word in self.words if word.last_sample <= played]
            return max(heard, default=self.clause.start)
        share = max(0, played - self.first_sample) / max(1, self.samples)
        text = self.clause.text[: int(len(self.clause.text) * min(1.0, share))]
        return self.clause.start + max(text.rfind(" "), 0)


class Script:
    """What was written and spoken in a turn."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.characters = 0
        self.clauses: list[SpokenClause] = []

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(self._pieces)

    def write(self, text: str) -> None:
        """Take text of the model."""
        self._pieces.append(text)
        self.characters += len(text)

    def begin(self, clause: Clause, sample: int) -> SpokenClause:
        """Say that the sound of a clause begins at a sample of the turn."""
        spoken = SpokenClause(clause, sample)
        self.clauses.append(spoken)
        return spoken

    def heard(self, played: int) -> str:
        """Return the part of the answer whose words had been heard after ``played`` samples."""
        until = 0
        for spoken in self.clauses:
            if spoken.first_sample >= played:
                break
            until = spoken.heard_until(played)
        return self.text[:until].strip()
