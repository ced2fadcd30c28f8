"""What of a text a voice is given."""

from __future__ import annotations

import unicodedata


def speakable(text: str) -> str:
    """
    ``text`` with characters that a program would obey instead of read replaced by spaces.

    Control characters switch settings of eSpeak NG, a NUL ends its text, lone surrogates have no
    UTF-8; ends of lines stay, they are pauses. The length stays too, so that offsets into the
    result are offsets into ``text``.
    """
    return "".join(" " if _obeyed(character) else character for character in text)


def _obeyed(character: str) -> bool:
    return character != "\n" and unicodedata.category(character) in {"Cc", "Cs"}


def pronounceable(text: str) -> bool:
    """Whether anything in it sounds: a letter, a digit, a symbol; not marks and spaces alone."""
    return any(unicodedata.category(character)[0] not in "PZC" for character in text)
