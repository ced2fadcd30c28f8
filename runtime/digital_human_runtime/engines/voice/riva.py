"""
Voices of NVIDIA Riva, and of the speech NIMs that talk its protocol.

The message types are NVIDIA's own, from ``nvidia-riva-client``. Its metadata excludes versions
that the runtime needs, of libraries that only other parts of it use; so it is no extra. The images
have it; elsewhere it is installed by hand: ``pip install --no-deps nvidia-riva-client``.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from digital_human_runtime.engines.key import key_in
from digital_human_runtime.errors import Busy, EngineFault, RuntimeFault, Unavailable
from digital_human_runtime.frames import Speech, Word

from .pcm import pieces, until_silent
from .remote import RemoteVoice

_SERVICE = "/nvidia.riva.tts.RivaSpeechSynthesis"
_LINEAR_PCM = 1
_SENTENCES = {
    grpc.StatusCode.UNAVAILABLE: "cannot be reached",
    grpc.StatusCode.DEADLINE_EXCEEDED: "did not answer in time",
    grpc.StatusCode.UNAUTHENTICATED: "refuses the API key: check the key file",
    grpc.StatusCode.PERMISSION_DENIED: "refuses the API key: check the key file",
    grpc.StatusCode.UNIMPLEMENTED: "does not speak: is it another service of Riva?",
    grpc.StatusCode.INVALID_ARGUMENT: "refuses this text, voice or language",
}


class RivaVoice(RemoteVoice[grpc.aio.Channel]):
    """
    Speaks through the Riva server at ``target`` (host:port), in ``language``: as the server writes
    it, or without a country (``en`` for its ``en-US``).

    ``tls`` encrypts, verified by ``root_certificates`` or the system's. The key in ``api_key_file``
    is sent as a bearer, ``metadata`` with each call (hosted NIMs want a function-id). With
    ``word_times`` the server is asked for the times of words, which only some models tell;
    without, they are estimated (``Speech.estimated``). ``piece_seconds`` may pass before the first
    sound and between two pieces of it.
    """

    segment = 400

    def __init__(
        self,
        target: str,
        *,
        language: str = "en-US",
        own: str = "",
        sample_rate: int = 22050,
        voices: Sequence[str] = (),
        word_times: bool = False,
        tls: bool = False,
        root_certificates: Path | None = None,
        api_key_file: Path | None = None,
        metadata: Mapping[str, str] | None = None,
        piece_seconds: float = 15.0,
        probe_seconds: float = 15.0,
    ) -> None:
        super().__init__(sample_rate=sample_rate, probe_seconds=probe_seconds, own=own)
        self._target, self._wanted = target, language
        self._language = language
        """As the server writes it, once it has said so."""
        self._server = f"the Riva server at {target}"
        self._voices = tuple(voices)
        self._listed: tuple[str, ...] = ()
        self._word_times = word_times
        self._tls, self._roots = tls, root_certificates
        self._key_file, self._metadata = api_key_file, dict(metadata or {})
        self._seconds = piece_seconds
        self._types: Any = None

    @property
    def voices(self) -> Sequence[str]:
        """As configured, else what the server lists for our language."""
        return self._voices or self._listed

    def _connect(self) -> grpc.aio.Channel:
        try:
            self._types = importlib.import_module("riva.client.proto.riva_tts_pb2")
        except ImportError as error:
            raise Unavailable(
                "the voice riva needs NVIDIA's message types: "
                "pip install --no-deps nvidia-riva-client"
            ) from error
        if not self._tls:
            return grpc.aio.insecure_channel(self._target)
        roots = self._roots.read_bytes() if self._roots else None
        return grpc.aio.secure_channel(self._target, grpc.ssl_channel_credentials(roots))

    async def _disconnect(self, connection: grpc.aio.Channel) -> None:
        await connection.close()

    async def _part(
        self, connection: grpc.aio.Channel, text: str, voice: str
    ) -> AsyncGenerator[Speech]:
        call = connection.unary_stream(
            f"{_SERVICE}/SynthesizeOnline",
            request_serializer=self._types.SynthesizeSpeechRequest.SerializeToString,
            response_deserializer=self._types.SynthesizeSpeechResponse.FromString,
        )(self._request(text, voice), metadata=self._headers())
        timings: list[Any] = []
        length = 0
        try:
            sound = until_silent(_audio(call, timings), self._seconds)
            async with aclosing(pieces(sound, text)) as speech:
                async for piece in speech:
                    length += len(piece.samples)
                    if piece.estimated:
                        words = _told(timings, text, self._sample_rate, length)
                        yield Speech(piece.samples, words) if words else piece
                    else:
                        yield piece
        except grpc.aio.AioRpcError as error:
            raise self._fault(error) from error
        finally:
            call.cancel()

    def _request(self, text: str, voice: str) -> Any:
        return self._types.SynthesizeSpeechRequest(
            text=text,
            language_code=self._language,
            encoding=_LINEAR_PCM,
            sample_rate_hz=self._sample_rate,
            voice_name=voice,
            enable_word_time_offsets=self._word_times,
        )

    def _headers(self) -> list[tuple[str, str]]:
        headers = list(self._metadata.items())
        if key := key_in(self._key_file, "voice server"):
            headers.append(("authorization", f"Bearer {key}"))
        return headers

    def _fault(self, error: grpc.aio.AioRpcError) -> RuntimeFault:
        if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
            return Busy(f"{self._server} has too much to do: try again later")
        said = _SENTENCES.get(error.code(), f"gave up ({error.code().name})")
        return EngineFault(f"{self._server} {said}")

    async def _ask(self, connection: grpc.aio.Channel) -> str:
        ask = connection.unary_unary(
            f"{_SERVICE}/GetRivaSynthesisConfig",
            request_serializer=self._types.RivaSynthesisConfigRequest.SerializeToString,
            response_deserializer=self._types.RivaSynthesisConfigResponse.FromString,
        )
        try:
            answer = await ask(self._types.RivaSynthesisConfigRequest(), metadata=self._headers())
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise self._fault(error) from error
        else:
            models = [dict(model.parameters) for model in answer.model_config]
            self._language = _written(models, self._wanted)
            self._listed = tuple(_names(models, self._language))
        return self._server


def _written(models: Sequence[Mapping[str, str]], wanted: str) -> str:
    """How the server writes a language; it knows no ``en``, only such as ``en-US``."""
    known = [code for model in models for code in _languages(model)]
    same = [code for code in known if code.lower() == wanted.lower()]
    near = [code for code in known if code.lower().partition("-")[0] == wanted.lower()]
    return next(iter([*same, *near]), wanted)


def _languages(model: Mapping[str, str]) -> list[str]:
    return [code.strip() for code in model.get("language_code", "").split(",") if code.strip()]


def _names(models: Sequence[Mapping[str, str]], language: str) -> list[str]:
    """Voices of a language: ``English-US`` with the subvoice ``Female-1:0`` is two of them."""
    found: list[str] = []
    for model in models:
        if language not in _languages(model):
            continue
        voice = model.get("voice_name", "")
        subvoices = [part.partition(":")[0] for part in model.get("subvoices", "").split(",")]
        found += [voice] if voice else []
        found += [f"{voice}.{subvoice}" for subvoice in subvoices if voice and subvoice]
    return found


async def _audio(call: AsyncIterator[Any], timings: list[Any]) -> AsyncGenerator[bytes]:
    async for answer in call:
        timings.extend(answer.meta.words)
        yield answer.audio


def _told(timings: Sequence[Any], text: str, rate: int, length: int) -> tuple[Word, ...]:
    """The words whose times, in milliseconds, the server told; none when they make no sense."""
    words: list[Word] = []
    at = 0
    for timing in timings:
        start = text.find(timing.word, at)
        first, last = (ms * rate // 1000 for ms in (timing.start_time, timing.end_time))
        before = words[-1].last_sample if words else 0
        if not before <= first < last <= length:
            return ()
        if start >= 0:
            at = start + len(timing.word)
            words.append(Word(start, at, first, last))
    return tuple(words)
