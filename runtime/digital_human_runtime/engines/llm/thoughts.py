"""Keeps what a reasoning model thinks between <think> and </think> from being spoken."""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class Spoken:
    """
    Takes an answer piece by piece and gives back what is meant to be heard.

    Tags may be cut anywhere; a thought that never ends is never heard.
    """

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False
        self._begun = False

    def feed(self, piece: str) -> str:
        """The text that can be spoken by now, perhaps none."""
        self._held += piece
        heard = ""
        while True:
            tag = _CLOSE if self._thinking else _OPEN
            before, found, after = self._held.partition(tag)
            if not found:
                return self._trimmed(heard + self._settled(tag))
            heard += "" if self._thinking else before
            self._held, self._thinking = after, not self._thinking

    def end(self) -> str:
        """What is left once no more pieces come."""
        rest = "" if self._thinking else self._held
        self._held = ""
        return self._trimmed(rest)

    def _settled(self, tag: str) -> str:
        """Take what cannot be the beginning of a tag any more."""
        kept = next(
            (size for size in range(len(tag) - 1, 0, -1) if self._held.endswith(tag[:size])), 0
        )
        settled = self._held[: len(self._held) - kept]
        self._held = self._held[len(self._held) - kept :]
        return "" if self._thinking else settled

    def _trimmed(self, text: str) -> str:
        """Without the empty lines between a thought and the answer."""
        if not self._begun:
            text = text.lstrip()
            self._begun = bool(text)
        return text
