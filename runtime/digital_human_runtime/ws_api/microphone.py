"""Spoken questions: sound from the microphone becomes text by a transcription server."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import openai

from digital_human_runtime.errors import BadInput, EngineFault, TooLarge
from digital_human_runtime.http_api.wav import wav
from digital_human_runtime.settings.settings import Transcription

SAMPLE_RATE = 16000
LONGEST_SECONDS = 60
TIMEOUT_SECONDS = 30.0


class Transcriber(Protocol):
    """Turns speech into text."""

    async def transcribe(self, pcm: bytes) -> str:
        """The text of PCM, 16 bit, mono, 16 kHz; raises EngineFault."""

    async def close(self) -> None:
        """Give up its connections."""


class OpenAITranscriber:
    """An OpenAI-compatible ``/audio/transcriptions`` endpoint."""

    def __init__(self, server: Transcription) -> None:
        self._model = server.model
        self._client = openai.AsyncOpenAI(
            base_url=server.url,
            api_key=_key(server.api_key_file),
            timeout=TIMEOUT_SECONDS,
            max_retries=2,
        )

    async def transcribe(self, pcm: bytes) -> str:
        """The text of PCM, 16 bit, mono, 16 kHz; raises EngineFault."""
        try:
            found = await self._client.audio.transcriptions.create(
                model=self._model, file=("speech.wav", wav(pcm, SAMPLE_RATE), "audio/wav")
            )
        except openai.OpenAIError as error:
            raise EngineFault(
                "What you said could not be understood now: type it, or try again",
                retry_after=2.0,
            ) from error
        return found.text.strip()

    async def close(self) -> None:
        """Give up its connections."""
        await self._client.close()


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


def _key(path: Path | None) -> str:
    return path.read_text().strip() if path is not None else "none"
