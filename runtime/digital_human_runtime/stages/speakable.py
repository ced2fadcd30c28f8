"""
What of a written text is spoken: no markdown, no emoji, no addresses.

The spoken text is made by leaving characters out, so that each of them knows where it stands in
the text on display; word times of the voice become word times of the display.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_EMOJI = (
    "\U0001f000-\U0001faff\U000e0020-\U000e007f"  # pictures, flags, skin tones, tags
    "\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff"  # clocks, weather, dingbats, stars
    "\ufe0e\ufe0f\u200b-\u200f\u20e3\u2060\ufeff"  # joiners and variants
)
_END = r"(?=[.,!?;:]*(?:[\s<>()\[\]]|$))"
_RULES: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern, re.MULTILINE), kept)
    for pattern, kept in (
        (r"!?\[([^\[\]\n]*)\]\([^()\n]*\)", 1),  # a link: its words
        (r"https?://(?:www\.)?([\w-]+(?:\.[\w-]+)*)(?::\d+)?[^\s<>()\[\]]*?" + _END, 1),  # its host
        (r"</?[A-Za-z][^<>\n]*>", 0),  # a tag
        (r"^[ \t]*(?:[-*_][ \t]*){3,}$|^[ \t]*\|?(?:[ \t]*:?-{3,}:?[ \t]*\|?)+$", 0),  # a rule
        (r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+•][ \t]+)+", 0),  # heading, quotation, entry
        (r"[`|]|~~|\*\*+|__+", 0),
        (r"(?<![\s\d])\*|\*(?![\s\d])", 0),  # emphasis; a star between numbers multiplies
        (r"(?<!\w)_|_(?!\w)", 0),
        (f"[{_EMOJI}]", 0),
        (r"[\x00-\x08\x0b-\x1f\x7f]", 0),
    )
)
"""A pattern, and the group of it that is spoken; 0: nothing of it."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a voice is given; ``origins[i]`` is where its character ``i`` stands on display."""

    text: str
    origins: tuple[int, ...]

    @property
    def audible(self) -> bool:
        """Whether there is anything that sounds."""
        return any(character.isalnum() for character in self.text)

    def display(self, start: int, end: int) -> tuple[int, int]:
        """Where ``start``..``end`` of the spoken text stands on display."""
        if not self.origins:
            return 0, 0
        last = len(self.origins) - 1
        first = min(max(start, 0), last)
        end = min(max(end - 1, first), last)
        return self.origins[first], self.origins[end] + 1


def speakable(text: str) -> Spoken:
    """Leave out of ``text`` what is not spoken; runs of white space become one space."""
    kept = bytearray(b"\x01" * len(text))
    for pattern, group in _RULES:
        for match in pattern.finditer(text):
            start, end = match.span()
            inner = match.span(group) if group else (end, end)
            kept[start : inner[0]] = bytes(inner[0] - start)
            kept[inner[1] : end] = bytes(end - inner[1])
    characters: list[str] = []
    origins: list[int] = []
    for index, character in enumerate(text):
        if not kept[index] or (character.isspace() and (not characters or characters[-1] == " ")):
            continue
        characters.append(" " if character.isspace() else character)
        origins.append(index)
    if characters and characters[-1] == " ":
        characters.pop()
        origins.pop()
    return Spoken("".join(characters), tuple(origins))
