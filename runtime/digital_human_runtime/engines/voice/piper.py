"""
Voices of Piper, through Piper's own HTTP server.

Piper is under the GPL, so it stays in a process of its own; its server keeps the voice loaded,
where its program would load it anew for each text. Start it with
``python -m piper.http_server -m en_US-lessac-medium``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx2

from digital_human_runtime.errors import Busy, EngineFault
from digital_human_runtime.frames import Speech

from .pcm import pieces, until_silent
from .remote import RemoteVoice
from .server import named
from .wav import sound

_CONNECT_SECONDS = 5.0
_OLD_PATH = "/"
"""Where releases before the one with a web page take texts."""


class PiperVoice(RemoteVoice[httpx2.AsyncClient]):
    """
    Speaks through the Piper server at ``url``, such as http://127.0.0.1:5000.

    ``sample_rate`` is what is heard here. A voice of another rate is resampled: Piper's have
    22050 Hz for quality medium and high, 16000 Hz for low. ``answer_seconds`` may pass until a
    clause is spoken. Word times are estimated from the length of words (``Speech.estimated``).
    """

    segment = 600  # all of it is spoken before the server answers

    def __init__(
        self,
        url: str,
        *,
        own: str = "",
        sample_rate: int = 22050,
        speaker: int | None = None,
        answer_seconds: float = 15.0,
        probe_seconds: float = 15.0,
    ) -> None:
        super().__init__(sample_rate=sample_rate, probe_seconds=probe_seconds, own=own)
        self._url, self._server = url.rstrip("/"), named(url)
        self._speaker = speaker
        self._seconds = answer_seconds
        self._voices: tuple[str, ...] = ()
        self._path = "/synthesize"

    @property
    def voices(self) -> Sequence[str]:
        """What the server has, once it was reached."""
        return self._voices

    def _connect(self) -> httpx2.AsyncClient:
        timeout = httpx2.Timeout(self._seconds, connect=_CONNECT_SECONDS)
        return httpx2.AsyncClient(base_url=self._url, timeout=timeout)

    async def _disconnect(self, connection: httpx2.AsyncClient) -> None:
        await connection.aclose()

    async def _part(
        self, connection: httpx2.AsyncClient, text: str, voice: str
    ) -> AsyncGenerator[Speech]:
        try:
            async with self._answer(connection, text, voice) as response:
                self._expect(response)
                pcm = sound(response.aiter_bytes(), self._sample_rate, self._server)
                async with aclosing(pieces(until_silent(pcm, self._seconds), text)) as speech:
                    async for piece in speech:
                        yield piece
        except httpx2.TimeoutException as error:
            late = f"{self._server} did not answer within {self._seconds:g} s"
            raise EngineFault(late) from error
        except httpx2.HTTPError as error:
            raise EngineFault(f"{self._server} cannot be reached, or broke off") from error

    @asynccontextmanager
    async def _answer(
        self, client: httpx2.AsyncClient, text: str, voice: str
    ) -> AsyncGenerator[httpx2.Response]:
        order: dict[str, Any] = {"text": text}
        if voice:
            order["voice"] = voice
        if self._speaker is not None:
            order["speaker_id"] = self._speaker
        async with client.stream("POST", self._path, json=order) as response:
            if response.status_code != httpx2.codes.NOT_FOUND or self._path == _OLD_PATH:
                yield response
                return
        self._path = _OLD_PATH
        async with client.stream("POST", self._path, json=order) as response:
            yield response

    def _expect(self, response: httpx2.Response) -> None:
        if response.status_code in {429, 503}:
            raise Busy(f"{self._server} has too much to do: try again later")
        if response.is_error:
            raise EngineFault(f"{self._server} refused to speak ({response.status_code})")

    async def _ask(self, connection: httpx2.AsyncClient) -> str:
        try:
            response = await connection.get("/voices")
            response.raise_for_status()
            found = response.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise EngineFault(f"{self._server} cannot be reached, or is not Piper") from error
        if not isinstance(found, dict):
            raise EngineFault(f"{self._server} is not Piper")
        self._voices = tuple(sorted(found))
        if not self._voices:
            raise EngineFault(f"{self._server} has no voice")
        return f"{self._server}, {len(self._voices)} voices"
