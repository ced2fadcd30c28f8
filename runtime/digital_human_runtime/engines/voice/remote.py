"""What the voices of servers have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Generic, TypeVar

from digital_human_runtime.errors import BadInput, Unavailable
from digital_human_runtime.frames import Check, Speech

from .probe import Probe
from .whole import spoken

Connection = TypeVar("Connection")


class RemoteVoice(ABC, Generic[Connection]):
    """
    Connects at the start, asks now and then how the server is, and speaks text by text.

    A server that is not there at the start may come later. The empty name of a voice is ``own``
    where the server has it, or has not said yet what it has; else the one that it prefers.
    """

    segment: int
    """Characters that the server is given at a time."""

    def __init__(self, *, sample_rate: int, probe_seconds: float, own: str = "") -> None:
        self._sample_rate = sample_rate
        self._own = own
        self._connection: Connection | None = None
        self._probe = Probe(self._asked, interval=probe_seconds)

    @property
    def sample_rate(self) -> int:
        """As configured, in hertz."""
        return self._sample_rate

    @property
    @abstractmethod
    def voices(self) -> Sequence[str]:
        """Names that ``speak`` takes; none while they are not known, then it takes any."""

    async def start(self) -> None:
        """Connect; a server that is not there yet is asked again later."""
        if self._connection is None:
            self._connection = self._connect()
        await self._probe.start()

    async def close(self) -> None:
        """Close every connection."""
        connection, self._connection = self._connection, None
        await self._probe.close()
        if connection is not None:
            await self._disconnect(connection)

    def check(self) -> Check:
        """How the server stood when it was asked last."""
        return self._probe.check()

    async def speak(self, text: str, *, voice: str) -> AsyncGenerator[Speech]:
        """Yield the sound as it comes; closing the generator ends the call."""
        connection, voices = self._started(), self.voices
        if voice and voices and voice not in voices:
            raise BadInput(f"voice: {voice!r} is none of {', '.join(voices)}")
        if not voice and (self._own in voices or not voices):
            voice = self._own
        async with aclosing(
            spoken(text, lambda part: self._part(connection, part, voice), segment=self.segment)
        ) as speech:
            async for piece in speech:
                yield piece

    def _started(self) -> Connection:
        if self._connection is None:
            raise Unavailable("the voice is not started")
        return self._connection

    async def _asked(self) -> str:
        return await self._ask(self._started())

    @abstractmethod
    def _connect(self) -> Connection:
        """Make what calls are made on; Unavailable when that cannot be."""

    @abstractmethod
    async def _disconnect(self, connection: Connection) -> None:
        """Close it."""

    @abstractmethod
    def _part(self, connection: Connection, text: str, voice: str) -> AsyncGenerator[Speech]:
        """Speak at most ``segment`` characters."""

    @abstractmethod
    async def _ask(self, connection: Connection) -> str:
        """Say in a few words what the server is; a RuntimeFault when it is not well."""
