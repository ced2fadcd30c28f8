"""Riva, played by a gRPC server built from NVIDIA's own message types."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from digital_human_runtime.engines.voice.riva import RivaVoice
from digital_human_runtime.errors import Busy, EngineFault, RuntimeFault, Unavailable
from tests.runtime.support.waiting import eventually

from .conformance import ONE, OTHER, Make, VoiceConformance, listen
from .servers import tone

RATE = 22050
NAME = "English-US.Female-1"
WHY = "nvidia-riva-client is not installed (pip install --no-deps nvidia-riva-client)"


@pytest.fixture(scope="module")
def types() -> Any:
    return pytest.importorskip("riva.client.proto.riva_tts_pb2", reason=WHY)


@dataclass
class Riva:
    """How the server behaves, and what it has seen."""

    types: Any
    status: grpc.StatusCode | None = None
    stalls: bool = False
    words: bool = False
    nonsense: bool = False
    key: str | None = None
    requests: list[Any] = field(default_factory=list)
    languages: tuple[str, ...] = ("en-US", "de-DE")
    """As Riva writes them; it knows no other form."""
    open_calls: int = 0
    target: str = ""

    async def synthesize(
        self, request: Any, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[Any]:
        self.requests.append(request)
        await self._admit(context)
        if request.language_code not in self.languages:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"Unavailable model requested given these parameters: {request.language_code}",
            )
        self.open_calls += 1
        try:
            pcm = tone(request.text, RATE).astype("<i2").tobytes()
            for number, at in enumerate(range(0, len(pcm), 4801)):
                if self.stalls and number == 2:
                    await asyncio.Event().wait()
                yield self.types.SynthesizeSpeechResponse(audio=pcm[at : at + 4801])
            if self.words and request.enable_word_time_offsets:
                yield self._told(request.text)
        finally:
            self.open_calls -= 1

    async def config(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        await self._admit(context)
        answer = self.types.RivaSynthesisConfigResponse()
        model = answer.model_config.add(model_name="fastpitch")
        model.parameters["language_code"] = "en-US"
        model.parameters["voice_name"] = "English-US"
        model.parameters["subvoices"] = "Female-1:0,Male-1:1"
        other = answer.model_config.add(model_name="other")
        other.parameters["language_code"] = "de-DE"
        other.parameters["voice_name"] = "German"
        return answer

    async def _admit(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        if self.status is not None:
            await context.abort(self.status, "no: secret words")
        sent = dict(context.invocation_metadata() or ())
        if self.key is not None and sent.get("authorization") != f"Bearer {self.key}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "bad key secret")

    def _told(self, text: str) -> Any:
        answer = self.types.SynthesizeSpeechResponse()
        for number, word in enumerate(text.split()):
            start = 10**6 if self.nonsense else 100 + 100 * number
            answer.meta.words.add(word=word.strip(".,"), start_time=start, end_time=start + 80)
        return answer


@pytest.fixture
async def server(types: Any) -> AsyncIterator[Riva]:
    riva = Riva(types)
    methods = {
        "SynthesizeOnline": grpc.unary_stream_rpc_method_handler(
            riva.synthesize,
            request_deserializer=types.SynthesizeSpeechRequest.FromString,
            response_serializer=types.SynthesizeSpeechResponse.SerializeToString,
        ),
        "GetRivaSynthesisConfig": grpc.unary_unary_rpc_method_handler(
            riva.config,
            request_deserializer=types.RivaSynthesisConfigRequest.FromString,
            response_serializer=types.RivaSynthesisConfigResponse.SerializeToString,
        ),
    }
    handler = grpc.method_handlers_generic_handler("nvidia.riva.tts.RivaSpeechSynthesis", methods)
    running = grpc.aio.server()
    running.add_generic_rpc_handlers((handler,))
    riva.target = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    await running.start()
    yield riva
    await running.stop(None)


@pytest.fixture
def make(server: Riva) -> Make:
    return lambda: RivaVoice(server.target)


@pytest.fixture
async def voice(server: Riva) -> AsyncIterator[RivaVoice]:
    voice = RivaVoice(server.target, word_times=True, metadata={"function-id": "f"})
    await voice.start()
    yield voice
    await voice.close()
    await eventually(lambda: not server.open_calls)


@pytest.fixture
def name() -> str:
    return NAME


class TestRiva(VoiceConformance):
    """All of it."""


async def test_asks_for_pcm_at_our_rate(server: Riva, voice: RivaVoice) -> None:
    await listen(voice, ONE, NAME)
    (request,) = server.requests
    assert (request.text, request.voice_name, request.language_code) == (ONE, NAME, "en-US")
    assert (request.encoding, request.sample_rate_hz) == (1, RATE)


async def test_every_sample_arrives(voice: RivaVoice) -> None:
    assert (await listen(voice, ONE, NAME)).samples.tolist() == tone(ONE, RATE).tolist()


async def test_lists_the_voices_of_our_language(voice: RivaVoice) -> None:
    assert voice.voices == ("English-US", NAME, "English-US.Male-1")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [("en", "en-US"), ("en-us", "en-US"), ("de", "de-DE"), ("de-DE", "de-DE")],
)
async def test_a_language_is_told_as_the_server_writes_it(
    server: Riva, wanted: str, told: str
) -> None:
    voice = RivaVoice(server.target, language=wanted)
    await voice.start()
    try:
        assert voice.voices
        assert (await listen(voice, OTHER, voice.voices[0])).words
    finally:
        await voice.close()
    assert server.requests[-1].language_code == told


async def test_a_language_of_another_country_is_left_to_the_server(server: Riva) -> None:
    voice = RivaVoice(server.target, language="en-GB")
    await voice.start()
    try:
        with pytest.raises(EngineFault, match="refuses this text, voice or language"):
            await listen(voice, OTHER, "")
    finally:
        await voice.close()
    assert server.requests[-1].language_code == "en-GB"


async def test_word_times_that_the_server_tells_are_taken(server: Riva, voice: RivaVoice) -> None:
    server.words = True
    pieces = [piece async for piece in voice.speak(OTHER, voice=NAME)]
    assert not any(piece.estimated for piece in pieces)
    words = pieces[-1].words
    assert [OTHER[w.start : w.end] for w in words] == [w.strip(".,") for w in OTHER.split()]
    assert (words[0].first_sample, words[0].last_sample) == (RATE // 10, RATE * 18 // 100)


async def test_word_times_that_make_no_sense_are_not_taken(server: Riva, voice: RivaVoice) -> None:
    server.words, server.nonsense = True, True
    pieces = [piece async for piece in voice.speak(OTHER, voice=NAME)]
    assert pieces[-1].estimated
    assert len(pieces[-1].words) == len(OTHER.split())


@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Busy, "too much to do"),
        (grpc.StatusCode.UNAVAILABLE, EngineFault, "cannot be reached"),
        (grpc.StatusCode.INVALID_ARGUMENT, EngineFault, "refuses this text, voice or language"),
        (grpc.StatusCode.UNAUTHENTICATED, EngineFault, "refuses the API key"),
        (grpc.StatusCode.INTERNAL, EngineFault, "gave up (INTERNAL)"),
    ],
)
async def test_a_failure_is_one_sentence(
    server: Riva,
    voice: RivaVoice,
    status: grpc.StatusCode,
    kind: type[RuntimeFault],
    sentence: str,
) -> None:
    server.status = status
    with pytest.raises(kind) as fault:
        await listen(voice, ONE, NAME)
    assert sentence in fault.value.message
    assert "secret" not in fault.value.message
    server.status = None
    assert (await listen(voice, OTHER, NAME)).words


async def test_silence_ends(server: Riva) -> None:
    server.stalls = True
    voice = RivaVoice(server.target, piece_seconds=0.3)
    await voice.start()
    try:
        with pytest.raises(EngineFault, match=r"0\.3 s"):
            await listen(voice, ONE, NAME)
        await eventually(lambda: not server.open_calls)
    finally:
        await voice.close()


async def test_a_cancel_ends_the_call(server: Riva, voice: RivaVoice) -> None:
    pieces = voice.speak(ONE * 50, voice=NAME)
    await anext(pieces)
    await pieces.aclose()
    await eventually(lambda: not server.open_calls)


async def test_the_key_is_sent(server: Riva, tmp_path: Path) -> None:
    server.key = "nvapi-key"
    key = tmp_path / "key"
    key.write_text("wrong\n")
    voice = RivaVoice(server.target, api_key_file=key)
    await voice.start()
    try:
        assert "refuses the API key" in voice.check().detail
        key.write_text("nvapi-key\n")
        assert (await listen(voice, OTHER, NAME)).words
    finally:
        await voice.close()


@pytest.fixture
def no_types(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "riva"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "riva", None)


async def test_says_what_is_missing(no_types: None) -> None:
    voice = RivaVoice("127.0.0.1:9")
    with pytest.raises(Unavailable, match="pip install --no-deps nvidia-riva-client"):
        await voice.start()
    assert not voice.check().ok
    await voice.close()


async def test_no_name_is_the_servers_own_voice(server: Riva, voice: RivaVoice) -> None:
    await listen(voice, OTHER, "")
    assert server.requests[-1].voice_name == ""
