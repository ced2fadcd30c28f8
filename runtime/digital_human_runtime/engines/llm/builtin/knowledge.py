"""What the demo brain knows: the pages of this project, found again by their words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from digital_human_runtime.engines.llm.builtin.conversation import simplified
from digital_human_runtime.engines.llm.builtin.passages import Passage, passages
from digital_human_runtime.engines.llm.builtin.retrieval import Hit, Index, terms

_ENOUGH = 0.6  # of a question must be in a passage, by weight, before it is an answer
_SPOKEN = 260  # characters: two or three sentences
_THE_SAME = 0.75  # of the words are shared by two questions that ask the same
_QUESTION = re.compile(r"[^.?!]+(?=[.?!](?:\s|$))")
_HERE = Path(__file__).parent


class Knowledge:
    """Answers questions with sentences of the pages, or says that there is none."""

    def __init__(self, folder: Path | None = None) -> None:
        self.index = Index(
            passage
            for name, markdown in pages(folder or documents())
            for passage in passages(markdown, name)
        )
        self._questions = [
            (_words(question), passage)
            for passage in self.index.passages
            for question in _QUESTION.findall(passage.heading)
        ]
        self._tell = {asked: set(terms(" ".join(asked))) for asked, _ in self._questions}

    def answer(self, question: str, *, context: str = "", said: str = "") -> Answer | None:
        """
        Two or three sentences that are not in ``said``; None where the pages hold nothing.

        ``context`` is what was talked about before, for questions such as "and on Azure?".
        """
        asked = terms(simplified(question))
        found = [self._asked_there(question)]
        if not all(word[0].isdigit() for word in asked):  # numbers alone are no question
            found += self.index.search(asked, terms(context), limit=12)
        for hit in found:
            if hit is None or hit.coverage < _ENOUGH or not _is_about(hit.passage, asked):
                continue
            text = _spoken(hit, asked, said)
            if text:
                return Answer(text, hit.passage.page, hit.passage.heading)
        return None

    def _asked_there(self, question: str) -> Hit | None:
        """The passage whose heading asks nearly the same, small words included."""
        words, tells = _words(question), set(terms(simplified(question)))
        alike = [
            (_likeness(words, asked), passage)
            for asked, passage in self._questions
            if tells <= self._tell[asked]
        ]
        likeness, passage = max(alike, key=lambda found: found[0], default=(0.0, None))
        if passage is None or likeness < _THE_SAME:
            return None
        return Hit(passage, likeness, 1.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say, and where it was found."""

    text: str
    page: str
    heading: str


def _is_about(passage: Passage, asked: list[str]) -> bool:
    """Whether a passage is about the question, and does not only mention a word of it."""
    if passage.worth > 1:
        return True
    about, wanted = set(terms(f"{passage.heading} {passage.page}")), set(asked)
    return len(wanted & (about | set(terms(passage.text)))) > 1 or bool(wanted & about)


def _spoken(hit: Hit, asked: list[str], said: str) -> str:
    """The sentences of a passage from the one on that fits the question best."""
    sentences = [sentence for sentence in hit.passage.sentences if sentence not in said]
    if not sentences:
        return ""
    if hit.passage.worth > 1 or len(" ".join(sentences)) <= _SPOKEN:  # written to be spoken
        return " ".join(sentences)
    wanted = set(asked)
    fits = [len(wanted.intersection(terms(sentence))) for sentence in sentences]
    first = fits.index(max(fits))
    text = sentences[first]
    for sentence in sentences[first + 1 :]:
        if len(text) + len(sentence) > _SPOKEN:
            break
        text = f"{text} {sentence}"
    return text


def documents() -> Path:
    """
    Where the pages are: beside this module in an installed package, else in the checkout.

    The build puts README.md and docs/ of the repository into the folder ``documents``.
    """
    installed = _HERE / "documents"
    return installed if installed.is_dir() else _HERE.parents[4]


def pages(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of README.md and of every page under docs/, in the order of names."""
    for path in [folder / "README.md", *sorted(folder.glob("docs/**/*.md"))]:
        if path.is_file():
            yield path.stem.replace("-", " "), path.read_text(encoding="utf-8")


def _words(question: str) -> frozenset[str]:
    return frozenset(simplified(question).split())


def _likeness(words: frozenset[str], others: frozenset[str]) -> float:
    """Dice's coefficient: 1 for the same words, 0 for none in common."""
    return 2 * len(words & others) / max(len(words) + len(others), 1)
