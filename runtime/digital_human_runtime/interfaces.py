"""The seams between the pipeline and the engines; each has one conformance suite in the tests."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from .frames import Check, FaceOptions, FinishReason, Message, Samples, Speech, Weights


class Engine(Protocol):
    """What every engine has: a start that makes it ready, checks, and an end."""

    async def start(self) -> None:
        """Load and warm up; returns once the first answer will be as fast as any other."""

    async def close(self) -> None:
        """End everything that ``start`` began; may be called twice."""

    def check(self) -> Check:
        """How it stands now, without waiting for anything."""


def untold(reason: FinishReason) -> None:
    """For those who do not want to know why an answer is over."""


class LanguageModel(Engine, Protocol):
    """Answers a conversation, piece by piece."""

    @property
    def name(self) -> str:
        """The name that /version and the OpenAI endpoints show."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        finished: Callable[[FinishReason], None] = untold,
    ) -> AsyncGenerator[str]:
        """
        Yield the answer as text; pieces may end inside a word.

        ``finished`` is told, before the generator ends, why there is no more. Closing the generator
        cancels the answer and frees what it held, at once. Raises EngineFault when the model gives
        up, Busy when it has no room.
        """


@runtime_checkable
class CountsTokens(Protocol):
    """What a language model has as well when its tokens are known in this process."""

    async def count(self, messages: Sequence[Message], answer: str) -> tuple[int, int]:
        """Tokens of a conversation as the model reads it, and of its answer."""


class Voice(Engine, Protocol):
    """Speaks a text."""

    @property
    def sample_rate(self) -> int:
        """Of everything that it yields, in hertz."""

    @property
    def voices(self) -> Sequence[str]:
        """Names that ``speak`` takes, as far as they are known by now."""

    def speak(self, text: str, *, voice: str) -> AsyncGenerator[Speech]:
        """
        Yield the sound of ``text`` in pieces, samples and marks counted from its beginning.

        The empty name is the engine's own voice. Closing the generator stops the synthesis. Raises
        EngineFault when it cannot be spoken.
        """


class FaceStream(Protocol):
    """The face of one piece of sound, frame by frame; one stream holds state of its own."""

    async def push(self, samples: Samples) -> Weights:
        """Take sound and return the frames that are settled by now, perhaps none."""

    async def feel(self, emotions: Mapping[str, float], at_sample: int) -> None:
        """Let the face express these emotions from a sample on."""

    async def finish(self) -> Weights:
        """Say that no more sound comes; return the frames that are left, the last one included."""

    async def close(self) -> None:
        """Give up the stream; may be called at any time, and twice."""


class Face(Engine, Protocol):
    """Turns sound into blendshape weights in the order of ``frames.SHAPES``."""

    @property
    def fps(self) -> int:
        """Frames for each second of sound."""

    async def open(self, *, sample_rate: int, options: FaceOptions) -> FaceStream:
        """Begin a stream; n samples of sound give ceil(n * fps / sample_rate) frames in all."""
