"""Piper's HTTP server, played by a server on this machine that answers as Piper does."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from digital_human_runtime.engines.voice.piper import PiperVoice
from digital_human_runtime.errors import Busy, EngineFault, RuntimeFault

from .conformance import ONE, OTHER, Make, VoiceConformance, listen
from .servers import PIPER_LOW, Behaviour, Server, pitch, serving, tone
from .servers import PIPER_MEDIUM as NAME


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving(Server(rate=22050)) as server:
        yield server


@pytest.fixture
def make(server: Server) -> Make:
    return lambda: PiperVoice(server.url)


@pytest.fixture
async def voice(server: Server) -> AsyncIterator[PiperVoice]:
    voice = PiperVoice(server.url, speaker=3)
    await voice.start()
    yield voice
    await voice.close()
    await server.nothing_open()


@pytest.fixture(params=[NAME, PIPER_LOW])
def name(request: pytest.FixtureRequest) -> str:
    """A voice of our rate, and one that is resampled."""
    return str(request.param)


class TestPiper(VoiceConformance):
    """All of it."""


async def test_asks_as_piper_wants(server: Server, voice: PiperVoice) -> None:
    await listen(voice, ONE, NAME)
    assert server.requests == [{"text": ONE, "voice": NAME, "speaker_id": 3}]
    assert server.paths == ["/synthesize"]


@pytest.mark.parametrize("behaviour", ["normal", "odd"])
async def test_every_sample_arrives_and_nothing_else(
    server: Server, voice: PiperVoice, behaviour: Behaviour
) -> None:
    server.behaviour = behaviour
    heard = await listen(voice, ONE, NAME)
    assert heard.samples.tolist() == tone(ONE, server.rate).tolist()


@pytest.mark.parametrize("rate", [16000, 22050, 44100])
@pytest.mark.parametrize("behaviour", ["normal", "odd"])
async def test_a_voice_of_another_rate_sounds_as_high_and_as_long_as_it_is(
    server: Server, voice: PiperVoice, rate: int, behaviour: Behaviour
) -> None:
    server.rate, server.behaviour = rate, behaviour
    samples = (await listen(voice, ONE, NAME)).samples
    assert voice.sample_rate == 22050
    assert abs(len(samples) - len(tone(ONE, rate)) * 22050 / rate) <= 1
    loudest = np.abs(np.fft.rfft(samples)).argmax() * voice.sample_rate / len(samples)
    assert loudest == pytest.approx(pitch(ONE), abs=1)
    assert np.abs(samples).max() == pytest.approx(8000, rel=0.2)


async def test_an_old_server_is_asked_its_way(server: Server, voice: PiperVoice) -> None:
    server.behaviour = "old"
    for _ in range(2):
        assert (await listen(voice, OTHER, NAME)).words
    assert server.paths == ["/synthesize", "/", "/"]


async def test_voices_of_every_rate_are_offered(voice: PiperVoice) -> None:
    assert voice.check().ok
    assert voice.voices == (PIPER_LOW, NAME)


@pytest.mark.parametrize(
    ("behaviour", "kind", "sentence"),
    [
        ("500", EngineFault, "refused to speak (500)"),
        ("429", Busy, "too much to do"),
        ("cut", EngineFault, "broke off"),
        ("html", EngineFault, "no WAV file"),
        ("mp3", EngineFault, "no WAV file"),
        ("stereo", EngineFault, "2 channels of 16 bit"),
        ("1000", EngineFault, "speaks at 1000 Hz"),
        ("formless", EngineFault, "no WAV file"),
        ("empty", EngineFault, "sent no sound"),
    ],
)
async def test_a_failure_is_one_sentence(
    server: Server,
    voice: PiperVoice,
    behaviour: Behaviour,
    kind: type[RuntimeFault],
    sentence: str,
) -> None:
    server.behaviour = behaviour
    with pytest.raises(kind) as fault:
        await listen(voice, ONE, NAME)
    assert sentence in fault.value.message
    server.behaviour = "normal"
    assert (await listen(voice, OTHER, NAME)).words


@pytest.mark.parametrize("behaviour", ["silent", "stalls"])
async def test_silence_ends(server: Server, behaviour: Behaviour) -> None:
    server.behaviour = behaviour
    voice = PiperVoice(server.url, answer_seconds=0.3)
    await voice.start()
    try:
        with pytest.raises(EngineFault, match=r"0\.3 s"):
            await listen(voice, ONE, NAME)
        await server.nothing_open()
    finally:
        await voice.close()


async def test_a_server_that_is_not_piper_is_told() -> None:
    voice = PiperVoice("http://127.0.0.1:9")
    await voice.start()
    try:
        assert "cannot be reached, or is not Piper" in voice.check().detail
    finally:
        await voice.close()


@pytest.mark.parametrize(("own", "asked"), [(PIPER_LOW, PIPER_LOW), ("nobody", None)])
async def test_no_name_is_the_voice_that_is_wanted_where_the_server_has_it(
    server: Server, own: str, asked: str | None
) -> None:
    voice = PiperVoice(server.url, own=own)
    await voice.start()
    try:
        await listen(voice, OTHER, "")
    finally:
        await voice.close()
    assert server.requests[-1].get("voice") == asked


async def test_no_name_is_the_servers_own_voice(server: Server, voice: PiperVoice) -> None:
    await listen(voice, OTHER, "")
    assert "voice" not in server.requests[-1]
