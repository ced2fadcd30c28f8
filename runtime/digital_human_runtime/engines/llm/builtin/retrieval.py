"""
Finds the passages that answer a question: Okapi BM25 (Robertson and Zaragoza, 2009).

Beside the rank it says how much of the question a passage covers, by the weight of its words: that
is how the demo brain knows that it does not know.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log

from digital_human_runtime.engines.llm.builtin.passages import Passage
from digital_human_runtime.engines.llm.builtin.script import script

_SATURATION = 1.2  # k1: how fast a repeated word stops to count
_LENGTH = 0.6  # b: how much long passages are held back
_CONTEXT = 0.5  # a word of the question before counts as so much of this one's
_HEADING = 3  # a word of the heading counts as so many of the text

_WORD = re.compile(r"[a-z0-9]+(?:[.-][0-9]+)*")


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage and how well it answers."""

    passage: Passage
    score: float
    coverage: float
    """Share of the question, by weight of its words, that the passage holds; 0..1."""


class Index:
    """Passages, by the words in them."""

    def __init__(self, found: Iterable[Passage]) -> None:
        self.passages = list(found)
        self._postings: dict[str, dict[int, float]] = defaultdict(dict)
        lengths = [self._add(number, passage) for number, passage in enumerate(self.passages)]
        mean = sum(lengths) / max(len(lengths), 1) or 1.0
        self._damping = [
            _SATURATION * (1 - _LENGTH + _LENGTH * length / mean) for length in lengths
        ]

    def _add(self, number: int, passage: Passage) -> int:
        words = terms(passage.text)
        counts: Counter[str] = Counter(words)
        for word in terms(f"{passage.heading} {passage.page}"):
            counts[word] += _HEADING
        for word, count in counts.items():
            self._postings[word][number] = count
        return len(words)

    def weight(self, word: str) -> float:
        """Inverse document frequency; a word that no page holds weighs most."""
        held, total = len(self._postings.get(word, ())), len(self.passages)
        return log(1 + (total - held + 0.5) / (held + 0.5))

    def search(
        self, question: Sequence[str], context: Sequence[str] = (), limit: int = 5
    ) -> list[Hit]:
        """
        The best passages for the terms of a question, best first; none for no terms.

        Terms of the ``context`` decide between passages that answer the question.
        """
        scores: dict[int, float] = defaultdict(float)
        covered: dict[int, float] = defaultdict(float)
        total = 0.0
        for word in dict.fromkeys(question):
            weight = self.weight(word)
            total += weight
            for number, share in self._shares(word).items():
                scores[number] += weight * share
                covered[number] += weight
        for word in set(context).difference(question):
            for number, share in self._shares(word).items():
                if number in scores:
                    scores[number] += _CONTEXT * self.weight(word) * share
        for number in scores:
            scores[number] *= self.passages[number].worth
        best = sorted(scores, key=lambda number: (-scores[number], number))[:limit]
        return [Hit(self.passages[n], scores[n], covered[n] / total) for n in best]

    def _shares(self, word: str) -> dict[int, float]:
        """How much each passage is about a word, 0..1+k1; a related word counts less."""
        shares: dict[int, float] = {}
        for related in (word, *_related().get(word, ())):
            factor = 1.0 if related == word else 0.6
            for number, count in self._postings.get(related, {}).items():
                share = factor * count * (_SATURATION + 1) / (count + self._damping[number])
                shares[number] = max(share, shares.get(number, 0.0))
        return shares


def terms(text: str) -> list[str]:
    """The words of a text that tell something, without their endings."""
    common = script().common
    return [stem(word) for word in _WORD.findall(text.lower()) if word not in common]


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """A word without its English ending, the same for all forms of it; no linguistics."""
    if len(word) <= 3 or word[-1].isdigit():
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: len(word) - len(ending)] + instead
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word.removesuffix("e")


_ENDINGS = (
    ("ations", ""),
    ("ation", ""),
    ("ings", ""),
    ("ing", ""),
    ("ies", "y"),
    ("ied", "y"),
    ("ers", ""),
    ("er", ""),
    ("ed", ""),
    ("sses", "ss"),
    ("ss", "ss"),
    ("es", "e"),
    ("s", ""),
)


@lru_cache(maxsize=1)
def _related() -> dict[str, tuple[str, ...]]:
    """Words of the pages for words that people use, all without their endings."""
    return {stem(word): tuple(map(stem, also)) for word, also in script().also.items()}
