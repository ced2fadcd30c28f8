"""What belongs to a subject goes, from running servers and from files, and nothing else does."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from digital_human_backup.errors import BackupError, RefusedError
from digital_human_backup.sessions import Erased, Server, checked, copy, erase, without
from digital_human_runtime.session.conversation import Interrupted
from digital_human_runtime.session.redis_store import RedisStore
from digital_human_runtime.session.store import Record
from tests.backup.servers import Database, database
from tools.ports import free_port

from .data import digest, execute, fill, keys, keys_of, talk

DEBUG = "enable-debug-command yes"
ODD = "jwt:\u00e4 \n\0\r{x}*[a]"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Database]:
    with database(tmp_path / "redis", DEBUG) as started:
        yield started


def is_alice(principal: bytes) -> bool:
    return principal == b"jwt:alice"


def test_only_what_belongs_to_the_subject_goes(redis: Database) -> None:
    fill(redis)
    talk(redis, "jwt:alicia", "other")
    talk(redis, "jwt:bob", "bobs", human="bea", base=3)
    before, others = digest(redis), keys(redis)
    talk(redis, "jwt:alice", "one", "two")
    talk(redis, "jwt:alice", "three", human="bea", base=3)
    assert erase(redis.server, is_alice) == Erased(sessions=3, tickets=3)
    left = {f"digital-human:ada:session:{{{name}}}".encode() for name in ("one", "two")}
    assert keys(redis) == others | left  # for a minute, and only the count of its connections
    for key in left:
        assert redis.client().hgetall(key) == {b"generation": b"2"}
        assert 50_000 < redis.client().pttl(key) <= 60_000
        redis.client().delete(key)
    redis.client(db=3).delete("digital-human:bea:session:{three}")
    assert digest(redis) == before
    assert erase(redis.server, is_alice) == Erased(0, 0)


def test_a_pod_does_not_write_an_erased_session_again(redis: Database) -> None:
    talk(redis, "jwt:alice", "one")
    erase(redis.server, is_alice)

    async def write() -> None:
        store = RedisStore(
            f"redis://127.0.0.1:{redis.port}", prefix="digital-human:ada", deadline=9
        )
        record = Record("one", "jwt:alice", "token", 1, 2)
        assert await store.generations(["one"]) == {"one": 2}  # the Pod ends its connection
        assert not await store.renew("one", 2, 1, Interrupted("And you?", 0))
        assert not await store.finish("one", 2, [], None)
        assert not await store.restore(record)
        assert await store.load("one") is None
        await store.close()

    asyncio.run(write())


@pytest.mark.parametrize("principal", [ODD.encode(), b"jwt:\xff\xfe\0\n", b"jwt:" + b"x" * 128])
def test_any_bytes_may_be_a_subject(redis: Database, principal: bytes) -> None:
    talk(redis, "jwt:alice", "hers")
    client = redis.client()
    client.hset("digital-human:x:session:{a}", mapping={"principal": principal, "generation": "1"})
    client.hset("digital-human:x:session:{b}", mapping={"principal": principal[:-1]})
    client.rpush("digital-human:x:session:{a}:said", b"\xff")
    assert erase(redis.server, lambda found: found == principal) == Erased(1, 0)
    assert not client.exists("digital-human:x:session:{a}:said")
    assert client.exists("digital-human:x:session:{b}")
    assert keys_of("hers") <= keys(redis)


def test_a_ticket_of_odd_characters_goes(redis: Database) -> None:
    talk(redis, ODD, "one")
    assert erase(redis.server, lambda found: found == ODD.encode()) == Erased(1, 1)


def test_keys_that_only_look_alike_stay(redis: Database) -> None:
    client = redis.client()
    fields: dict[Any, Any] = {"principal": "jwt:alice"}
    client.set("digital-human:ada:session:{text}", "jwt:alice")
    client.set("digital-human:ada:ticket:ab", "no JSON")
    client.set("digital-human:ada:ticket:ac", "[]")
    client.rpush("digital-human:ada:ticket:ad", "jwt:alice")
    client.set("digital-human:ada:ticket:xyz", '{"session":"s","principal":"jwt:alice"}')
    client.hset("digital-human:ada:session:{a}:said", mapping=fields)
    client.hset("other:session:{a}", mapping=fields)
    client.hset("x-digital-human:ada:session:{a}", mapping=fields)
    client.hset("digital-humans:session:{a}", mapping=fields)
    before = digest(redis)
    assert erase(redis.server, is_alice) == Erased(0, 0)
    assert digest(redis) == before


def test_many_sessions(redis: Database) -> None:
    client = redis.client()
    with client.pipeline(transaction=False) as pipe:
        for number in range(5000):
            who = "jwt:alice" if number % 5 == 0 else f"jwt:{number}"
            key = f"digital-human:ada:session:{{{number}}}"
            pipe.hset(key, mapping={"principal": who, "generation": 1})
        pipe.execute()
    assert erase(redis.server, is_alice) == Erased(1000, 0)
    assert erase(redis.server, is_alice) == Erased(0, 0)


def test_a_file_without_a_subject(redis: Database, tmp_path: Path) -> None:
    fill(redis)
    talk(redis, "jwt:bob", "bobs")
    client = redis.client()
    client.config_set("hash-max-listpack-entries", 1)
    before = digest(redis)
    talk(redis, "jwt:alice", "one", "two")
    talk(redis, "jwt:alice", "three", base=15)
    dump = tmp_path / "dump.rdb"
    copy(redis.server, dump)
    assert b"jwt:alice" in dump.read_bytes()
    dump.chmod(0o640)
    assert without(dump, is_alice) == Erased(3, 3)
    assert b"alice" not in dump.read_bytes()
    assert dump.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.glob(".scratch*")] == []
    assert checked(dump).keys > 26
    (tmp_path / "new").mkdir()
    dump.rename(tmp_path / "new" / "dump.rdb")
    with database(tmp_path / "new", DEBUG) as started:
        assert digest(started) == before


def test_a_file_does_not_keep_a_subject_whose_time_is_over(redis: Database, tmp_path: Path) -> None:
    client = redis.client()
    client.hset("digital-human:ada:session:{a}", mapping={"principal": "jwt:alice"})
    execute(client, "DEBUG", "SET-ACTIVE-EXPIRE", "0")
    client.pexpire("digital-human:ada:session:{a}", 1)
    dump = tmp_path / "dump.rdb"
    copy(redis.server, dump)
    assert b"jwt:alice" in dump.read_bytes()
    without(dump, is_alice)
    assert b"jwt:alice" not in dump.read_bytes()


def test_servers_that_nothing_can_be_removed_from(tmp_path: Path) -> None:
    with (
        database(tmp_path / "primary") as primary,
        database(tmp_path / "replica", f"replicaof 127.0.0.1 {primary.port}") as replica,
        pytest.raises(BackupError, match=r"replica of 127.0.0.1: name the primary; if a restore"),
    ):
        erase(replica.server, is_alice)
    lines = ("cluster-enabled yes", f"cluster-port {free_port()}")
    with (
        database(tmp_path / "cluster", *lines) as part,
        pytest.raises(RefusedError, match="is part of a cluster"),
    ):
        erase(part.server, is_alice)


def test_the_rights_that_the_page_names(tmp_path: Path) -> None:
    word = hashlib.sha256(b"a secret").hexdigest()
    rights = "+info +select +scan +eval +get +hget +hset +pexpire +del"
    lines = (
        f"user eraser on ~digital-human* {rights} #{word}",
        f"user poor on ~digital-human* +info +select +scan #{word}",
    )
    page = (Path(__file__).parents[3] / "docs" / "backup.md").read_text()
    assert f"`~digital-human* {rights}`" in page
    with database(tmp_path / "redis", DEBUG, *lines) as redis:
        talk(redis, "jwt:alice", "one")
        talk(redis, "jwt:alice", "two", base=3)
        found = Server("127.0.0.1", redis.port, user="poor", password="a secret")
        with pytest.raises(RefusedError, match=r"refuses a command .*the rights that docs/backup"):
            erase(found, is_alice)
        found = Server("127.0.0.1", redis.port, user="eraser", password="a secret")
        assert erase(found, is_alice) == Erased(2, 2)
