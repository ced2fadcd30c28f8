"""Who speaks in the training, and who is kept for the gates alone."""

from __future__ import annotations

LANGUAGES: tuple[str, ...] = (
    *("en-us", "en-us", "en-us", "en-gb", "en-gb-scotland", "en-us-nyc"),
    *("de", "fr-fr", "es", "it", "pt", "pl"),
)
"""Of the training; English counts more, it is what the gates are spoken in."""

TRAIN_FORMANT: tuple[str, ...] = (
    *("", "f1", "f2", "f3", "f5", "m1", "m2", "m4", "m5", "m6", "m8"),
    *("Alex", "Alicia", "Andy", "Annie", "Gene", "Hugo", "Jacky", "Mario", "Michael", "Storm"),
    *("anika", "aunty", "belinda", "boris", "ed", "grandma", "ian", "john", "linda", "max"),
    *("michel", "norbert", "paul", "quincy", "rob", "sandro", "shelby", "steph", "travis"),
    *("victor", "zac", "whisper"),
)
TRAIN_KLATT: tuple[str, ...] = (
    *("klatt", "klatt3", "klatt5", "adam", "benjamin", "edward", "Reed", "robosoft"),
)
HELD_OUT_FORMANT: tuple[str, ...] = (
    *("f4", "m3", "m7", "Andrea", "Denis", "Lee", "iven", "robert", "marcelo", "pablo"),
)
HELD_OUT_KLATT: tuple[str, ...] = ("klatt2", "klatt4", "klatt6", "david", "caleb", "announcer")
KLATT_SHARE = 0.5
"""Of the training: fewer speakers, but the harder family."""


def spoken(language: str, variant: str) -> str:
    """The name of a voice, such as ``en-us+f3``."""
    return f"{language}+{variant}" if variant else language
