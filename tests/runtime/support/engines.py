"""A scripted language model, a voice of tones with word times, a face that follows loudness."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from digital_human_runtime.errors import BadInput
from digital_human_runtime.frames import (
    SHAPE_INDEX,
    SHAPES,
    Check,
    FaceOptions,
    FinishReason,
    Message,
    Samples,
    Speech,
    Weights,
    Word,
    frame_sample,
)
from digital_human_runtime.interfaces import FaceStream, LanguageModel, untold
from digital_human_runtime.pipeline import Engines

LETTER_SECONDS = 0.05


@dataclass
class Opened:
    """Counts what is open now: generators and streams."""

    open: int = 0
    ever: int = 0

    def __enter__(self) -> None:
        self.open += 1
        self.ever += 1

    def __exit__(self, *error: object) -> None:
        self.open -= 1


class Ready:
    """An engine that needs no start."""

    async def start(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    def check(self) -> Check:
        """Always well."""
        return Check(type(self).__name__, ok=True)


@dataclass
class ScriptedModel(Ready):
    """Answers with ``answer`` (or what it makes of the messages), piece by piece."""

    answer: str | Callable[[Sequence[Message]], str] = "Hello there, how are you today? I am well."
    piece: int = 4
    first_seconds: float = 0.0
    piece_seconds: float = 0.0
    fail_after: int | None = None
    """Pieces after which it raises ``fault``."""
    fault: Exception = field(default_factory=lambda: RuntimeError("broken"))
    finish: FinishReason = "stop"
    asked: list[tuple[Message, ...]] = field(default_factory=list)
    streams: Opened = field(default_factory=Opened)
    name: str = "scripted"

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        finished: Callable[[FinishReason], None] = untold,
    ) -> AsyncGenerator[str]:
        """Yield the answer in pieces."""
        self.asked.append(tuple(messages))
        text = self.answer if isinstance(self.answer, str) else self.answer(messages)
        with self.streams:
            await asyncio.sleep(self.first_seconds)
            for index, start in enumerate(range(0, len(text), self.piece)):
                if self.fail_after is not None and index >= self.fail_after:
                    raise self.fault
                yield text[start : start + self.piece]
                await asyncio.sleep(self.piece_seconds)
        finished(self.finish)


@dataclass
class ToneVoice(Ready):
    """Speaks each letter as a tone of its own; a word sounds as long as its letters."""

    sample_rate: int = 16_000
    piece_seconds: float = 0.1
    wait_seconds: float = 0.0
    """Before each piece."""
    tell_words: bool = True
    fail_on: str | None = None
    fault: Exception = field(default_factory=lambda: RuntimeError("broken"))
    exact_samples: int | None = None
    """Speaks so many samples whatever the text."""
    spoken: list[str] = field(default_factory=list)
    streams: Opened = field(default_factory=Opened)
    voices: Sequence[str] = ("tone",)
    strangers: Sequence[str] = ("nobody",)
    """Names that it refuses, as a real voice refuses those it does not know."""

    async def speak(self, text: str, *, voice: str) -> AsyncGenerator[Speech]:
        """Yield the sound in pieces."""
        if voice in self.strangers:
            raise BadInput(f"voice: there is no {voice}")
        self.spoken.append(text)
        samples, words = self.sound(text)
        step = max(1, int(self.piece_seconds * self.sample_rate))
        with self.streams:
            for start in range(0, len(samples), step):
                await asyncio.sleep(self.wait_seconds)
                if self.fail_on is not None and self.fail_on in text:
                    raise self.fault
                end = start + step
                now = tuple(w for w in words if start <= w.first_sample < end)
                yield Speech(samples[start:end], now if self.tell_words else ())

    def sound(self, text: str) -> tuple[Samples, tuple[Word, ...]]:
        """All of the sound of a text, and when its words sound."""
        letter = int(LETTER_SECONDS * self.sample_rate)
        length = self.exact_samples if self.exact_samples is not None else len(text) * letter
        time = np.arange(length)
        tone = np.array([ord(c) if c.isalnum() else 0 for c in text]).repeat(letter)
        tone = np.resize(tone, length)
        wave = np.where(tone > 0, 9000 * np.sin(time * tone * 0.006) + 1000, 0)
        words = tuple(
            Word(m.start(), m.end(), min(m.start() * letter, length), min(m.end() * letter, length))
            for m in re.finditer(r"\S+", text)
        )
        return wave.astype(np.int16), words


@dataclass
class EnergyFace(Ready):
    """Opens the jaw with the loudness of the sound, ``ahead_seconds`` of which it must hear."""

    fps: int = 30
    ahead_seconds: float = 0.1
    wait_seconds: float = 0.0
    fail_at: int | None = None
    """Sample of its stream at which ``push`` raises, or with ``hang`` never returns."""
    hang: bool = False
    fail_open: bool = False
    mark: float = 0.0
    """Put into browInnerUp, to tell two faces apart."""
    streams: Opened = field(default_factory=Opened)

    async def open(self, *, sample_rate: int, options: FaceOptions) -> FaceStream:
        """Begin a stream."""
        if self.fail_open:
            raise ConnectionError("no face")
        self.streams.__enter__()
        return EnergyStream(self, sample_rate)


class EnergyStream:
    """One stream of an EnergyFace."""

    def __init__(self, face: EnergyFace, sample_rate: int) -> None:
        self._face = face
        self._rate = sample_rate
        self._sound: Samples = np.zeros(0, np.int16)
        self._frames = 0
        self._closed = False

    async def push(self, samples: Samples) -> Weights:
        """Take sound."""
        face = self._face
        await asyncio.sleep(face.wait_seconds)
        self._sound = np.concatenate((self._sound, samples))
        if face.fail_at is not None and len(self._sound) >= face.fail_at:
            if face.hang:
                await asyncio.Event().wait()
            raise ConnectionError("the face is gone")
        settled = len(self._sound) - int(face.ahead_seconds * self._rate)
        return self._until(max(0, settled * face.fps // self._rate))

    async def feel(self, emotions: Mapping[str, float], at_sample: int) -> None:
        """It has no feelings."""

    async def finish(self) -> Weights:
        """All frames that are left."""
        return self._until(math.ceil(len(self._sound) * self._face.fps / self._rate))

    async def close(self) -> None:
        """Give up."""
        if not self._closed:
            self._closed = True
            self._face.streams.__exit__()

    def _until(self, end: int) -> Weights:
        count = max(0, end - self._frames)
        weights = np.zeros((count, len(SHAPES)), np.float32)
        for row in range(count):
            start = frame_sample(self._frames + row, self._rate, self._face.fps)
            heard = self._sound[start : start + self._rate // self._face.fps].astype(np.float32)
            loud = float(np.abs(heard).mean()) / 9000 if len(heard) else 0.0
            weights[row, SHAPE_INDEX["jawOpen"]] = min(1.0, loud)
        weights[:, SHAPE_INDEX["browInnerUp"]] = self._face.mark
        self._frames += count
        return weights


def engines(
    model: LanguageModel | None = None,
    voice: ToneVoice | None = None,
    face: EnergyFace | None = None,
    fallback: EnergyFace | None = None,
) -> Engines:
    """The three of them."""
    return Engines(model or ScriptedModel(), voice or ToneVoice(), face or EnergyFace(), fallback)
