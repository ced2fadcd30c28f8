"""Gives the sessions of a human to one of another name: the keys of the runtime begin with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .library import redis
from .scratch import editing
from .subjects import batches


def rename(rdb: Path, old: str, new: str) -> int:
    """
    Write a file anew with the keys of ``new`` in place of those of ``old``; how many there were.

    Keys of nobody or of somebody else stay; what has expired is left out.
    """
    before, after = (f"digital-human:{name}:".encode() for name in (old, new))
    count = 0
    with editing(rdb) as scratch:
        try:
            for number in sorted(map(int, scratch.databases())):
                with scratch.server.client(db=number, decode_responses=False) as client:
                    for keys in batches(client):
                        count += _rename(client, keys, before, after)
        except redis.RedisError as error:
            raise scratch.server.explain(error) from error
        scratch.save(rdb)
    return count


def _rename(client: redis.Redis, keys: list[bytes], before: bytes, after: bytes) -> int:
    pipe: Any = client.pipeline(transaction=False)
    for key in keys:
        if key.startswith(before):
            pipe.rename(key, after + key[len(before) :])
    answers = pipe.execute(raise_on_error=False)
    for answer in answers:
        # A listing may show a key twice, and a key may expire.
        if isinstance(answer, Exception) and "no such key" not in str(answer):
            raise answer
    return sum(not isinstance(answer, Exception) for answer in answers)
