"""
What the runtime and a worker say to each other through pipes.

A frame is a kind (one byte), the number of an utterance (4 bytes), a length (4 bytes, all
little-endian) and that many bytes. Sound is PCM as it is; everything else is JSON.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any, Self

from digital_human_runtime.frames import Phoneme, Word

HEADER = struct.Struct("<BII")
LONGEST = 1 << 20
"""Bytes of one frame; more means that the other side talks something else."""


class Kind(IntEnum):
    """What a frame is."""

    SPEAK = 1
    """To the worker: an ``Order``."""
    CANCEL = 2
    """To the worker: stop that utterance, which is then DONE."""
    READY = 3
    """From the worker, once: a ``Greeting``."""
    SOUND = 4
    MARKS = 5
    """Words and phonemes of a clause, before the sound that its end is in."""
    DONE = 6
    """The last frame of an utterance."""
    FAILED = 7
    """The last frame of an utterance, with a sentence."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message."""

    kind: Kind
    utterance: int
    payload: bytes = b""

    def encode(self) -> bytes:
        """The bytes that go through the pipe."""
        return HEADER.pack(self.kind, self.utterance, len(self.payload)) + self.payload


@dataclass(frozen=True, slots=True)
class Header:
    """The head of a frame whose payload is still to be read."""

    kind: Kind
    utterance: int
    length: int

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Raises ValueError for bytes that no frame begins with."""
        kind, utterance, length = HEADER.unpack(raw)
        if length > LONGEST:
            raise ValueError(f"a frame of {length} bytes is too long")
        return cls(Kind(kind), utterance, length)


@dataclass(frozen=True, slots=True)
class Manner:
    """
    How a voice speaks: ``rate`` in words a minute (80 to 450), ``pitch`` and ``pitch_range`` 0
    to 100, ``volume`` 0 to 200, ``word_gap`` in tens of milliseconds.
    """

    rate: int = 175
    pitch: int = 50
    pitch_range: int = 50
    volume: int = 100
    word_gap: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """A text to speak, without control characters; ``voice`` as the library knows it."""

    text: str
    voice: str
    manner: Manner

    def encode(self) -> bytes:
        """As JSON, in ASCII."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """The opposite of ``encode``."""
        data = json.loads(raw)
        return cls(data["text"], data["voice"], Manner(**data["manner"]))


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a worker can do."""

    version: str
    sample_rate: int
    languages: dict[str, str]
    variants: list[str]

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """The opposite of ``encode``."""
        return cls(**json.loads(raw))


@dataclass(frozen=True, slots=True)
class Marks:
    """Words and phonemes, counted from the beginning of the utterance."""

    words: tuple[Word, ...]
    phonemes: tuple[Phoneme, ...]

    def encode(self) -> bytes:
        """As JSON lists, in the order of the fields."""
        return json.dumps([_rows(self.words), _rows(self.phonemes)]).encode()

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """The opposite of ``encode``."""
        words, phonemes = json.loads(raw)
        return cls(tuple(Word(*row) for row in words), tuple(Phoneme(*row) for row in phonemes))


def _rows(marks: tuple[Word, ...] | tuple[Phoneme, ...]) -> list[list[Any]]:
    return [list(asdict(mark).values()) for mark in marks]
