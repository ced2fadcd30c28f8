"""The voice that needs no download: eSpeak NG in worker processes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import numpy as np

from digital_human_runtime.engines.voice.whole import spoken
from digital_human_runtime.errors import EngineFault, Unavailable
from digital_human_runtime.frames import Check, Samples, Speech

from .names import VoiceNames
from .pool import Pool
from .process import WorkerLostError
from .protocol import Kind, Manner, Marks, Order

SAMPLE_RATE = 22050
OWN_VOICE = "en-us"
"""Of who names none."""
_SEGMENT = 400
"""Characters that a worker is kept by at a time."""
_Item = Speech | BaseException | None


def _workers_for_this_machine() -> int:
    """At least two, so that one that hangs does not silence the other conversations."""
    return max(2, min(4, len(os.sched_getaffinity(0))))


class EspeakVoice:
    """
    Speaks with exact word and phoneme times, in about 150 languages.

    ``workers`` processes are kept warm (by default one for each CPU, 2 to 4). A clause waits at
    most ``wait_seconds`` for one, and has ``clause_seconds`` to be spoken: longer than that is a
    hang, the worker is replaced and the clause tried once more if nothing of it was heard.
    ``voice`` of ``speak`` is a language such as ``en-us``, ``de`` or ``fr-CA``, perhaps with a
    speaker behind a plus: ``en-us+f3``.
    """

    sample_rate = SAMPLE_RATE

    def __init__(
        self,
        workers: int | None = None,
        *,
        manner: Manner | None = None,
        clause_seconds: float = 10.0,
        wait_seconds: float = 10.0,
    ) -> None:
        self._size = workers or _workers_for_this_machine()
        self._pool: Pool | None = None
        self._names = VoiceNames({}, ())
        self._manner = manner or Manner()
        self._clause_seconds = clause_seconds
        self._wait_seconds = wait_seconds

    @property
    def voices(self) -> Sequence[str]:
        """Languages, once started; each may be followed by ``+`` and one of ``variants``."""
        return sorted(self._names.languages)

    def knows(self, voice: str) -> None:
        """Raise BadInput, once started, for a name that ``speak`` would refuse."""
        self._names.resolve(voice)

    @property
    def variants(self) -> Sequence[str]:
        """Speakers that every language can have."""
        return self._names.variants

    async def start(self) -> None:
        """Start the workers; raises Unavailable with the reason when they do not come up."""
        if self._pool is not None:
            return
        pool = Pool(self._size)
        greeting = await pool.start()
        if greeting.sample_rate != SAMPLE_RATE:
            await pool.close()
            raise Unavailable(f"eSpeak NG speaks at {greeting.sample_rate} Hz, not {SAMPLE_RATE}")
        self._pool = pool
        self._names = VoiceNames(greeting.languages, greeting.variants)

    async def close(self) -> None:
        """End the workers."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    def check(self) -> Check:
        """Whether workers run."""
        if self._pool is None:
            return Check("voice", ok=False, detail="eSpeak NG is not started")
        alive = self._pool.alive
        detail = f"eSpeak NG, {alive} of {self._size} workers"
        if self._pool.trouble:
            detail += f": {self._pool.trouble}"
        return Check("voice", ok=alive > 0, detail=detail, degraded=0 < alive < self._size)

    async def speak(self, text: str, *, voice: str) -> AsyncGenerator[Speech]:
        """
        Yield the sound of ``text``; marks of a clause come with the piece that it ends in.

        The silence at the end is marked by a last piece without sound.
        """
        if self._pool is None:
            raise Unavailable("the voice is not started")
        pool, name = self._pool, self._names.resolve(voice or OWN_VOICE)
        async with aclosing(
            spoken(
                text,
                lambda part: self._segment(pool, Order(part, name, self._manner)),
                segment=_SEGMENT,
            )
        ) as speech:
            async for piece in speech:
                yield piece

    async def _segment(self, pool: Pool, order: Order) -> AsyncGenerator[Speech]:
        """
        Speak one order as fast as a worker can, whatever the speed of the listener.

        So a worker is free again after some milliseconds, and a segment is all that is kept.
        """
        heard: asyncio.Queue[_Item] = asyncio.Queue()
        task = asyncio.create_task(self._fill(pool, order, heard))
        try:
            while (item := await heard.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _fill(self, pool: Pool, order: Order, heard: asyncio.Queue[_Item]) -> None:
        try:
            if not await self._attempt(pool, order, heard) and not await self._attempt(
                pool, order, heard
            ):
                raise EngineFault("the voice failed twice on this text")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001 - handed to who listens
            heard.put_nowait(error)
        else:
            heard.put_nowait(None)

    async def _attempt(self, pool: Pool, order: Order, heard: asyncio.Queue[_Item]) -> bool:
        """Whether it was spoken; False when the worker was lost before anything was heard."""
        begun = False
        marks = Marks((), ())
        try:
            async with (
                pool.worker(wait_seconds=self._wait_seconds) as worker,
                asyncio.timeout(self._clause_seconds),
                aclosing(worker.speak(order)) as frames,
            ):
                async for frame in frames:
                    if frame.kind is Kind.MARKS:
                        marks = _joined(marks, Marks.decode(frame.payload))
                    elif frame.kind is Kind.SOUND:
                        begun = True
                        heard.put_nowait(_speech(np.frombuffer(frame.payload, np.int16), marks))
                        marks = Marks((), ())
                    else:
                        raise EngineFault("the voice refuses this text")
        except (WorkerLostError, TimeoutError) as error:
            if begun:
                raise EngineFault("the voice was lost in the middle of a clause") from error
            return False
        if marks.words or marks.phonemes:
            heard.put_nowait(_speech(np.zeros(0, np.int16), marks))
        return True


def _speech(samples: Samples, marks: Marks) -> Speech:
    return Speech(samples, marks.words, marks.phonemes)


def _joined(first: Marks, second: Marks) -> Marks:
    return Marks(first.words + second.words, first.phonemes + second.phonemes)
