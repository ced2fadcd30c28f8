"""Data of every type that Redis has."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import redis

from digital_human_runtime.frames import Message
from digital_human_runtime.pipeline import Limits
from digital_human_runtime.session.redis_store import RedisStore
from digital_human_runtime.session.store import Admitted, Begun
from tests.backup.servers import Database


def fill(database: Database) -> None:
    """Every type, in each of its encodings, with binary keys and times to live, in three bases."""
    rng = random.Random(11)
    client = database.client()
    binary = bytes(range(256))
    client.set(binary, binary * 300)
    client.set(b"", b"an empty key")
    client.set("number", 12345678)
    client.set("compressible", "a" * 100_000)
    client.set("soon", "1", ex=3600)
    client.set("with spaces\r\n and lines", "x", px=7_200_123)
    for size in (3, 700):
        client.rpush(f"list:{size}", *(rng.randbytes(40) for _ in range(size)))
        client.sadd(f"set:{size}", *(rng.randbytes(9) for _ in range(size)))
        client.sadd(f"intset:{size}", *range(size))
        client.hset(
            f"hash:{size}", mapping={rng.randbytes(5): rng.randbytes(90) for _ in range(size)}
        )
        client.zadd(f"zset:{size}", {rng.randbytes(6): rng.uniform(-1e9, 1e9) for _ in range(size)})
        for number in range(size):
            client.xadd(f"stream:{size}", {"n": number, b"\xff": rng.randbytes(20)})
    client.zadd("infinite", {"a": float("inf"), "b": float("-inf")})
    client.xgroup_create("stream:700", "group", id="0")
    client.xreadgroup("group", "one", {"stream:700": ">"}, count=5)
    client.pfadd("hyperloglog", *(str(number) for number in range(2000)))
    client.geoadd("places", (13.4, 52.5, "Berlin", -0.1, 51.5, "London"))
    client.setbit("bits", 100_000, 1)
    client.expire("list:700", 5000)
    execute(
        client,
        "FUNCTION",
        "LOAD",
        "#!lua name=l\nredis.register_function('f', function() return 7 end)",
    )
    for number in (3, 15):
        other = database.client(db=number)
        other.set(f"in {number}", "x", ex=900)
        other.set("more", "y")


def execute(client: redis.Redis, *words: object) -> Any:
    """A command that the client has no method for."""
    ask: Any = client
    return ask.execute_command(*words)


def digest(database: Database) -> tuple[bytes, dict[str, Any], Any]:
    """What stands for all data, times to live included: Redis' own digest, sizes, functions."""
    client = database.client()
    sizes: Any = client.info("keyspace")
    keys = {name: (found["keys"], found["expires"]) for name, found in sizes.items()}
    return execute(client, "DEBUG", "DIGEST"), keys, execute(client, "FUNCTION", "LIST")


def talk(
    database: Database, principal: str, *sessions: str, human: str = "ada", base: int = 0
) -> None:
    """Sessions of somebody, a turn of each said and another one open, and a ticket to each."""

    async def write() -> None:
        store = RedisStore(
            f"redis://127.0.0.1:{database.port}/{base}",
            limits=Limits(lock_seconds=3600, ticket_seconds=3600),  # longer than any test
            prefix=f"digital-human:{human}",
            deadline=10.0,
        )
        for session in sessions:
            await store.create(session, principal, f"token of {session}")
            begun = await store.begin(session, 1, "Who am I?")
            assert isinstance(begun, Begun)
            said = [Message("user", f"I am {principal}."), Message("assistant", "I know.")]
            await store.finish(session, begun.fence, said, None)
            await store.begin(session, 1, "And you?")
            digest = session.encode().hex()
            await store.keep_ticket(digest, Admitted(session, principal))
        await store.close()

    asyncio.run(write())


def keys(database: Database, base: int = 0) -> set[bytes]:
    """Every key of a base."""
    found: Any = database.client(db=base).keys("*")
    return set(found)


def keys_of(session: str, human: str = "ada") -> set[bytes]:
    """What ``talk`` writes for a session."""
    start = f"digital-human:{human}:session:{{{session}}}"
    ticket = f"digital-human:{human}:ticket:{session.encode().hex()}"
    return {word.encode() for word in (start, f"{start}:said", f"{start}:turn", ticket)}
