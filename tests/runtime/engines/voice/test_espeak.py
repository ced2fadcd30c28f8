"""eSpeak NG in its worker processes: the conformance suite, and what is its own."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import numpy as np
import psutil
import pytest
import pytest_asyncio

from digital_human_runtime.engines.voice.espeak import offline
from digital_human_runtime.engines.voice.espeak.voice import EspeakVoice
from digital_human_runtime.errors import Busy, EngineFault, RuntimeFault, Unavailable
from tests.runtime.support.waiting import eventually

from .conformance import DEADLINE, ONE, OTHER, Make, VoiceConformance, assert_orderly, listen

pytestmark = pytest.mark.asyncio(loop_scope="module")
LONG = ONE * 9


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def voice() -> AsyncIterator[EspeakVoice]:
    voice = EspeakVoice(workers=2)
    await voice.start()
    yield voice
    await voice.close()


@pytest_asyncio.fixture(loop_scope="module")
async def single() -> AsyncIterator[EspeakVoice]:
    """A voice with one worker that may be broken; a hang is noticed soon."""
    voice = EspeakVoice(workers=1, clause_seconds=2.0, wait_seconds=DEADLINE)
    await voice.start()
    yield voice
    await voice.close()


@pytest.fixture
def make() -> Make:
    return lambda: EspeakVoice(workers=1)


@pytest.fixture
def name() -> str:
    return "en-us"


def workers(voice: EspeakVoice) -> list[int]:
    assert voice._pool is not None
    return voice._pool.pids


async def until_replaced(voice: EspeakVoice, pid: int) -> None:
    await eventually(lambda: pid not in workers(voice) and len(workers(voice)) > 0)


class TestEspeak(VoiceConformance):
    """All of it."""


async def test_pieces_are_what_the_library_makes(voice: EspeakVoice) -> None:
    text = "A papa, a happy map. My mamma may come. A baby above a cab, bob."
    streamed, whole = await listen(voice, text, "de"), offline.synthesise(text, "de")
    assert_orderly(streamed, text)
    assert len(streamed.samples) == pytest.approx(len(whole.samples), abs=300)
    assert [p.symbol for p in streamed.phonemes] == [p.symbol for p in whole.phonemes]
    assert streamed.phonemes[-1].last_sample == len(streamed.samples)
    for here, there in zip(streamed.phonemes, whole.phonemes, strict=True):
        assert here.first_sample == pytest.approx(there.first_sample, abs=300)
        assert (here.release_sample is None) == (there.release_sample is None)
    assert streamed.texts(text) == [text[w.start : w.end] for w in whole.words]


async def test_sound_comes_in_pieces_and_marks_with_the_end_of_their_clause(
    voice: EspeakVoice,
) -> None:
    sent = 0
    pieces = [piece async for piece in voice.speak("One, two.", voice="en-us")]
    assert max(len(piece.samples) for piece in pieces) <= 0.1 * voice.sample_rate
    for piece in pieces:
        sent += len(piece.samples)
        assert all(word.first_sample <= sent for word in piece.words)
    with_words = [index for index, piece in enumerate(pieces) if piece.words]
    assert len(with_words) == 2
    assert with_words[0] < len(pieces) // 2 + 2


async def test_speaks_as_it_is_told(voice: EspeakVoice) -> None:
    plain, other = await listen(voice, ONE, "en-us"), await listen(voice, ONE, "en-us+f4")
    german = await listen(voice, ONE, "de-AT")
    assert [p.symbol for p in german.phonemes] != [p.symbol for p in plain.phonemes]
    shorter = min(len(plain.samples), len(other.samples))
    assert np.abs(plain.samples[:shorter] - other.samples[:shorter]).max() > 1000
    assert "klatt" in voice.variants


async def test_a_worker_that_dies_before_it_is_heard_costs_nothing(single: EspeakVoice) -> None:
    (pid,) = workers(single)
    os.kill(pid, signal.SIGKILL)
    assert (await listen(single, OTHER, "en-us")).texts(OTHER) == OTHER.split()
    await until_replaced(single, pid)


async def test_a_worker_that_dies_in_a_clause_fails_only_that(single: EspeakVoice) -> None:
    (pid,) = workers(single)
    pieces = single.speak(LONG, voice="en-us")
    await anext(pieces)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EngineFault, match="lost in the middle"):
        async for _ in pieces:
            pass
    await until_replaced(single, pid)
    assert (await listen(single, OTHER, "en-us")).texts(OTHER) == OTHER.split()


async def test_a_worker_that_hangs_is_replaced(single: EspeakVoice) -> None:
    (pid,) = workers(single)
    os.kill(pid, signal.SIGSTOP)
    assert (await listen(single, OTHER, "en-us")).texts(OTHER) == OTHER.split()
    await until_replaced(single, pid)
    assert not psutil.pid_exists(pid)


async def test_a_worker_that_hangs_while_it_is_cancelled_is_replaced(single: EspeakVoice) -> None:
    (pid,) = workers(single)
    pieces = single.speak(LONG, voice="en-us")
    await anext(pieces)
    os.kill(pid, signal.SIGSTOP)
    await pieces.aclose()
    assert (await listen(single, OTHER, "en-us")).texts(OTHER) == OTHER.split()
    await until_replaced(single, pid)


async def test_workers_that_always_die_are_a_fault_and_then_come_back(
    single: EspeakVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pid,) = workers(single)
    with monkeypatch.context() as broken:
        broken.setattr(
            "digital_human_runtime.engines.voice.espeak.process._MODULE", "no.such.module"
        )
        os.kill(pid, signal.SIGKILL)
        single._wait_seconds = 0.3
        with pytest.raises(RuntimeFault) as failed:
            await listen(single, OTHER, "en-us")
        assert isinstance(failed.value, Busy | EngineFault)
        assert not single.check().ok
        assert "eSpeak NG, 0 of 1 workers" in single.check().detail
    single._wait_seconds = DEADLINE
    assert (await listen(single, OTHER, "en-us")).texts(OTHER) == OTHER.split()
    assert single.check().ok


async def test_a_library_that_is_not_there_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "digital_human_runtime.engines.voice.espeak.process._MODULE", "no.such.module"
    )
    with pytest.raises(Unavailable, match="eSpeak NG does not start"):
        await EspeakVoice(workers=1).start()


async def test_a_start_that_is_given_up_leaves_no_process() -> None:
    before = {child.pid for child in psutil.Process().children()}
    for seconds in (0.0, 0.05, 0.2):
        voice = EspeakVoice(workers=2)
        start = asyncio.create_task(voice.start())
        await asyncio.wait([start], timeout=seconds)
        start.cancel()
        await asyncio.wait([start])
        await voice.close()
        await eventually(lambda: {child.pid for child in psutil.Process().children()} <= before)


async def test_no_room_is_said_in_time(single: EspeakVoice) -> None:
    (pid,) = workers(single)
    single._wait_seconds = 0.05
    single._clause_seconds = DEADLINE
    os.kill(pid, signal.SIGSTOP)
    try:
        first = asyncio.create_task(listen(single, OTHER, "en-us"))
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="all voices are speaking"):
            await listen(single, ONE, "en-us")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (await first).texts(OTHER) == OTHER.split()


async def test_a_slow_listener_keeps_no_worker(single: EspeakVoice) -> None:
    slow = single.speak(ONE, voice="en-us")
    await anext(slow)
    assert (await listen(single, OTHER, "en-us")).texts(OTHER) == OTHER.split()
    assert len([piece async for piece in slow]) > 3


async def test_workers_get_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_KEY", "a-secret-of-ours")
    voice = EspeakVoice(workers=1)
    await voice.start()
    try:
        (pid,) = workers(voice)
        process = psutil.Process(pid)
        assert "API_KEY" not in process.environ()
        assert "--" not in " ".join(process.cmdline())
    finally:
        await voice.close()


async def test_closing_ends_every_process() -> None:
    voice = EspeakVoice(workers=2)
    await voice.start()
    pids = workers(voice)
    assert len(pids) == 2
    await voice.close()
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


async def test_cancels_keep_the_workers(voice: EspeakVoice) -> None:
    pids = workers(voice)
    for _ in range(20):
        pieces = voice.speak(LONG, voice="en-us")
        await anext(pieces)
        await pieces.aclose()
    await listen(voice, OTHER, "en-us")
    assert workers(voice) == pids


async def test_memory_is_flat(voice: EspeakVoice) -> None:
    async def many() -> int:
        for number in range(60):
            await listen(voice, f"This is number {number}.", ("en-us", "de", "fr+f2")[number % 3])
        return sum(psutil.Process(pid).memory_info().rss for pid in workers(voice))

    await many()
    before = await many()
    assert await many() - before < 1_000_000
