"""The protocol of the worker, and a reader of it that is cancelled in the middle of a frame."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_human_runtime.engines.voice.espeak.process import Worker, WorkerLostError
from digital_human_runtime.engines.voice.espeak.protocol import (
    HEADER,
    Frame,
    Header,
    Kind,
    Manner,
    Marks,
    Order,
)
from digital_human_runtime.frames import Phoneme, Word

DEADLINE = 30.0
TEXT = "A papa, a happy map."
ORDER = Order(TEXT, "gmw/en-US", Manner())


@given(st.text(), st.integers(80, 450))
def test_an_order_arrives_as_it_was_sent(text: str, rate: int) -> None:
    order = Order(text, "gmw/de+f3", Manner(rate=rate))
    assert Order.decode(order.encode()) == order


def test_marks_arrive_as_they_were_sent() -> None:
    marks = Marks((Word(0, 3, 5, 9),), (Phoneme("t2", 5, 9, 7), Phoneme("_", 9, 12)))
    assert Marks.decode(marks.encode()) == marks


def test_a_frame_says_how_long_it_is() -> None:
    raw = Frame(Kind.SOUND, 7, b"1234").encode()
    header = Header.decode(raw[: HEADER.size])
    assert (header.kind, header.utterance, header.length) == (Kind.SOUND, 7, 4)
    assert raw[HEADER.size :] == b"1234"


@pytest.mark.parametrize(
    "raw", [b"\xff" * 9, b"\x04\x00\x00\x00\x00\xff\xff\xff\x7f", b"HTTP/1.1 "]
)
def test_what_is_no_frame_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"too long|not a valid"):
        Header.decode(raw)


async def spoken(worker: Worker) -> tuple[int, int]:
    sound = marks = 0
    async with asyncio.timeout(DEADLINE):
        async for frame in worker.speak(ORDER):
            sound += len(frame.payload) if frame.kind is Kind.SOUND else 0
            marks += frame.kind is Kind.MARKS
    return sound, marks


async def test_a_reader_that_is_cancelled_anywhere_reads_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with asyncio.timeout(DEADLINE):
        worker = await Worker.start()
    try:
        _, marks = await spoken(worker)
        pid = worker.pid
        stream = worker._output._stream
        whole = stream.readexactly
        for stop in range(1, 40):
            reads = 0

            async def stopping(size: int, stop: int = stop) -> bytes:
                nonlocal reads
                reads += 1
                if reads == stop:
                    raise asyncio.CancelledError
                return await whole(size)

            with monkeypatch.context() as cancelled:
                cancelled.setattr(stream, "readexactly", stopping)
                with pytest.raises(asyncio.CancelledError):
                    await spoken(worker)
            async with asyncio.timeout(DEADLINE):
                await worker.quieten()
            assert not worker.busy
        sound, again = await spoken(worker)
        assert (again, worker.pid) == (marks, pid)
        assert sound > 10_000
    finally:
        await worker.kill()


async def test_a_killed_worker_says_so() -> None:
    async with asyncio.timeout(DEADLINE):
        worker = await Worker.start()
    await worker.kill()
    await worker.kill()
    assert not worker.alive
    with pytest.raises(WorkerLostError):
        await spoken(worker)
