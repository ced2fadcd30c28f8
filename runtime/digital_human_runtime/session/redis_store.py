"""Sessions in Redis: any Pod of the human can take a session up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError

from digital_human_runtime.frames import Message
from digital_human_runtime.pipeline import Limits

from . import redis_scripts as scripts
from .conversation import Interrupted
from .store import Admitted, Begun, Held, Record, StoreLost, Superseded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DEADLINE = 0.25
"""Seconds for one operation: a Redis that hangs must not delay speech."""
FORGOTTEN_SECONDS = 60.0
"""For which the name of a forgotten session is remembered."""
CHAT = -1


class RedisStore:
    """
    Implements ``Store``. ``url`` as redis-py takes it; a password in it is never logged.

    ``prefix`` starts all keys, so that several humans can share one Redis.
    """

    kind: Literal["redis", "memory"] = "redis"
    lost = False

    def __init__(
        self,
        url: str,
        *,
        limits: Limits | None = None,
        prefix: str = "digital-human",
        deadline: float = DEADLINE,
    ) -> None:
        self._limits = limits or Limits()
        self._prefix = prefix
        self._deadline = deadline
        # One more try heals a pooled connection that a restarted server has closed. A call that
        # timed out is not repeated: it may have been done.
        once = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
        self._redis: Redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=deadline,
            socket_connect_timeout=deadline,
            retry=once,
            max_connections=256,
        )
        register = self._redis.register_script
        self._scripts = {
            name: register(getattr(scripts, name))
            for name in ("LOAD", "CLAIM", "ROTATE", "BEGIN", "RENEW", "FINISH", "RESTORE", "FORGET")
        }
        self._generation = register(scripts.GENERATION)

    async def ping(self) -> None:
        """Return when Redis answers."""
        async with self._in_time():
            await self._redis.ping()

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def keep_ticket(self, digest: str, admitted: Admitted) -> None:
        """Keep a ticket for as long as tickets live."""
        milliseconds = int(self._limits.ticket_seconds * 1000)
        async with self._in_time():
            await self._redis.set(self._ticket(digest), _dump(admitted), px=milliseconds)

    async def take_ticket(self, digest: str) -> Admitted | None:
        """Take a ticket out, once (GETDEL)."""
        async with self._in_time():
            found = await self._redis.getdel(self._ticket(digest))
        return Admitted(**json.loads(found)) if found else None

    async def create(self, session: str, principal: str, token: str) -> Record:
        """Make a session of generation 1."""
        record = Record(session, principal, token, generation=1, fence=0)
        await self.restore(record)
        return record

    async def load(self, session: str) -> Record | None:
        """Everything about a session, or None."""
        return _record(session, await self._run("LOAD", session))

    async def claim(
        self, session: str, token: str, new_token: str, principal: str | None
    ) -> Record | None:
        """Take a session over; see ``Store``."""
        found = await self._run("CLAIM", session, token, new_token, principal or "", self._life)
        return _record(session, found)

    async def rotate(self, session: str, generation: int, new_token: str) -> bool:
        """Put a new token unless a newer connection owns the session."""
        return bool(await self._run("ROTATE", session, generation, new_token, self._life))

    async def generations(self, sessions: Sequence[str]) -> Mapping[str, int]:
        """The generation of each session that is there, in one round trip."""
        if not sessions:
            return {}
        async with self._in_time():
            try:
                found = await self._generations(sessions)
            except NoScriptError:  # Redis was restarted right after it was asked for the script
                found = await self._generations(sessions)
        return {
            session: int(value)
            for session, value in zip(sessions, found, strict=True)
            if value is not None
        }

    async def _generations(self, sessions: Sequence[str]) -> list[str | None]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for session in sessions:
                await self._generation(keys=self._keys(session), args=[self._life], client=pipe)
            return await pipe.execute()

    async def begin(
        self, session: str, generation: int | None, question: str
    ) -> Begun | Held | Superseded | None:
        """Lock the session for a turn; see ``Store``."""
        owner = CHAT if generation is None else generation
        offered = _dump(Interrupted(question, 0)) if question else ""
        found = await self._run("BEGIN", session, owner, offered, self._lock_time, self._life)
        if found is None:
            return None
        if found[0] == "superseded":
            return Superseded()
        if found[0] == "held":
            return Held(max(0, int(found[1])) / 1000)
        return Begun(int(found[1]), _messages(found[2]))

    async def renew(
        self, session: str, fence: int, generation: int | None, offered: Interrupted
    ) -> bool:
        """Keep the lock and note how much was heard."""
        owner = CHAT if generation is None else generation
        done = await self._run(
            "RENEW", session, fence, owner, self._lock_time, _dump(offered), self._life
        )
        return bool(done)

    async def finish(
        self,
        session: str,
        fence: int,
        messages: Sequence[Message],
        interrupted: Interrupted | None,
    ) -> bool:
        """Add what was said and give the lock back."""
        offered = _dump(interrupted) if interrupted else ""
        most = self._limits.history_messages
        said = map(_dump, messages)
        return bool(await self._run("FINISH", session, fence, most, offered, self._life, *said))

    async def restore(self, record: Record) -> bool:
        """Write a session unless there is a newer one."""
        done = await self._run(
            "RESTORE",
            record.session,
            record.principal,
            record.token,
            record.generation,
            record.fence,
            _dump(record.interrupted) if record.interrupted else "",
            int(record.open),
            self._life,
            *map(_dump, record.history),
        )
        return bool(done)

    async def forget(self, session: str) -> None:
        """Delete a session; a Pod that still has it is told by its generation."""
        await self._run("FORGET", session, int(FORGOTTEN_SECONDS * 1000))

    @property
    def _life(self) -> int:
        return int(self._limits.session_seconds * 1000)

    @property
    def _lock_time(self) -> int:
        return int(self._limits.lock_seconds * 1000)

    def _ticket(self, digest: str) -> str:
        return f"{self._prefix}:ticket:{digest}"

    def _keys(self, session: str) -> list[str]:
        base = f"{self._prefix}:session:{{{session}}}"
        return [base, f"{base}:said", f"{base}:turn"]

    async def _run(self, script: str, session: str, *args: str | int) -> Any:
        async with self._in_time():
            return await self._scripts[script](keys=self._keys(session), args=list(args))

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._deadline):
                yield
        except TimeoutError:
            raise StoreLost(f"Redis did not answer within {self._deadline:g} s") from None
        except (RedisError, OSError) as error:
            raise StoreLost(f"Redis failed: {type(error).__name__}") from error


def _dump(value: Admitted | Interrupted | Message) -> str:
    return json.dumps(asdict(value), ensure_ascii=False)


def _messages(found: Sequence[str]) -> tuple[Message, ...]:
    return tuple(Message(**json.loads(line)) for line in found)


def _record(session: str, found: Any) -> Record | None:  # what Lua returned
    if not found or found[0][0] is None:
        return None
    principal, token, generation, fence, interrupted, open_turn = found[0]
    return Record(
        session,
        principal,
        token,
        int(generation),
        int(fence),
        _messages(found[1]),
        Interrupted(**json.loads(interrupted)) if interrupted else None,
        open=open_turn is not None,
    )
