"""Where a clause or a sentence ends: decided on text that is still being written."""

from __future__ import annotations

import re
from dataclasses import dataclass

WIDE_TERMINALS = frozenset("\u3002\uff01\uff1f")
WIDE_COMMAS = frozenset("\uff0c\u3001\uff1b\uff1a")
WIDE = WIDE_TERMINALS | WIDE_COMMAS
"""Punctuation of scripts that put no space after it."""
TERMINALS = frozenset(".!?…") | WIDE_TERMINALS
COMMAS = frozenset(",;:—") | WIDE_COMMAS
OPENERS = {"(": ")", "[": "]", "{": "}", "“": "”", "«": "»", "「": "」", "『": "』", '"': '"'}
CLOSERS = frozenset(OPENERS.values()) | frozenset("'\u2019*_`")
"""What may stand between a full stop and the space after it; markdown emphasis, too."""

NEVER_LAST = frozenset(
    "dr mr mrs ms mx prof st vs e.g i.e cf approx fig vol pp mt gen col capt lt sgt rev hon "  # noqa: SIM905  # a list to read
    "dept est z.b d.h bzw ca".split()
)
"""Abbreviations that a sentence does not end with."""
MAYBE_LAST = frozenset("a.m p.m etc inc ltd co corp jr sr u.s u.k e.u ph.d no nr al".split())  # noqa: SIM905  # a list to read
"""Abbreviations that a sentence may end with: the next letter decides."""
LINE = 12
"""A line of so many characters is a unit of its own: a heading, an entry of a list."""
_TOKEN = re.compile(r"[\w.]+$")


@dataclass(frozen=True, slots=True)
class Size:
    """
    How long a unit of speech is, in characters.

    A unit ends at the first boundary after ``least``; where there is none within ``most`` it is
    cut at a space. With ``commas`` a clause is enough, without it takes a sentence.
    """

    least: int
    most: int
    commas: bool


def boundary(text: str, size: Size, *, final: bool) -> int | None:
    """
    Return the end of the first unit of ``text``, or None while more text is needed to tell.

    ``final``: no more text comes. Then None means that the rest is one unit.
    """
    stack: list[str] = []
    position = 0
    while position < min(len(text), size.most):
        character = text[position]
        if character == "\n" and len(text[:position].strip()) >= min(LINE, size.least):
            return _past_spaces(text, position)
        if character in TERMINALS or (size.commas and character in COMMAS):
            end = _past_closers(text, position, stack)
            found = _decide(text, position, end, final=final)
            if found is None and not stack and len(text) <= size.most:
                return None
            if found and not stack and _long_enough(text[:end], size):
                return _past_spaces(text, end)
            position = end
            continue
        _nest(character, stack)
        position += 1
    return _forced(text, size) if len(text) > size.most else None


def quiet_boundary(text: str, size: Size) -> int | None:
    """Where to cut when no text came for a while: after a whole word, or None."""
    written = text.rstrip()
    if not written:
        return None
    if written[-1] in TERMINALS and _ends(text, len(written) - 1, None):
        return len(text)
    end = len(text) if len(written) < len(text) else _last_space(written) + 1
    return end if _long_enough(text[:end], size) else None


def _long_enough(text: str, size: Size) -> bool:
    return len(text.strip()) >= size.least


def _nest(character: str, stack: list[str]) -> None:
    if stack and character == stack[-1]:
        stack.pop()
    elif character in OPENERS:
        stack.append(OPENERS[character])


def _past_closers(text: str, position: int, stack: list[str]) -> int:
    """Past a run of punctuation and what it closes; takes that from the stack."""
    run = TERMINALS | CLOSERS if text[position] in TERMINALS else CLOSERS
    end = position + 1
    while end < len(text) and text[end] in run:
        if text[end] == '"' and '"' not in stack:
            break  # opens the next quotation
        if stack and text[end] == stack[-1]:
            stack.pop()
        end += 1
    return end


def _past_spaces(text: str, end: int) -> int:
    while end < len(text) and text[end].isspace():
        end += 1
    return end


def _decide(text: str, mark: int, end: int, *, final: bool) -> bool | None:
    """Whether the mark before ``end`` ends a unit; None: the next character will tell."""
    if text[mark] in WIDE:
        return True
    if end >= len(text):
        return True if final else None
    if not text[end].isspace():
        return False
    if text[mark] != ".":
        return True
    following = _past_spaces(text, end)
    if following < len(text):
        return _ends(text, end - 1 if text[end - 1] == "." else mark, text[following])
    return True if final or "\n" in text[end:] else None


def _ends(text: str, mark: int, following: str | None) -> bool:
    """Whether the full stop at ``mark`` ends a sentence; ``following``: the next letter."""
    if text[mark] != ".":
        return True
    found = _TOKEN.search(text[:mark])
    written = found.group() if found else ""
    word = written.lower()
    if word in NEVER_LAST or (len(written) == 1 and written.isupper() and written != "I"):
        return False
    if word.isdigit() and not text[: mark - len(word)].strip(" "):
        return False  # numbers the entry of a list
    if following is None:
        return word not in MAYBE_LAST
    if word in MAYBE_LAST:
        return not following.islower() and not (word in {"no", "nr"} and following.isdigit())
    return not following.islower()


def _forced(text: str, size: Size) -> int:
    """Cut a unit that is too long: at its last comma, else its last space, else anywhere."""
    window = text[: size.most]
    for position in range(len(window) - 1, size.least - 1, -1):
        if window[position] in COMMAS | TERMINALS and text[position + 1].isspace():
            return _past_spaces(text, position + 1)
    space = _last_space(window)
    return _past_spaces(text, space + 1) if space >= size.least else size.most


def _last_space(text: str) -> int:
    return next((i for i in range(len(text) - 1, -1, -1) if text[i].isspace()), -1)
