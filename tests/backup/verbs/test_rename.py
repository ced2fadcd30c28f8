"""The sessions of a human go to one of another name, whose runtime looks for them under that."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from digital_human_runtime.session.redis_store import RedisStore
from tests.backup.conftest import Run
from tests.backup.servers import Database
from tests.backup.sessions.data import fill, keys, keys_of, talk


def address(server: Database) -> tuple[str, str]:
    return "--redis", f"redis://127.0.0.1:{server.port}"


def resumed(server: Database, human: str, session: str) -> list[str]:
    """What the runtime of a human knows of a session that is taken up by its token."""

    async def claim() -> list[str]:
        store = RedisStore(
            f"redis://127.0.0.1:{server.port}/0", prefix=f"digital-human:{human}", deadline=10.0
        )
        record = await store.claim(session, f"token of {session}", "another", None)
        await store.close()
        assert record is not None
        return [message.content for message in record.history]

    return asyncio.run(claim())


def test_another_human_takes_up_the_sessions(
    run: Run, redis: Database, target: Database, key_file: Path
) -> None:
    key = ("--key-file", key_file)
    talk(redis, "jwt:eve", "eves", human="eve")
    fill(redis)
    run("create", "--human", "ada", *address(redis), *key)
    run("restore", *address(target), "--human", "bob", *key)
    assert keys_of("bobs", "bob") | keys_of("one", "bob") <= keys(target)
    assert not keys_of("bobs", "ada") & keys(target)
    assert keys_of("eves", "eve") <= keys(target)
    assert len(keys(target)) == len(keys(redis))
    assert resumed(target, "bob", "bobs")[0] == "I am jwt:bob."


def test_the_same_name_changes_nothing(
    run: Run, redis: Database, target: Database, key_file: Path
) -> None:
    key = ("--key-file", key_file)
    run("create", "--human", "ada", *address(redis), *key)
    run("restore", *address(target), "--human", "ada", *key)
    assert keys(target) == keys(redis)


def test_times_to_live_and_erasures_hold_under_the_new_name(
    run: Run, redis: Database, target: Database, key_file: Path
) -> None:
    key = ("--key-file", key_file)
    run("create", "--human", "ada", *address(redis), *key)
    run("erase", "jwt:alice", *key)
    told = run("restore", *address(target), "--human", "bob", *key)
    assert told["erased"]["sessions"] == 2
    assert keys_of("bobs", "bob") <= keys(target)
    assert not keys_of("one", "bob") & keys(target)
    client: Any = target.client()
    lives = {client.pttl(one) for one in keys_of("bobs", "bob")}
    assert all(0 < life <= 30 * 24 * 3600 * 1000 for life in lives)


def test_a_name_with_signs_is_taken_as_it_is(
    run: Run, redis: Database, target: Database, key_file: Path
) -> None:
    key = ("--key-file", key_file)
    talk(redis, "jwt:x", "odd", human="a*")
    run("create", "--human", "a*", *address(redis), *key)
    run("restore", *address(target), "--human", "bob", *key)
    assert keys_of("odd", "bob") <= keys(target)
    assert keys_of("bobs", "ada") <= keys(target)


def test_many_keys_move(run: Run, redis: Database, target: Database, key_file: Path) -> None:
    key = ("--key-file", key_file)
    client: Any = redis.client()
    pipe = client.pipeline(transaction=False)
    for number in range(20_000):
        pipe.set(f"digital-human:ada:ticket:{number:x}", "{}", ex=3600)
    pipe.execute()
    run("create", "--human", "ada", *address(redis), *key)
    run("restore", *address(target), "--human", "bob", *key)
    moved = keys(target)
    assert len(moved) == len(keys(redis))
    assert not [one for one in moved if one.startswith(b"digital-human:ada:")]
