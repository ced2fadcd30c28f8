"""Loads script.toml: small talk, pieces to tell, and how other languages are recognised."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Talk:
    """What people say, and ways to answer it."""

    said: re.Pattern[str]
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Language:
    """A language that is recognised, but not spoken."""

    name: str
    said: re.Pattern[str]
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Script:
    """Everything that the demo brain has by heart."""

    talk: tuple[Talk, ...]
    pieces: tuple[Talk, ...]
    languages: tuple[Language, ...]
    common: frozenset[str]
    """Words that tell nothing about a question."""
    also: dict[str, tuple[str, ...]]
    """Words of the pages for words that people use."""


@cache
def script() -> Script:
    """The script, read once."""
    with Path(__file__).with_name("script.toml").open("rb") as file:
        read = tomllib.load(file)
    return Script(
        tuple(_talk(entry) for entry in read["talk"]),
        tuple(_talk(entry) for entry in read["pieces"]),
        tuple(
            Language(entry["name"], _any(entry["said"]), frozenset(entry["words"].split()))
            for entry in read["languages"]
        ),
        frozenset(read["words"]["common"].split()),
        {word: tuple(also) for word, also in read["words"]["also"].items()},
    )


def _talk(entry: dict[str, list[str]]) -> Talk:
    return Talk(_any(entry["said"]), tuple(entry["answers"]))


def _any(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns))
