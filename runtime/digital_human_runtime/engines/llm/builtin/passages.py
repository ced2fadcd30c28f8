"""Turns pages in Markdown into passages that can be read aloud: no code, no marks, no links."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import unescape

_FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_TAG = re.compile(r"<[a-zA-Z/][^>\n]*>")
_MARKS = re.compile(r"[*`]+|(?<!\w)_+|_+(?!\w)")
_ADDRESS = re.compile(r"<?https?://\S+>?")
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, list item or table row of a page."""

    page: str
    """Title of the page, as one says it: Installation."""
    heading: str
    """Title of the section; that of the page for what stands above the first one."""
    text: str
    worth: float = 1.0
    """How gladly it is quoted: more when written as an answer, less when a row of a table."""

    @property
    def sentences(self) -> list[str]:
        """The text in sentences."""
        return _SENTENCE.split(self.text)


def passages(markdown: str, name: str) -> Iterator[Passage]:
    """Yield the passages of a page; ``name`` stands in for a title that it lacks."""
    page = heading = name
    for block in _blocks(_COMMENT.sub("", _FENCE.sub("", markdown))):
        title = _HEADING.match(block[0])
        if title:
            heading = plain(title[2])
            page = heading if len(title[1]) == 1 else page
        content = block[1:] if title else block
        worth = _worth(heading, content)
        for subject, text in _texts(content):
            spoken = _without_code(text)
            if spoken:
                yield Passage(page, f"{heading} {subject}".strip(), spoken, worth)


def plain(markdown: str) -> str:
    """The words of a line of Markdown, as one would read them out."""
    text = _ADDRESS.sub("", _TAG.sub("", _LINK.sub(r"\1", markdown)))
    text = unescape(_MARKS.sub("", text)).replace("\\|", "|")
    return " ".join(text.split())


def _blocks(markdown: str) -> Iterator[list[str]]:
    """Lines that belong together: between blank lines, a heading beginning a new block."""
    block: list[str] = []
    for line in [*markdown.splitlines(), ""]:
        if (not line.strip() or _HEADING.match(line)) and block:
            yield block
            block = []
        if line.strip():
            block.append(line)


def _without_code(text: str) -> str:
    """Leave out sentences with braces: nobody wants those read aloud."""
    return " ".join(sentence for sentence in _SENTENCE.split(text) if "{" not in sentence)


def _worth(heading: str, block: list[str]) -> float:
    if "?" in heading:
        return 2.0
    return 0.7 if block and block[0].lstrip().startswith("|") else 1.0


def _texts(block: list[str]) -> Iterator[tuple[str, str]]:
    """Texts of a block, each with what it is about beside the heading."""
    if block and block[0].lstrip().startswith("|"):
        yield from _rows(block)
        return
    for item in _items(block):
        text = plain(item)
        if len(text.split()) >= 3:
            yield "", text if text[-1] in ".!?" else f"{text.rstrip(':')}."


def _items(block: Iterable[str]) -> Iterator[str]:
    """A paragraph as it is, a list item by item."""
    lines: list[str] = []
    for line in block:
        if _ITEM.match(line) and lines:
            yield " ".join(lines)
            lines = []
        lines.append(_ITEM.sub("", line).strip())
    if lines:
        yield " ".join(lines)


def _rows(block: list[str]) -> Iterator[tuple[str, str]]:
    """Table rows as sentences: what the row is about, then what the table says of it."""
    header = [cell.lower() for cell in _cells(block[0])]
    meaning = header.index("meaning") if "meaning" in header else None
    for line in block[2:]:
        cells = _cells(line)
        if meaning is not None and meaning < len(cells):
            cells = [cells[0], cells[meaning]]
        words = [cell for cell in cells if cell]
        if len(words) > 1:
            yield words[0], f"{words[0]}: {', '.join(words[1:]).rstrip('.')}."


def _cells(row: str) -> list[str]:
    return [plain(cell) for cell in _CELL.split(row.strip().strip("|"))]
