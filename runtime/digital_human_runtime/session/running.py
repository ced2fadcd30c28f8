"""The turn that a conversation has now: from its question until it was heard and written down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from digital_human_runtime.errors import Conflict, NotFound
from digital_human_runtime.frames import Message, TurnEnded
from digital_human_runtime.pipeline import Turn

from .admission import Place
from .context import Context
from .conversation import Interrupted
from .store import Begun, Held, Superseded

log = logging.getLogger(__name__)

STOP_SECONDS = 2.0
"""A turn that was cancelled is left alone after this time; it can reach nobody any more."""
HEARING_SECONDS = 5.0
"""A turn that was sent counts as over when its listener tells nothing for so much longer."""


def begun_or_raise(begun: Begun | Held | Superseded | None) -> Begun:
    """Return the turn that may run, or raise why none may."""
    match begun:
        case Held(seconds=seconds):
            raise Conflict(
                "Another turn of this session is running; ask again when it is over.",
                retry_after=max(0.5, round(seconds, 1)),
            )
        case Superseded():
            raise Conflict("Another connection has taken this session over.")
        case None:
            raise NotFound("This session has expired; open a new one.")
    return begun


class RunningTurn:
    """
    Runs a turn under the lock of its session and writes down what was heard, once.

    ``place`` is given back once all is sent. ``lock_lost`` is called when another turn has taken
    the session; nothing is written then.
    """

    def __init__(
        self,
        context: Context,
        turn: Turn,
        *,
        session: str,
        generation: int,
        place: Place | None,
        lock_lost: Callable[[], None],
    ) -> None:
        self.turn = turn
        self.sent: TurnEnded | None = None
        """How the turn ended, once all of it was sent."""
        self._context = context
        self._session = session
        self._generation = generation
        self._place = place
        self._lock_lost = lock_lost
        self._heard = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None
        self.task = asyncio.create_task(self._run(), name=f"turn {turn.number}")
        self.task.add_done_callback(self._done)

    @property
    def decided(self) -> bool:
        """Whether it is written down, or about to be."""
        return self._writing is not None

    async def _run(self) -> None:
        """Run the turn, wait until it was heard, and write it down."""
        renewing = asyncio.create_task(self._renew(), name="turn: renew lock")
        try:
            self.sent = await self.turn.run()
            self._release()
            if self.sent.reason == "complete":
                await self._until_heard()
            await self.settle(self.outcome(), None)
        finally:
            renewing.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._release()  # also of a turn that was stopped before it began
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A turn ended by %s", type(error).__name__)

    def _release(self) -> None:
        if self._place is not None:
            self._place.release()

    async def hear(self, played: int) -> None:
        """All of it was heard; returns once that is written down."""
        self.turn.credit(played)
        if self.sent is not None:
            self._heard.set()
            await asyncio.wait({self.task}, timeout=STOP_SECONDS)

    def outcome(self, *, told: bool = False, lost: bool = False) -> TurnEnded:
        """
        How the turn ends if it is stopped now.

        ``told``: its listener just said what was heard; ``lost``: the connection is gone. Else one
        who ever told of playback is believed, and one who never did is taken to have heard all of
        what was sent to its end.
        """
        if self.sent is None:
            return self.turn.interrupt()
        if self.sent.reason != "complete":
            return self.sent
        heard_all = self.turn.played >= self.turn.sent
        never_told = self.turn.played == 0 and not lost
        return self.sent if not told and (heard_all or never_told) else self.turn.interrupt()

    async def stop(self, ended: TurnEnded, offered: Interrupted | None) -> None:
        """Cancel what still runs and write down how it ended; leaves nothing behind."""
        self.task.cancel()
        _, clinging = await asyncio.wait({self.task}, timeout=STOP_SECONDS)
        if clinging:
            log.error("A turn does not stop: an engine holds it")
        self._release()
        await self.settle(ended, offered)

    async def settle(self, ended: TurnEnded, offered: Interrupted | None) -> None:
        """Write down what was heard; the first call decides. May be cancelled, it goes on."""
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(ended, offered), name="turn: settle")
        await asyncio.shield(self._writing)

    async def _until_heard(self) -> None:
        rate = self._context.engines.voice.sample_rate
        played = -1
        while self.turn.played > played and not self._heard.is_set():
            played = self.turn.played
            left = (self.turn.sent - played) / rate + HEARING_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._heard.wait()

    async def _write(self, ended: TurnEnded, offered: Interrupted | None) -> None:
        messages = []
        if self.turn.question and (ended.heard or ended.reason != "failed"):
            messages.append(Message("user", self.turn.question))
        if ended.heard:
            messages.append(Message("assistant", ended.heard))
        await self._context.store.finish(self._session, self.turn.number, messages, offered)

    async def _renew(self) -> None:
        store, turn = self._context.store, self.turn
        while True:
            await asyncio.sleep(self._context.limits.lock_seconds / 3)
            offered = Interrupted(turn.question, turn.played)
            if not await store.renew(self._session, turn.number, self._generation, offered):
                self._lock_lost()
                return
