"""A voice behind OpenAI's HTTP API: a cloud, or a server of one's own that speaks it."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path

import httpx2
import openai
from openai import AsyncOpenAI

from digital_human_runtime.engines.key import key_in
from digital_human_runtime.errors import Busy, EngineFault, RuntimeFault
from digital_human_runtime.frames import Speech

from .pcm import pieces, until_silent
from .remote import RemoteVoice
from .server import named

_CONNECT_SECONDS = 5.0
_RATE = re.compile(r";\s*rate=(\d+)")
_TEXTUAL = ("text/", "application/json", "application/problem+json")
_CONTAINERS = (b"RIFF", b"ID3", b"OggS", b"fLaC")
_SENTENCES: dict[type[Exception], str] = {  # the narrower kinds come first
    openai.AuthenticationError: "refuses the API key: check the key file",
    openai.PermissionDeniedError: "refuses the API key: check the key file",
    openai.NotFoundError: "knows no speech under this URL, or no model {model}",
    openai.APIStatusError: "refused to speak ({status})",
    openai.APITimeoutError: "did not answer within {seconds} s",
    httpx2.TimeoutException: "did not answer within {seconds} s",
    openai.APIConnectionError: "cannot be reached",
}


class HttpVoice(RemoteVoice[AsyncOpenAI]):
    """
    Streams PCM from ``url`` (which ends with /v1), model ``model``.

    ``sample_rate`` is what the server sends: bare PCM does not say, OpenAI's is 24000 Hz. Such a
    server tells no word times: they are estimated from the length of words, and come at the end
    (``Speech.estimated``). The key is read from ``api_key_file`` before each request.
    ``piece_seconds`` may pass before the first sound and between two pieces of it.
    """

    segment = 4096

    def __init__(
        self,
        url: str,
        model: str,
        *,
        voices: Sequence[str] = ("alloy",),
        api_key_file: Path | None = None,
        sample_rate: int = 24000,
        piece_seconds: float = 15.0,
        probe_seconds: float = 15.0,
    ) -> None:
        super().__init__(sample_rate=sample_rate, probe_seconds=probe_seconds)
        self._url, self._model, self._key_file = url, model, api_key_file
        self._server = named(url)
        self._voices = tuple(voices)
        self._seconds = piece_seconds

    @property
    def voices(self) -> Sequence[str]:
        """As configured: such a server does not list them."""
        return self._voices

    def _connect(self) -> AsyncOpenAI:
        return AsyncOpenAI(
            base_url=self._url,
            api_key=self._key,
            max_retries=0,  # a clause that is late is worse than one that failed
            timeout=openai.Timeout(self._seconds, connect=_CONNECT_SECONDS),
        )

    async def _disconnect(self, connection: AsyncOpenAI) -> None:
        await connection.close()

    async def _part(self, connection: AsyncOpenAI, text: str, voice: str) -> AsyncGenerator[Speech]:
        try:
            async with connection.audio.speech.with_streaming_response.create(
                input=text,
                model=self._model,
                voice=voice or self._voices[0],
                response_format="pcm",
            ) as response:
                self._expect_sound(response.headers.get("content-type", ""))
                chunks = until_silent(self._pure(response.iter_bytes()), self._seconds)
                async with aclosing(pieces(chunks, text)) as speech:
                    async for piece in speech:
                        yield piece
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            raise self._fault(error) from error

    async def _pure(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """Refuse what is a file of sound: its header would be heard as noise."""
        first = True
        async for chunk in chunks:
            if first and chunk.startswith(_CONTAINERS):
                raise EngineFault(
                    f"{self._server} sends a sound file, not the PCM it was asked for"
                )
            first = False
            yield chunk

    def _expect_sound(self, kind: str) -> None:
        if kind.startswith(_TEXTUAL):
            raise EngineFault(f"{self._server} answered with text instead of sound")
        rate = _RATE.search(kind)
        if rate is not None and int(rate[1]) != self._sample_rate:
            raise EngineFault(
                f"{self._server} speaks at {rate[1]} Hz; configured are {self._sample_rate} Hz"
            )

    def _fault(self, error: Exception) -> RuntimeFault:
        if isinstance(error, openai.RateLimitError):
            return Busy(f"{self._server} has too much to do: try again later")
        fitting = (said for kind, said in _SENTENCES.items() if isinstance(error, kind))
        sentence = next(fitting, "broke off while it spoke")
        status = error.status_code if isinstance(error, openai.APIStatusError) else ""
        said = sentence.format(model=self._model, status=status, seconds=f"{self._seconds:g}")
        return EngineFault(f"{self._server} {said}")

    async def _key(self) -> str:
        return key_in(self._key_file, "voice server") or "none"

    async def _ask(self, connection: AsyncOpenAI) -> str:
        try:
            await connection.models.with_raw_response.list()
        except openai.NotFoundError:
            pass  # a server that only speaks lists no models
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            raise self._fault(error) from error
        return self._server
