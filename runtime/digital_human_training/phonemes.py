"""From mnemonics of eSpeak NG, in any language, to articulations."""

from __future__ import annotations

from dataclasses import dataclass

PAUSE = "_"
_CONSONANTS = {
    **dict.fromkeys("pbm", "p"),
    **dict.fromkeys("fvFBP", "f"),
    **dict.fromkeys("TD", "T"),
    **dict.fromkeys("td", "t"),
    **dict.fromkeys("sz", "s"),
    "n": "n",
    **dict.fromkeys("kgNxXGqcCQ", "k"),
    **dict.fromkeys("SZ", "S"),
    **dict.fromkeys("lL", "l"),
    **dict.fromkeys("rR*", "r"),
    **dict.fromkeys("hH?", "h"),
    **dict.fromkeys("jJ;", "j"),
    **dict.fromkeys("wW", "w"),
}
_VOWELS = {
    **dict.fromkeys("aA&", "a"),
    **dict.fromkeys("V", "V"),
    **dict.fromkeys("eE", "E"),
    **dict.fromkeys("@8", "@"),
    **dict.fromkeys("3", "3"),
    **dict.fromkeys("iI", "I"),
    **dict.fromkeys("oO0", "O"),
    **dict.fromkeys("uUyY", "U"),
}
_AFFRICATES = {"tS": "S", "dZ": "S", "ts": "s", "dz": "s", "pf": "f"}
_FIRST_OF_TWO = 0.6
"""Share of a diphthong that its first vowel takes."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time with one articulation; None is a pause. Times in seconds."""

    articulation: str | None
    first: float
    last: float


def is_vowel(symbol: str) -> bool:
    """Whether the phoneme is a vowel or a diphthong."""
    return symbol[:1] in _VOWELS


def is_bilabial(symbol: str) -> bool:
    """Whether the lips must close: p, b and m of any language."""
    return symbol.startswith(("p", "b", "m")) and symbol[:2] not in _AFFRICATES


def segments(symbol: str, first: float, last: float) -> list[Segment]:
    """The articulations of a phoneme; what is not known counts as a schwa."""
    if symbol.startswith(PAUSE):
        return [Segment(None, first, last)]
    if symbol[:2] in _AFFRICATES:
        return [Segment(_AFFRICATES[symbol[:2]], first, last)]
    if not is_vowel(symbol):
        return [Segment(_CONSONANTS.get(symbol[:1], "@"), first, last)]
    vowels = [_VOWELS[letter] for letter in symbol if letter in _VOWELS]
    if len(vowels) == 1 or vowels[0] == vowels[1]:
        return [Segment(vowels[0], first, last)]
    middle = first + (last - first) * _FIRST_OF_TWO
    return [Segment(vowels[0], first, middle), Segment(vowels[1], middle, last)]
