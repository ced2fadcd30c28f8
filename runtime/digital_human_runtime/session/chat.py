"""Answers in text only, with the history of a session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager

from digital_human_runtime.errors import NotFound, RuntimeFault, Unavailable
from digital_human_runtime.frames import Message
from digital_human_runtime.pipeline import Finish, Observer, TurnFigures, prompt, read

from .context import Context
from .conversation import ChatDone, Interrupted, Principal
from .running import begun_or_raise
from .tokens import is_session, new_session


async def chat(
    context: Context, principal: Principal, text: str, session: str | None
) -> AsyncGenerator[str | ChatDone]:
    """
    Yield the answer in pieces, then one ``ChatDone``; closing it cancels the answer.

    The first step raises what forbids the answer: BadInput, TooLarge, NotFound, Busy, Conflict.
    What was yielded is what the session keeps, also of an answer that was cancelled.
    """
    question = context.question(text, "message")
    persona = context.persona
    async with context.admission.turn():
        session = await _session(context, principal, session)
        begun = begun_or_raise(await context.store.begin(session, None, ""))
        messages = prompt(
            persona.prompt, begun.history, question, most_characters=persona.history_characters
        )
        said: list[str] = []
        finish = Finish()
        renewing = asyncio.create_task(_renew(context, session, begun.fence))
        try:
            source = context.engines.model.stream(
                messages,
                max_tokens=persona.max_tokens,
                temperature=persona.temperature,
                finished=finish.tell,
            )
            with _measured(context.observer) as wrote:
                async with aclosing(read(source, context.limits)) as pieces:
                    async for piece in pieces:
                        wrote()
                        said.append(piece)
                        yield piece
        finally:
            renewing.cancel()
            await _keep(context, session, begun.fence, question, "".join(said).strip())
        yield ChatDone(session, "".join(said).strip(), finish.reason)


@contextmanager
def _measured(observer: Observer) -> Iterator[Callable[[], None]]:
    """Tell of an answer once it is over; the function notes that a piece of it came."""
    began = time.monotonic()
    figures = TurnFigures(started_at=time.time(), reason="interrupted", spoken=False)

    def wrote() -> None:
        if figures.first_token is None:
            figures.first_token = time.monotonic() - began

    try:
        yield wrote
        figures.reason = "complete"
    except Exception as error:
        figures.reason = "failed"
        figures.code = error.code if isinstance(error, RuntimeFault) else None
        raise
    finally:
        figures.seconds = time.monotonic() - began
        observer.turn_ended(figures)


async def _session(context: Context, principal: Principal, session: str | None) -> str:
    """Return the session to use: the given one if it is the principal's, or a new one."""
    if session is None:
        return (await context.store.create(new_session(), principal, "")).session
    record = await context.store.load(session) if is_session(session) else None
    if record is None or record.principal != principal:
        if context.store.lost:
            raise Unavailable("The session store is out of reach; try again, or without a session.")
        raise NotFound("session is unknown or has expired; leave it out to begin a new one.")
    return session


async def _keep(context: Context, session: str, fence: int, question: str, said: str) -> None:
    messages = [Message("user", question), Message("assistant", said)] if said else []
    await context.store.finish(session, fence, messages, None)


async def _renew(context: Context, session: str, fence: int) -> None:
    while True:
        await asyncio.sleep(context.limits.lock_seconds / 3)
        await context.store.renew(session, fence, None, Interrupted("", 0))
