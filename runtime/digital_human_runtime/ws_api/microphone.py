"""Spoken questions: what one connection hears, and what turns it into text."""

from __future__ import annotations

from typing import Protocol

from digital_human_runtime.errors import BadInput, TooLarge

SAMPLE_RATE = 16000
LONGEST_SECONDS = 60


class Transcriber(Protocol):
    """Turns speech into text."""

    async def transcribe(self, pcm: bytes) -> str:
        """The text of PCM, 16 bit, mono, 16 kHz; raises EngineFault."""

    async def close(self) -> None:
        """Give up its connections."""


class Microphone:
    """What one connection hears between ``listen: start`` and ``listen: stop``."""

    def __init__(self) -> None:
        self._pcm: bytearray | None = None

    @property
    def listening(self) -> bool:
        """Whether frames belong to something."""
        return self._pcm is not None

    def start(self) -> None:
        """Begin anew."""
        self._pcm = bytearray()

    def hear(self, pcm: bytes) -> None:
        """Take a frame; raises TooLarge after a minute, and listens no more then."""
        if self._pcm is None:
            return  # it was under way when listening ended
        if len(self._pcm) + len(pcm) > LONGEST_SECONDS * SAMPLE_RATE * 2:
            self._pcm = None
            raise TooLarge(f"Speak at most {LONGEST_SECONDS} seconds at once")
        self._pcm += pcm

    def stop(self) -> bytes:
        """What was heard; raises BadInput when nothing was begun."""
        pcm, self._pcm = self._pcm, None
        if pcm is None:
            raise BadInput("listen: stop needs a listen: start before it")
        return bytes(pcm)
