"""
One turn: model -> clauses -> voice -> face -> one stream that the clock of the sound orders.

Three tasks, joined by bounded queues that belong to this turn alone: nothing of it can reach
another turn or session, and cancelling ``run`` leaves neither a task nor an open generator.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Literal

import numpy as np

from digital_human_runtime.errors import RuntimeFault
from digital_human_runtime.frames import (
    Caption,
    Event,
    FinishReason,
    Media,
    Samples,
    TextDelta,
    TurnEnded,
    TurnStarted,
)
from digital_human_runtime.stages import Bounded, Clause, FaceStage, Sound, VoiceStage

from .ended import Ended, ended_by
from .engines import Engines
from .figures import Observer, TurnFigures
from .limits import Limits
from .persona import Persona
from .playout import PIECE_SECONDS, Playout, Stalled
from .reading import Finish
from .script import Script
from .speaking import ClauseBegins, ClauseEnds, Spoken, speak
from .writing import Writing

MOST_CLAUSES = 64
"""That wait for the voice: the model may be that far ahead."""
VOICE_AHEAD_SECONDS = 2.0
"""Sound that waits for the listener, beyond the window."""
REST_SECONDS = 0.2
"""Silence at the end, in which the face comes to rest."""
PATIENCE_SECONDS = 0.05
"""The end of a clause waits this long for the next one before a pause is made of silence."""
PRESSING_SECONDS = 0.3
"""It waits longer while the listener has more than this to hear."""
MOST_PAUSE_SECONDS = 0.6
"""No face needs to hear further ahead than this."""


class Turn:
    """
    Answers one question. Use once: ``await run()``, in a task that may be cancelled at any time.

    ``source`` is the text of the answer, which tells ``finish`` why it is over; ``put`` takes the
    events and may wait. ``stall`` False: the listener may take any time (a greeting waits for the
    first gesture).
    """

    def __init__(
        self,
        number: int,
        question: str,
        source: AsyncGenerator[str],
        *,
        engines: Engines,
        persona: Persona,
        limits: Limits,
        put: Callable[[Event], Awaitable[None]],
        observer: Observer,
        finish: Finish,
        stall: bool = True,
    ) -> None:
        rate = engines.voice.sample_rate
        faces = [engines.face, *([engines.fallback] if engines.fallback else [])]
        self.number = number
        self.question = question
        self.script = Script()
        self.begun = False
        """Whether ``TurnStarted`` was put."""
        self._all_sent = False
        self._captioned: Caption | None = None
        self._source = source
        self._finish = finish
        self._rate = rate
        self._put = put
        self._observer = observer
        self._started = asyncio.get_running_loop().time()
        self._figures = TurnFigures(started_at=time.time(), reason="interrupted")
        self._clauses: Bounded[Clause | Ended] = Bounded(MOST_CLAUSES)
        self._sounds: Bounded[Spoken] = Bounded(int(VOICE_AHEAD_SECONDS * rate))
        self._writing = Writing(self._clauses, limits, self._write, lambda: self._reached("clause"))
        self._voice = VoiceStage(
            engines.voice, name=persona.voice, piece_seconds=limits.voice_seconds
        )
        options = replace(persona.face, seed=persona.face.seed + number)
        self._face = FaceStage(
            faces, sample_rate=rate, options=options, push_seconds=limits.face_seconds
        )
        self._playout = Playout(
            number,
            sample_rate=rate,
            fps=self._face.fps,
            window=int(limits.window_seconds * rate),
            stall_seconds=limits.stall_seconds if stall else None,
            put=self._put_media,
        )

    @property
    def played(self) -> int:
        """Samples heard so far, as far as the listener said."""
        return self._playout.played

    @property
    def sent(self) -> int:
        """Samples sent so far."""
        return self._playout.sent

    def credit(self, played: int) -> None:
        """Take note of the samples heard so far; opens the window for more."""
        self._playout.credit(played)

    def heard(self) -> str:
        """Return the part of the answer whose words were heard so far."""
        if self._all_sent and self.played >= self.sent:
            return self.script.text.strip()
        return self.script.heard(self.played)

    async def run(self) -> TurnEnded:
        """Put all events, ``TurnEnded`` last, and return that."""
        try:
            self.begun = True
            await self._put(TurnStarted(self.number, self.question))
            async with asyncio.TaskGroup() as stages:
                writing = stages.create_task(self._writing.run(self._source))
                speaking = stages.create_task(speak(self._voice, self._clauses, self._sounds))
                ended = await self._move()
                writing.cancel()
                speaking.cancel()
        finally:
            await self._source.aclose()  # also when the task that reads it never began
            await self._face.close()
            self._observe()
        await self._put(ended)
        return ended

    def interrupt(self) -> TurnEnded:
        """
        Say how the turn ended now, cut to what was heard. The caller cancels ``run``.

        Also for a turn that was sent to its end but not heard to it.
        """
        return self._end("interrupted", self.heard())

    async def _move(self) -> TurnEnded:
        """The third stage: sound gets its faces and is sent; returns how the turn ended."""
        try:
            await self._face.open()
            fault = await self._perform()
            await self._rest()
        except Stalled:
            return self.interrupt()
        except Exception as error:  # noqa: BLE001  # the turn fails, not the session
            fault = ended_by(error).fault
        if fault is not None:
            return self._end("failed", self.script.heard(self._playout.taken), fault)
        self._all_sent = True
        heard = self.script.text.strip()
        return self._end("complete", heard, finish=self._finish.reason)

    async def _perform(self) -> RuntimeFault | None:
        """Perform clause after clause; return the fault that ended them."""
        while not isinstance(item := await self._next_sound(), Ended):
            match item:
                case ClauseBegins(clause=clause):
                    self.script.begin(clause, self._playout.taken)
                case ClauseEnds():
                    self.script.clauses[-1].ended = True
                    await self._caption()
                case Sound():
                    samples = self._gather(item)
                    await self._caption()
                    await self._play(samples)
        return item.fault

    async def _next_sound(self) -> Spoken:
        """Return the next item; silence lets out the end of a clause that nothing follows yet."""
        paused = 0.0
        while self._held_back() and paused < MOST_PAUSE_SECONDS:
            ahead = (self._playout.sent - self._playout.played) / self._rate
            with suppress(TimeoutError):
                async with asyncio.timeout(max(PATIENCE_SECONDS, ahead - PRESSING_SECONDS)):
                    return await self._sounds.get()
            await self._play(np.zeros(int(PIECE_SECONDS * self._rate), np.int16))
            paused += PIECE_SECONDS
        return await self._sounds.get()

    def _held_back(self) -> bool:
        """Whether the end of a clause waits for sound after it, and there is none yet."""
        clauses = self.script.clauses
        between = bool(clauses) and clauses[-1].ended
        return between and self._playout.unsettled > 0 and not len(self._sounds)

    def _gather(self, sound: Sound) -> Samples:
        """Take what else of the clause is there, so that its caption is as good as it can be."""
        spoken = self.script.clauses[-1]
        pieces = [sound]
        while isinstance(self._sounds.first, Sound | ClauseEnds):
            item = self._sounds.get_now()
            if not isinstance(item, Sound):
                spoken.ended = True
                break
            pieces.append(item)
        for piece in pieces:
            spoken.add(len(piece.samples), piece.words)
        if len(pieces) == 1:
            return sound.samples
        return np.concatenate([piece.samples for piece in pieces])

    async def _caption(self) -> None:
        """Tell of the clause, again when more is known of it."""
        caption = self.script.clauses[-1].caption(self.number, self._rate)
        if caption != self._captioned:
            self._captioned = caption
            await self._put(caption)

    async def _play(self, samples: Samples) -> None:
        while len(samples):
            step = self._playout.piece
            self._playout.take(samples[:step], await self._face.push(samples[:step]))
            samples = samples[step:]
            await self._playout.send()

    async def _rest(self) -> None:
        """Let the face come to rest in a short silence; a turn without sound has none."""
        if not self._playout.taken:
            return
        self._face.rest(REST_SECONDS)
        silence = np.zeros(int(REST_SECONDS * self._rate), np.int16)
        self._playout.take(silence, await self._face.push(silence))
        self._playout.take(silence[:0], await self._face.finish())
        await self._playout.send(final=True)

    async def _write(self, text: str) -> None:
        self._reached("token")
        self.script.write(text)
        await self._put(TextDelta(self.number, text))

    async def _put_media(self, event: Event) -> None:
        await self._put(event)
        self._reached("audio")
        if isinstance(event, Media) and len(event.weights):
            self._reached("frame")

    def _reached(self, milestone: Literal["token", "clause", "audio", "frame"]) -> None:
        """Note when something happened first; of an answer only, a greeting is no measure."""
        name = f"first_{milestone}"
        if self.question and getattr(self._figures, name) is None:
            setattr(self._figures, name, self._elapsed())

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._started

    def _end(
        self,
        reason: Literal["complete", "interrupted", "failed"],
        heard: str,
        fault: RuntimeFault | None = None,
        *,
        finish: FinishReason = "stop",
    ) -> TurnEnded:
        self._figures.reason = reason
        self._figures.code = fault.code if fault else None
        return TurnEnded(
            self.number,
            reason,
            self.sent,
            heard,
            code=fault.code if fault else None,
            message=fault.message if fault else None,
            retry_after=fault.retry_after if fault else None,
            finish=finish,
        )

    def _observe(self) -> None:
        figures, playout = self._figures, self._playout
        figures.seconds = self._elapsed()
        figures.audio_seconds = playout.sent / self._rate
        figures.skew_samples = playout.skew
        figures.underruns = playout.underruns
        figures.face_failovers = self._face.failovers
        self._observer.turn_ended(figures)
