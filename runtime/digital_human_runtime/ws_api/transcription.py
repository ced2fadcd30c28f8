"""Speech into text by an OpenAI-compatible server. Importing this takes a second."""

from __future__ import annotations

import openai

from digital_human_runtime.engines.key import key_in
from digital_human_runtime.errors import EngineFault
from digital_human_runtime.http_api.wav import wav
from digital_human_runtime.settings.settings import Transcription

from .microphone import SAMPLE_RATE

TIMEOUT_SECONDS = 30.0


class OpenAITranscriber:
    """An OpenAI-compatible ``/audio/transcriptions`` endpoint."""

    def __init__(self, server: Transcription) -> None:
        self._model = server.model
        self._key_file = server.api_key_file
        self._client = openai.AsyncOpenAI(
            base_url=server.url,
            api_key=self._key,
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

    async def _key(self) -> str:
        """As it is now: a mounted Secret changes while we run. The client demands one."""
        return key_in(self._key_file, "transcription server") or "none"
