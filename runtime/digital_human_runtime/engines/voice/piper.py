"""
Voices of Piper, through Piper's own HTTP server.

Piper is under the GPL, so it stays in a process of its own; its server keeps the voice loaded,
where its program would load it anew for each text. Start it with
``python -m piper.http_server -m en_US-lessac-medium``.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx2

from digital_human_runtime.errors import Busy, EngineFault
from digital_human_runtime.frames import Speech

from .pcm import pieces, until_silent
from .remote import RemoteVoice
from .server import named

_CONNECT_SECONDS = 5.0
_OLD_PATH = "/"
"""Where releases before the one with a web page take texts."""
_RIFF = struct.Struct("<4sI4s")
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")


class PiperVoice(RemoteVoice[httpx2.AsyncClient]):
    """
    Speaks through the Piper server at ``url``, such as http://127.0.0.1:5000.

    ``sample_rate`` is that of the voice: 22050 Hz for quality medium and high, 16000 Hz for low.
    Voices of another rate are not offered. ``answer_seconds`` may pass until a clause is spoken.
    Word times are estimated from the length of words (``Speech.estimated``).
    """

    segment = 600  # all of it is spoken before the server answers

    def __init__(
        self,
        url: str,
        *,
        sample_rate: int = 22050,
        speaker: int | None = None,
        answer_seconds: float = 15.0,
        probe_seconds: float = 15.0,
    ) -> None:
        super().__init__(sample_rate=sample_rate, probe_seconds=probe_seconds)
        self._url, self._server = url.rstrip("/"), named(url)
        self._speaker = speaker
        self._seconds = answer_seconds
        self._voices: tuple[str, ...] = ()
        self._path = "/synthesize"

    @property
    def voices(self) -> Sequence[str]:
        """What the server has at our sample rate, once it was reached."""
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
                sound = _Wav(self._server, self._sample_rate).sound(response.aiter_bytes())
                async with aclosing(pieces(until_silent(sound, self._seconds), text)) as speech:
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
        self._voices = tuple(sorted(name for name in found if self._fits(found[name])))
        if not self._voices:
            raise EngineFault(f"{self._server} has no voice of {self._sample_rate} Hz")
        return f"{self._server}, {len(self._voices)} voices"

    def _fits(self, config: Mapping[str, Any]) -> bool:
        rate = config.get("audio", {}).get("sample_rate")
        return rate is None or rate == self._sample_rate


class _Wav:
    """Takes the PCM out of a WAV file while it comes."""

    def __init__(self, server: str, sample_rate: int) -> None:
        self._server, self._sample_rate = server, sample_rate

    async def sound(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """Yield what the data chunk holds; EngineFault when it is another kind of file."""
        head = b""
        left: int | None = None
        async for chunk in chunks:
            fresh = chunk
            if left is None:
                head += chunk
                found = self._data(head)
                if found is None:
                    continue
                start, left = found
                fresh = head[start:]
            yield fresh[:left]
            left -= min(left, len(fresh))

    def _data(self, head: bytes) -> tuple[int, int] | None:
        """Where the sound begins and how long it is; None when more is needed to know."""
        if len(head) < _RIFF.size:
            return None
        riff, _, wave = _RIFF.unpack_from(head)
        if (riff, wave) != (b"RIFF", b"WAVE"):
            raise EngineFault(f"{self._server} answered with something that is no WAV file")
        at = _RIFF.size
        while at + _CHUNK.size <= len(head):
            name, size = _CHUNK.unpack_from(head, at)
            at += _CHUNK.size
            if name == b"data":
                return at, size
            if name == b"fmt " and at + _FORMAT.size <= len(head):
                self._expect_format(head, at)
            at += size + size % 2
        return None

    def _expect_format(self, head: bytes, at: int) -> None:
        _, channels, rate, _, _, bits = _FORMAT.unpack_from(head, at)
        if (channels, rate, bits) != (1, self._sample_rate, 16):
            raise EngineFault(
                f"{self._server} speaks at {rate} Hz with {channels} channels of {bits} bit; "
                f"configured are {self._sample_rate} Hz, 1 of 16"
            )
