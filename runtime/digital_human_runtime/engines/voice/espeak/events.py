"""What the library reports while it speaks; no part of the library is needed to read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["word", "end", "phoneme"]


@dataclass(frozen=True, slots=True)
class RawEvent:
    """
    What the library says happens at a sample of the utterance.

    ``position`` (from 0) and ``length`` count characters of the text; ``name`` is the mnemonic of
    a phoneme with its stress mark. When exactly a phoneme sounds is decided in ``timing``.
    """

    kind: Kind
    sample: int
    position: int
    length: int
    name: str = ""
