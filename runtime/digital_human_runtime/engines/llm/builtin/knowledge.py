"""What the demo brain knows: the pages of this project, found again by their words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from digital_human_runtime.engines.llm.builtin.passages import passages
from digital_human_runtime.engines.llm.builtin.retrieval import Hit, Index, terms

_ENOUGH = 0.6  # of a question must be in a passage, by weight, before it is an answer
_SPOKEN = 260  # characters: two or three sentences
_HERE = Path(__file__).parent


class Knowledge:
    """Answers questions with sentences of the pages, or says that there is none."""

    def __init__(self, folder: Path | None = None) -> None:
        self.index = Index(
            passage
            for name, markdown in pages(folder or documents())
            for passage in passages(markdown, name)
        )

    def answer(self, question: str, said: str = "") -> Answer | None:
        """Two or three sentences that are not in ``said``; None where the pages hold nothing."""
        asked = terms(question)
        for hit in self.index.search(asked, limit=12):
            if hit.coverage < _ENOUGH:
                continue
            text = _spoken(hit, asked, said)
            if text:
                return Answer(text, hit.passage.page, hit.passage.heading)
        return None


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say, and where it was found."""

    text: str
    page: str
    heading: str


def _spoken(hit: Hit, asked: list[str], said: str) -> str:
    """The sentences of a passage from the one on that fits the question best."""
    sentences = [sentence for sentence in hit.passage.sentences if sentence not in said]
    if not sentences:
        return ""
    if len(" ".join(sentences)) <= _SPOKEN:
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
