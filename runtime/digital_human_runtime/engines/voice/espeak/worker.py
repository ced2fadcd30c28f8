"""
The program that loads eSpeak NG: reads orders from standard input, writes sound to standard output.

    python -m digital_human_runtime.engines.voice.espeak.worker

It speaks one utterance at a time, looks for a cancel between two pieces of sound, and ends when
its input does, or when the process that started it dies. Nothing is kept from one utterance to the
next.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from digital_human_runtime.frames import Phoneme

from .binding import Library, LibraryError
from .events import RawEvent
from .protocol import HEADER, Frame, Greeting, Header, Kind, Marks, Order
from .timing import PAUSE, phonemes, settled
from .words import words

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


class _Pipe:
    """Frames on file descriptors."""

    def __init__(self, source: int, sink: int) -> None:
        self._source, self._sink = source, sink

    def waits(self) -> bool:
        """Whether there is something to read, or the end."""
        return bool(select.select([self._source], [], [], 0)[0])

    def read(self) -> Frame:
        """The next frame; EOFError when there will be none."""
        header = Header.decode(self._exactly(HEADER.size))
        return Frame(header.kind, header.utterance, self._exactly(header.length))

    def write(self, frame: Frame) -> None:
        """Write a whole frame; waits while the reader is behind."""
        rest = memoryview(frame.encode())
        while rest:
            rest = rest[os.write(self._sink, rest) :]

    def _exactly(self, size: int) -> bytes:
        read = bytearray()
        while len(read) < size:
            piece = os.read(self._source, size - len(read))
            if not piece:
                raise EOFError
            read += piece
        return bytes(read)


class _Utterance:
    """Passes on what the library makes of one order, until it is cancelled."""

    def __init__(self, pipe: _Pipe, number: int, order: Order, sample_rate: int) -> None:
        self._pipe, self._number, self._order, self._rate = pipe, number, order, sample_rate
        self._clause = bytearray()
        self._start = 0
        self._events: list[RawEvent] = []

    def take(self, pcm: bytes, events: Sequence[RawEvent]) -> bool:
        """Take a piece of sound; False when the utterance was cancelled."""
        if self._pipe.waits():
            frame = self._pipe.read()
            if frame.kind is not Kind.CANCEL:
                raise ValueError(f"{frame.kind.name} came while speaking")
            if frame.utterance == self._number:
                return False
        self._clause += pcm
        for event in events:
            self._events.append(event)
            if event.kind == "end":
                self._settle(event.sample)
        if pcm:
            self._pipe.write(Frame(Kind.SOUND, self._number, pcm))
        return True

    def finish(self) -> None:
        """All was taken: what is left is silence."""
        end = self._start + len(self._clause) // 2
        if end > self._start:
            marks = Marks((), (Phoneme(PAUSE, self._start, end),))
            self._pipe.write(Frame(Kind.MARKS, self._number, marks.encode()))

    def _settle(self, end: int) -> None:
        """A clause is over: what it is made of will not change any more, but for its last pause."""
        samples = np.frombuffer(bytes(self._clause), np.int16)
        made = phonemes(self._events, samples, sample_rate=self._rate, start=self._start)
        final, start = settled(made, end)
        marks = Marks(words(self._events, self._order.text), tuple(final))
        self._pipe.write(Frame(Kind.MARKS, self._number, marks.encode()))
        del self._clause[: 2 * (start - self._start)]
        self._start = start
        self._events.clear()


def _speak(pipe: _Pipe, library: Library, frame: Frame) -> None:
    order = Order.decode(frame.payload)
    utterance = _Utterance(pipe, frame.utterance, order, library.sample_rate)
    try:
        library.set_voice(order.voice)
        library.set_parameters(**asdict(order.manner))
        if library.synthesise(order.text, utterance.take):
            utterance.finish()
    except LibraryError as error:
        pipe.write(Frame(Kind.FAILED, frame.utterance, str(error).encode()))
    else:
        pipe.write(Frame(Kind.DONE, frame.utterance))


def _serve(pipe: _Pipe) -> None:
    try:
        library = Library()
    except LibraryError as error:
        pipe.write(Frame(Kind.FAILED, 0, str(error).encode()))
        return
    greeting = Greeting(
        library.version, library.sample_rate, library.languages(), library.variants()
    )
    pipe.write(Frame(Kind.READY, 0, greeting.encode()))
    while True:
        frame = pipe.read()
        if frame.kind is Kind.SPEAK:
            _speak(pipe, library, frame)
        # a CANCEL that comes here is for an utterance that is done


def main() -> int:
    """Serve until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the runtime, which then ends us
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    sink = os.dup(1)
    os.dup2(2, 1)  # what the library prints must not get between the frames
    try:
        _serve(_Pipe(0, sink))
    except (EOFError, BrokenPipeError):
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
