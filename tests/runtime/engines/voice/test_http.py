"""A voice behind OpenAI's API, against a real server on this machine."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from digital_human_runtime.engines.voice.http import HttpVoice
from digital_human_runtime.errors import Busy, EngineFault, RuntimeFault
from tests.runtime.support.waiting import eventually

from .conformance import ONE, OTHER, Make, VoiceConformance, listen
from .servers import SAMPLES_A_CHARACTER, Behaviour, Server, serving, tone


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving(Server()) as server:
        yield server


@pytest.fixture
def make(server: Server) -> Make:
    return lambda: http_voice(server)


@pytest.fixture
async def voice(server: Server) -> AsyncIterator[HttpVoice]:
    voice = http_voice(server)
    await voice.start()
    yield voice
    await voice.close()
    await server.nothing_open()


@pytest.fixture
def name() -> str:
    return "alloy"


def http_voice(server: Server, key: Path | None = None, seconds: float = 10.0) -> HttpVoice:
    return HttpVoice(f"{server.url}/v1", "tts-1", api_key_file=key, piece_seconds=seconds)


async def refused(voice: HttpVoice, text: str = ONE) -> RuntimeFault:
    with pytest.raises(RuntimeFault) as fault:
        await listen(voice, text, "alloy")
    assert "secret" not in fault.value.message
    assert text not in fault.value.message
    return fault.value


class TestHttp(VoiceConformance):
    """All of it."""


async def test_asks_for_pcm(server: Server, voice: HttpVoice) -> None:
    await listen(voice, ONE, "alloy")
    assert server.requests == [
        {"input": ONE, "model": "tts-1", "voice": "alloy", "response_format": "pcm"}
    ]


@pytest.mark.parametrize("behaviour", ["normal", "odd"])
async def test_every_sample_arrives(server: Server, voice: HttpVoice, behaviour: Behaviour) -> None:
    server.behaviour = behaviour
    heard = await listen(voice, ONE, "alloy")
    assert (heard.samples == tone(ONE, server.rate)).all()
    assert heard.pieces > 3


async def test_word_times_are_estimates_that_come_last(server: Server, voice: HttpVoice) -> None:
    pieces = [piece async for piece in voice.speak(OTHER, voice="alloy")]
    assert [piece.estimated for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert not any(piece.words for piece in pieces[:-1])
    first, last = pieces[-1].words[0], pieces[-1].words[-1]
    assert first.first_sample == pytest.approx(server.rate / 20, abs=100)
    whole = SAMPLES_A_CHARACTER * len(OTHER)
    assert last.last_sample == pytest.approx(server.rate / 20 + whole, abs=100)


@pytest.mark.parametrize("taken", [0, 1, 4])
async def test_a_cancel_closes_the_connection(server: Server, voice: HttpVoice, taken: int) -> None:
    pieces = voice.speak(ONE * 50, voice="alloy")
    for _ in range(taken):
        await anext(pieces)
    await pieces.aclose()
    await server.nothing_open()


async def test_a_cancel_before_the_answer_closes_the_connection(
    server: Server, voice: HttpVoice
) -> None:
    server.behaviour = "silent"
    task = asyncio.create_task(listen(voice, ONE, "alloy"))
    await eventually(lambda: server.open_streams > 0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await server.nothing_open()


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ("500", "refused to speak (500)"),
        ("cut", "broke off while it spoke"),
        ("html", "answered with text instead of sound"),
        ("wav", "sends a sound file"),
        ("empty", "sent no sound"),
        ("8000", "speaks at 8000 Hz; configured are 24000 Hz"),
    ],
)
async def test_a_failure_is_one_sentence(
    server: Server, voice: HttpVoice, behaviour: Behaviour, sentence: str
) -> None:
    server.behaviour = behaviour
    fault = await refused(voice)
    assert isinstance(fault, EngineFault)
    assert sentence in fault.message
    server.behaviour = "normal"
    assert (await listen(voice, OTHER, "alloy")).words


async def test_too_much_to_do_is_busy(server: Server, voice: HttpVoice) -> None:
    server.behaviour = "429"
    fault = await refused(voice)
    assert isinstance(fault, Busy)
    assert len(server.requests) == 1


@pytest.mark.parametrize("behaviour", ["silent", "stalls"])
async def test_silence_ends(server: Server, behaviour: Behaviour) -> None:
    server.behaviour = behaviour
    voice = http_voice(server, seconds=0.3)
    await voice.start()
    try:
        fault = await refused(voice)
        assert isinstance(fault, EngineFault)
        assert "0.3 s" in fault.message
        await server.nothing_open()
    finally:
        await voice.close()


async def test_the_key_is_read_anew_for_each_request(server: Server, tmp_path: Path) -> None:
    server.key = "sk-new"
    key = tmp_path / "key"
    key.write_text("sk-old\n")
    voice = http_voice(server, key)
    await voice.start()
    try:
        fault = await refused(voice)
        assert "refuses the API key" in fault.message
        key.write_text("sk-new\n")
        assert (await listen(voice, OTHER, "alloy")).words
        key.write_text("\n")
        assert "holds no key" in (await refused(voice)).message
        key.unlink()
        assert "cannot be read" in (await refused(voice)).message
    finally:
        await voice.close()


async def test_a_server_that_is_away_is_told_and_comes_back(server: Server) -> None:
    away = HttpVoice("http://127.0.0.1:9/v1", "tts-1")
    await away.start()
    try:
        assert not away.check().ok
        assert "127.0.0.1:9 cannot be reached" in away.check().detail
        assert "cannot be reached" in (await refused(away)).message
    finally:
        await away.close()


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host/v1", "http://"])
def test_a_url_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="begins with http"):
        HttpVoice(url, "tts-1")


async def test_a_password_in_the_url_is_never_told() -> None:
    voice = HttpVoice("http://user:hidden@127.0.0.1:9/v1", "tts-1")
    await voice.start()
    try:
        assert "hidden" not in voice.check().detail
    finally:
        await voice.close()


async def test_no_name_is_the_first_voice(server: Server, voice: HttpVoice) -> None:
    await listen(voice, OTHER, "")
    assert server.requests[-1]["voice"] == "alloy"
