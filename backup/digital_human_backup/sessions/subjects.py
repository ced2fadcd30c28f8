"""
What Redis keeps of a subject: the sessions of a principal, and the tickets to them.

The keys are those of the runtime's session store; tests/backup/sessions compares them with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from digital_human_backup.errors import BackupError, RefusedError

from .library import redis
from .scratch import editing
from .server import Server, databases

Owns = Callable[[bytes], bool]
"""Whether what belongs to a principal has to go."""
FORGOTTEN_MILLISECONDS = 60_000
_BATCH = 1000
_PATTERN = "digital-human*"
_SESSION = re.compile(rb"digital-human(:.*)?:session:\{[^{}]*\}", re.DOTALL)
_TICKET = re.compile(rb"digital-human(:.*)?:ticket:[0-9a-f]+", re.DOTALL)
_FORGET = """
if redis.call('HGET', KEYS[1], 'principal') ~= ARGV[1] then return 0 end
local now = redis.call('HGET', KEYS[1], 'generation')
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
if now then
  redis.call('HSET', KEYS[1], 'generation', now + 1)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
"""
"""As the runtime forgets a session: the generation stays a minute, so no Pod writes it again."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was removed."""

    sessions: int = 0
    tickets: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(self.sessions + other.sessions, self.tickets + other.tickets)


def erase(server: Server, owns: Owns) -> Erased:
    """
    Remove the sessions and tickets of some principals from a running server, and nothing else.

    Whoever talks in one of the sessions is cut off by the runtime. Can be run again at any time.
    """
    check_erasable(server)
    return _everywhere(server, owns, _forget)


def check_erasable(server: Server) -> None:
    """BackupError when nothing can be removed from a server now, or not by us."""
    server.greet()
    with server.client() as client:
        info = server.info(client)
    if info.get("cluster_enabled"):
        raise RefusedError(f"{server.name} is part of a cluster, which is not supported.")
    if info["role"] != "master":
        raise BackupError(
            f"{server.name} is a replica of {info.get('master_host')}: name the primary; if a"
            " restore into it is under way, run this again when that has ended."
        )


def without(rdb: Path, owns: Owns) -> Erased:
    """Write a file anew without what belongs to some principals, and without what has expired."""
    with editing(rdb) as scratch:
        found = _everywhere(scratch.server, owns, _delete)
        scratch.save(rdb)
    return found


def _everywhere(
    server: Server, owns: Owns, remove: Callable[[redis.Redis, bytes, bytes], bool]
) -> Erased:
    found = Erased()
    try:
        with server.client() as client:
            numbers = sorted(int(name) for name in databases(server.info(client)))
        for number in numbers:
            with server.client(db=number, decode_responses=False) as client:
                for keys in batches(client):
                    found += _remove(client, keys, owns, remove)
    except redis.RedisError as error:
        raise server.explain(error) from error
    return found


def batches(client: redis.Redis) -> Iterator[list[bytes]]:
    """Every key of the runtime that is there all the time, some perhaps twice."""
    cursor: Any = 0
    while True:
        answer: Any = client.scan(cursor, match=_PATTERN, count=_BATCH)
        cursor, keys = answer
        yield list(dict.fromkeys(keys))
        if not cursor:
            return


def _remove(
    client: redis.Redis,
    keys: list[bytes],
    owns: Owns,
    remove: Callable[[redis.Redis, bytes, bytes], bool],
) -> Erased:
    sessions = [key for key in keys if _SESSION.fullmatch(key)]
    tickets = [key for key in keys if _TICKET.fullmatch(key)]
    pipe: Any = client.pipeline(transaction=False)
    for key in sessions:
        pipe.hget(key, "principal")
    for key in tickets:
        pipe.get(key)
    found = pipe.execute(raise_on_error=False)
    _raise_what_is_not_ours(found)
    gone = [
        remove(client, key, principal)
        for key, principal in zip(sessions, found, strict=False)
        if isinstance(principal, bytes) and owns(principal)
    ]
    opened = zip(tickets, found[len(sessions) :], strict=True)
    spent = [key for key, value in opened if (who := _admitted(value)) is not None and owns(who)]
    if spent:
        client.delete(*spent)
    return Erased(sum(gone), len(spent))


def _raise_what_is_not_ours(answers: list[Any]) -> None:
    """A key of another type under such a name is not the runtime's; other errors are errors."""
    for answer in answers:
        if isinstance(answer, Exception) and not str(answer).startswith("WRONGTYPE"):
            raise answer


def _admitted(value: Any) -> bytes | None:
    """The principal of a ticket."""
    if not isinstance(value, bytes):
        return None
    try:
        return str(json.loads(value)["principal"]).encode()
    except (ValueError, TypeError, KeyError):
        return None


def _keys(session: bytes) -> list[bytes]:
    return [session, session + b":said", session + b":turn"]


def _forget(client: redis.Redis, session: bytes, principal: bytes) -> bool:
    ask: Any = client
    return bool(ask.eval(_FORGET, 3, *_keys(session), principal, FORGOTTEN_MILLISECONDS))


def _delete(client: redis.Redis, session: bytes, _: bytes) -> bool:
    """In a copy, which nobody else changes and no Pod looks at."""
    return bool(client.delete(*_keys(session)))
