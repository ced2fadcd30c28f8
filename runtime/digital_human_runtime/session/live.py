"""A conversation that a connection holds now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

from digital_human_runtime.errors import Conflict, Unavailable
from digital_human_runtime.frames import (
    Draining,
    Event,
    Message,
    Replaced,
    ResumableChanged,
    TurnStarted,
)
from digital_human_runtime.pipeline import Finish, Turn, prompt

from .admission import Place
from .context import Context
from .conversation import Ending, Interrupted, Opened
from .outbox import Outbox
from .running import STOP_SECONDS, RunningTurn, begun_or_raise
from .store import Record, Superseded
from .tokens import digest, new_token

Source = Callable[[Sequence[Message], Finish], AsyncGenerator[str]]
"""Makes the text of an answer out of what was said before, and tells why it is over."""


class LiveConversation:
    """Implements ``Conversation``. ``left`` is called once, when the connection is gone."""

    def __init__(
        self,
        context: Context,
        record: Record,
        opened: Opened,
        *,
        left: Callable[[LiveConversation], None],
    ) -> None:
        self.opened = opened
        self.ended: Ending | None = None
        self.session = record.session
        self.generation = record.generation
        self._context = context
        self._left = left
        self._outbox = Outbox()
        self._asking = asyncio.Lock()
        self._settling = asyncio.Lock()
        self._running: RunningTurn | None = None
        self._draining = False
        self._closed = False
        self._background: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._active_at = self._loop.time()
        self._idle = self._loop.call_later(context.limits.idle_seconds, self._check_idle)

    async def greet(self) -> None:
        """Speak the greeting, if there is one; it takes no place and may wait to be heard."""
        if greeting := self._context.persona.greeting:
            async with self._asking:
                await self._begin("", lambda _, finish: _said(greeting, finish), None)

    async def say(self, text: str) -> int:
        """Begin a turn; raises the faults of admission, Conflict when another one has it."""
        question = self._context.question(text, "text")
        async with self._asking:
            self._must_be_open()
            self._active()
            await self._stop()
            place = await self._context.admission.take_place()
            try:
                return await self._begin(question, self._answer(question), place)
            except BaseException:
                place.release()
                raise

    async def interrupt(self, turn: int, played: int) -> None:
        """Stop a turn; also one that was sent to its end but not heard to it."""
        running = self._of(turn)
        if running is not None:
            running.turn.credit(played)
            await self._stop(told=True)

    def credit(self, turn: int, played: int) -> None:
        """Take note of what was heard."""
        running = self._of(turn)
        if running is not None:
            running.turn.credit(played)

    async def finished(self, turn: int, played: int) -> None:
        """The turn was heard to its end; returns once it is written down."""
        running = self._of(turn)
        if running is not None:
            await running.hear(played)

    def events(self) -> AsyncIterator[Event]:
        """Everything for the client, in order; for one reader."""
        return self._outbox.events()

    async def close(self, *, forget: bool) -> None:
        """The connection is gone; ``forget`` deletes the session unless another one owns it."""
        if self._closed:
            return
        self._closed = True
        try:
            await self.end("closed")
            if self._background:
                await asyncio.wait(self._background, timeout=STOP_SECONDS)
            if forget and self.ended != "replaced":
                await self._context.store.forget(self.session)
        finally:
            self._left(self)

    async def end(self, ending: Ending) -> None:
        """Stop the turn and let the client have what there is, and then the end."""
        if self.ended is not None:
            return
        self.ended = ending
        self._idle.cancel()
        try:
            await self._stop(lost=True)
        finally:
            if ending == "replaced":
                self._outbox.put_now(Replaced())
            self._outbox.end()

    async def drain(self, seconds: float) -> None:
        """Tell the client where to go, take no more questions, and end once the turn was heard."""
        self._draining = True
        token: str | None = new_token()
        store = self._context.store
        if store.kind == "memory" or not await store.rotate(
            self.session, self.generation, digest(token or "")
        ):
            token = None
        self._outbox.put_now(Draining(seconds, token))
        running = self._running
        if running is not None and (running.turn.question or running.turn.played):
            await asyncio.wait({running.task})  # a greeting that nobody hears yet is not waited for
        await self.end("drained")

    def tell_resumable(self, resumable: bool, reason: str) -> None:
        """Tell the client whether its session could be resumed."""
        self._outbox.put_now(ResumableChanged(resumable, reason))

    def replace(self) -> None:
        """A newer connection owns the session: end this one."""
        self._spawn(self.end("replaced"))

    def _answer(self, question: str) -> Source:
        persona, model = self._context.persona, self._context.engines.model

        def source(history: Sequence[Message], finish: Finish) -> AsyncGenerator[str]:
            messages = prompt(
                persona.prompt, history, question, most_characters=persona.history_characters
            )
            return model.stream(
                messages,
                max_tokens=persona.max_tokens,
                temperature=persona.temperature,
                finished=finish.tell,
            )

        return source

    async def _begin(self, question: str, source: Source, place: Place | None) -> int:
        self._must_be_open()
        context = self._context
        begun = await context.store.begin(self.session, self.generation, question)
        if isinstance(begun, Superseded):
            self.replace()
        begun = begun_or_raise(begun)
        self._must_be_open()
        finish = Finish()
        turn = Turn(
            begun.fence,
            question,
            source(begun.history, finish),
            engines=context.engines,
            persona=context.persona,
            limits=context.limits,
            put=self._outbox.put,
            observer=context.observer,
            finish=finish,
            stall=place is not None,
        )
        self._running = RunningTurn(
            context,
            turn,
            session=self.session,
            generation=self.generation,
            place=place,
            lock_lost=lambda: self._spawn(self._stop()),
        )
        return turn.number

    async def _stop(self, *, told: bool = False, lost: bool = False) -> None:
        """Stop the turn of now: ``told`` by its listener, ``lost`` with the connection."""
        running, self._running = self._running, None
        if running is None or running.decided:
            async with self._settling:  # what was stopped before is written down first
                if running is not None:
                    await asyncio.wait({running.task}, timeout=STOP_SECONDS)
            return
        turn = running.turn
        if not turn.begun:
            self._outbox.put_now(TurnStarted(turn.number, turn.question))
        ended = running.outcome(told=told, lost=lost)
        if ended is not running.sent:
            self._outbox.silence(turn.number, ended)
        offered = None
        if lost and turn.question and ended.reason == "interrupted":
            offered = Interrupted(turn.question, turn.played)
        async with self._settling:
            await running.stop(ended, offered)

    def _of(self, turn: int) -> RunningTurn | None:
        """Return the turn of that number if it is the one of now; any word of it is activity."""
        running = self._running
        if running is None or running.turn.number != turn:
            return None
        self._active()
        return running

    def _must_be_open(self) -> None:
        if self._draining:
            raise Unavailable("This Pod is going; connect again with the token.")
        if self.ended is not None:
            raise Conflict("This connection does not hold the session any more.")

    def _active(self) -> None:
        self._active_at = self._loop.time()

    def _check_idle(self) -> None:
        left = self._active_at + self._context.limits.idle_seconds - self._loop.time()
        if left > 0:
            self._idle = self._loop.call_later(left, self._check_idle)
        else:
            self._spawn(self.end("idle"))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _said(text: str, finish: Finish) -> AsyncGenerator[str]:
    yield text
    finish.tell("stop")
