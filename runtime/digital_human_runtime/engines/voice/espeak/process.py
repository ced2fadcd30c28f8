"""One worker process, as the runtime sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator

from .protocol import HEADER, Frame, Greeting, Header, Kind, Order

_MODULE = f"{__package__}.worker"
_LAST = (Kind.DONE, Kind.FAILED)


class WorkerLostError(Exception):
    """The process ended, or says what we do not understand; another one has to take its place."""


class Worker:
    """
    A process that speaks one utterance at a time.

    Of ``start``, ``speak`` and ``quieten`` only one runs at a time, and each of them needs a
    deadline around it. After a WorkerLostError or a deadline there is only ``kill``.
    """

    def __init__(self, process: Process, output: _Output, greeting: Greeting) -> None:
        self._process, self._output = process, output
        self._utterance = 0
        self._busy = False
        self.greeting = greeting

    @classmethod
    async def start(cls) -> Worker:
        """Start a process and wait until it can speak."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", _MODULE),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=_environment(),
        )
        try:
            output = _Output(process)
            return cls(process, output, await output.greeting())
        except BaseException:
            await _end(process)
            raise

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs, as far as is known."""
        return self._process.returncode is None

    @property
    def busy(self) -> bool:
        """Whether an utterance was begun whose last frame has not come."""
        return self._busy

    async def speak(self, order: Order) -> AsyncGenerator[Frame]:
        """Yield the SOUND and MARKS of an utterance; at the end or, if it fails, a FAILED."""
        self._utterance += 1
        self._busy = True
        await self._send(Frame(Kind.SPEAK, self._utterance, order.encode()))
        while self._busy:
            frame = await self._next()
            if frame.kind is not Kind.DONE:
                yield frame

    async def quieten(self) -> None:
        """Cancel the utterance, if any, and throw away what is still under way of it."""
        if self._busy:
            await self._send(Frame(Kind.CANCEL, self._utterance))
        while self._busy:
            await self._next()

    async def kill(self) -> None:
        """End the process; may be called twice."""
        await _end(self._process)

    async def _send(self, frame: Frame) -> None:
        stdin = self._process.stdin
        if stdin is None or stdin.is_closing():
            raise WorkerLostError("its input is closed")
        try:
            stdin.write(frame.encode())
            await stdin.drain()
        except ConnectionError as error:
            raise WorkerLostError("it ended") from error

    async def _next(self) -> Frame:
        frame = await self._output.frame()
        if frame.utterance != self._utterance:
            raise WorkerLostError("it speaks of another utterance")
        self._busy = frame.kind not in _LAST
        return frame


class _Output:
    """Frames as a process writes them; a reader may be cancelled at any time and read on later."""

    def __init__(self, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101 - it was opened with a pipe
        self._stream = process.stdout
        self._header: Header | None = None

    async def frame(self) -> Frame:
        """The next frame; WorkerLostError when there is none."""
        try:
            if self._header is None:
                self._header = Header.decode(await self._stream.readexactly(HEADER.size))
            header, payload = self._header, await self._stream.readexactly(self._header.length)
        except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
            raise WorkerLostError("it ended, or does not speak our protocol") from error
        self._header = None
        return Frame(header.kind, header.utterance, payload)

    async def greeting(self) -> Greeting:
        """What the process says first."""
        frame = await self.frame()
        if frame.kind is Kind.FAILED:
            raise WorkerLostError(frame.payload.decode())
        return Greeting.decode(frame.payload)


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()


def _environment() -> dict[str, str]:
    """What a worker needs to find its modules, and none of our secrets."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    path = os.pathsep.join(path for path in sys.path if path)
    # numpy's library starts a thread for each CPU, which nothing here would use
    return {**kept, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
