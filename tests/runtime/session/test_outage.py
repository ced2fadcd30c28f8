"""Redis is lost in the middle of conversations, hangs, comes back, or comes back empty."""

import asyncio
import gc
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio.client import Pipeline

from digital_human_runtime.errors import NotAuthenticated
from digital_human_runtime.frames import Draining, Replaced, ResumableChanged
from digital_human_runtime.session import Limits, MemoryStore, RedisStore, StoreLost, Talk
from digital_human_runtime.session import failover as failing
from digital_human_runtime.session import talk as talking
from digital_human_runtime.session.failover import FailoverStore
from digital_human_runtime.session.redis_store import DEADLINE
from digital_human_runtime.session.store import Begun, Record
from tests.runtime.session.conftest import PATIENT, RedisServer
from tests.runtime.session.visitor import Visitor, come_back, visit
from tests.runtime.support import ScriptedModel, engines

ANSWER = "Yes, of course, my good friend."
FAST = 50.0
"""The visitors hear that much faster than real time: Redis runs on the real clock."""
LIMITS = Limits(lock_seconds=1.0)

Pod = Callable[..., Awaitable[Talk]]


@pytest.fixture
async def pod(redis_of_one: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pod]:
    """Makes processes that share one Redis."""
    monkeypatch.setattr(failing, "PROBES", (0.05, 0.1))
    monkeypatch.setattr(talking, "WATCH_SECONDS", 0.1)
    pods: list[Talk] = []

    async def start(deadline: float = PATIENT) -> Talk:
        store = RedisStore(redis_of_one.url, limits=LIMITS, deadline=deadline)
        talk = Talk(engines=engines(ScriptedModel(ANSWER)), store=store, limits=LIMITS)
        await talk.start()
        pods.append(talk)
        return talk

    yield start
    for talk in pods:
        await talk.close()


def said(visitor: Visitor) -> list[str]:
    """The history as the connection was told."""
    return [message.content for message in visitor.conversation.opened.history]


async def test_any_pod_can_take_a_session_up(pod: Pod) -> None:
    one, other = await pod(), await pod()
    visitor = await visit(one, hears=FAST)
    assert (visitor.conversation.opened.resumable, visitor.conversation.opened.store) == (
        True,
        "redis",
    )
    await visitor.ask("One?")
    await visitor.leave()
    again = await come_back(other, visitor, hears=FAST)
    assert said(again) == ["One?", ANSWER]
    assert (await again.ask("Two?")).turn == 3  # the new connection fenced number 2
    await again.leave()


async def test_a_ticket_of_one_pod_opens_at_another(pod: Pod) -> None:
    one, other = await pod(), await pod()
    ticket = await one.ticket("key:ada")
    visitor = Visitor(await other.open(ticket.ticket))
    with pytest.raises(NotAuthenticated):
        await one.open(ticket.ticket)
    await visitor.leave()


async def test_the_newest_connection_wins_across_pods(pod: Pod) -> None:
    one, other = await pod(), await pod()
    old = await visit(one, hears=1.0)
    await old.conversation.say("Go on.")
    await asyncio.sleep(0.2)
    new = await come_back(other, old, hears=FAST)
    await old.over(seconds=3)
    assert isinstance(old.events[-1], Replaced)
    await old.leave()
    assert (await new.ask("And?")).reason == "complete"
    await new.leave()
    third = await come_back(one, new, hears=FAST)
    assert said(third) == ["And?", ANSWER]  # what the old Pod wrote late was fenced
    await third.leave()


async def test_conversations_go_on_while_redis_is_gone(pod: Pod, redis_of_one: RedisServer) -> None:
    talk = await pod()
    visitor = await visit(talk, hears=FAST)
    await visitor.ask("One?")
    redis_of_one.stop()
    assert (await visitor.ask("Two?")).reason == "complete"
    told = await visitor.until(ResumableChanged, seconds=3)
    assert (told.resumable, talk.check().degraded, talk.check().ok) == (False, True, True)
    assert "out of reach" in told.reason
    new = await visit(talk, hears=FAST)
    assert new.conversation.opened.resumable is False
    assert new.conversation.opened.reason == told.reason
    await new.ask("Three?")
    await visitor.leave()
    again = await come_back(talk, visitor, hears=FAST)  # only here, from memory
    assert said(again) == ["One?", ANSWER, "Two?", ANSWER]
    redis_of_one.start()
    assert (await again.until(ResumableChanged, seconds=5)).resumable is True
    assert (await new.until(ResumableChanged, seconds=5)).resumable is True
    assert talk.check().degraded is False
    await again.ask("Four?")
    await again.leave()
    await new.leave()
    other = await pod()
    for left, questions in ((again, ["One?", "Two?", "Four?"]), (new, ["Three?"])):
        there = await come_back(other, left, hears=FAST)
        assert said(there)[::2] == questions
        await there.leave()


async def test_redis_is_lost_and_back_within_one_turn(pod: Pod, redis_of_one: RedisServer) -> None:
    talk = await pod()
    visitor = await visit(talk, hears=1.0)
    turn = await visitor.conversation.say("One?")
    redis_of_one.stop()
    await visitor.until(ResumableChanged, seconds=3)
    redis_of_one.start()
    await visitor.until(ResumableChanged, lambda told: told.resumable, seconds=5)
    ended = await visitor.until_ended(turn)
    await visitor.conversation.finished(turn, ended.samples)
    await visitor.leave()
    there = await come_back(await pod(), visitor, hears=FAST)
    assert said(there) == ["One?", ANSWER]
    await there.leave()


async def test_a_redis_that_hangs_delays_no_speech(pod: Pod, redis_of_one: RedisServer) -> None:
    talk = await pod(deadline=DEADLINE)
    visitor = await visit(talk, hears=FAST)
    await visitor.ask("One?")
    redis_of_one.pause()
    try:
        began = time.monotonic()
        async with asyncio.timeout(2):
            await visitor.conversation.say("Two?")
        assert time.monotonic() - began < 1.5
        assert (await visitor.ask("Three?")).reason == "complete"
        assert (await visitor.until(ResumableChanged, seconds=3)).resumable is False
    finally:
        redis_of_one.go_on()
    await visitor.until(ResumableChanged, lambda told: told.resumable, seconds=5)
    await visitor.leave()
    there = await come_back(await pod(), visitor, hears=FAST)
    assert said(there)[-2:] == ["Three?", ANSWER]
    await there.leave()


async def test_a_redis_that_lost_its_data_is_filled_again(
    pod: Pod, redis_of_one: RedisServer
) -> None:
    talk = await pod()
    visitor = await visit(talk, hears=FAST)
    await visitor.ask("One?")
    redis_of_one.stop()
    redis_of_one.start()  # so quickly that nobody may have noticed
    assert (await visitor.ask("Two?")).reason == "complete"
    await visitor.leave()
    there = await come_back(await pod(), visitor, hears=FAST)
    assert said(there) == ["One?", ANSWER, "Two?", ANSWER]
    await there.leave()


async def test_a_redis_that_forgets_the_scripts_is_told_them_again(
    redis_of_one: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart between the question whether it knows a script, and the call of it."""
    store = RedisStore(redis_of_one.url, limits=LIMITS, deadline=PATIENT)
    await store.create("s1", "key:ada", "token")
    load_scripts: Any = Pipeline.load_scripts  # without types
    times: list[int] = []

    async def forgotten(pipe: Pipeline) -> None:
        await load_scripts(pipe)
        times.append(1)
        if len(times) == 1:
            await store._redis.script_flush()

    monkeypatch.setattr(Pipeline, "load_scripts", forgotten)
    assert await store.generations(["s1"]) == {"s1": 1}
    assert len(times) == 2
    await store.close()


async def test_a_redis_that_is_lost_while_it_is_filled_again_takes_no_session_along() -> None:
    behind = Emptied()
    store = FailoverStore(behind, limits=LIMITS)
    await store.create("s1", "key:ada", "token")
    await behind.forget("s1")
    behind.gone = True
    assert isinstance(await store.begin("s1", 1, "Two?"), Begun)
    assert store.lost
    await store.close()


class Emptied(MemoryStore):
    """A store that can be lost between two questions of the same turn."""

    gone = False

    async def load(self, session: str) -> Record | None:
        """What it knows, while it is there."""
        if self.gone:
            raise StoreLost("just now")
        return await super().load(session)


async def test_what_happened_elsewhere_meanwhile_wins(pod: Pod, redis_of_one: RedisServer) -> None:
    cut_off = await pod()
    old = await visit(cut_off, hears=FAST)
    await old.ask("One?")
    assert cut_off._failover is not None
    cut_off._failover._lose(StoreLost("the network of this Pod is gone"))
    other = await pod()
    new = await come_back(other, old, hears=FAST)
    await new.ask("Two?")
    await old.over(seconds=5)  # the store is back, and a newer connection there
    assert isinstance(old.events[-1], Replaced)
    await old.leave()
    await new.leave()
    third = await come_back(other, new, hears=FAST)
    assert said(third) == ["One?", ANSWER, "Two?", ANSWER]
    await third.leave()


async def test_tickets_and_text_without_redis(pod: Pod, redis_of_one: RedisServer) -> None:
    talk = await pod()
    redis_of_one.stop()
    visitor = await visit(talk, hears=FAST)
    async for _ in talk.chat("anonymous", "One?", visitor.conversation.opened.session):
        pass
    async for _ in talk.chat("anonymous", "Two?", None):
        pass
    with pytest.raises(Exception, match="session store is out of reach"):
        await anext(talk.chat("anonymous", "Three?", "a-session-of-before"))
    await visitor.leave()


async def test_goodbye_without_redis(pod: Pod, redis_of_one: RedisServer) -> None:
    talk = await pod()
    visitor = await visit(talk, hears=FAST)
    await visitor.ask("One?")
    redis_of_one.stop()
    await visitor.leave(forget=True)
    with pytest.raises(NotAuthenticated):
        await come_back(talk, visitor)


async def test_goodbye_without_redis_is_told_when_it_is_back(
    pod: Pod, redis_of_one: RedisServer
) -> None:
    talk = await pod(deadline=DEADLINE)
    visitor, other = await visit(talk, hears=FAST), await visit(talk, hears=FAST)
    redis_of_one.pause()  # the first operation waits for the deadline, the rest do not
    await visitor.ask("One?")
    await visitor.leave(forget=True)
    redis_of_one.go_on()
    await other.until(ResumableChanged, lambda told: told.resumable, seconds=5)
    with pytest.raises(NotAuthenticated):
        await come_back(await pod(), visitor)
    await other.leave()


async def test_goodbye_at_one_pod_is_not_undone_by_another(pod: Pod) -> None:
    one, other = await pod(), await pod()
    old = await visit(one, hears=FAST)
    await old.ask("One?")
    new = await come_back(other, old, hears=FAST)
    await new.leave(forget=True)
    await old.over(seconds=3)
    assert old.conversation.ended == "replaced"
    await old.leave()
    for token in (old.conversation.opened.token, new.conversation.opened.token):
        with pytest.raises(NotAuthenticated):
            await come_back(other, old, token=token)


async def test_redis_comes_back_empty_within_one_turn(pod: Pod, redis_of_one: RedisServer) -> None:
    talk = await pod()
    visitor = await visit(talk, hears=1.0)
    turn = await visitor.conversation.say("One?")
    redis_of_one.stop()
    redis_of_one.start()
    await asyncio.sleep(LIMITS.lock_seconds)  # the lock is renewed meanwhile
    ended = await visitor.until_ended(turn)
    assert ended.reason == "complete"
    await visitor.conversation.finished(turn, ended.samples)
    await visitor.leave()
    there = await come_back(await pod(), visitor, hears=FAST)
    assert said(there) == ["One?", ANSWER]
    await there.leave()


async def test_it_does_not_start_without_redis(redis_of_one: RedisServer) -> None:
    redis_of_one.stop()
    talk = Talk(engines=engines(), store=RedisStore(redis_of_one.url, limits=LIMITS))
    with pytest.raises(StoreLost):
        await talk.start()
    await talk.close()


async def test_the_password_of_redis_is_never_told(
    redis_of_one: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    redis_of_one.stop()
    store = RedisStore(f"redis://:hunter2@127.0.0.1:{redis_of_one.port}", limits=LIMITS)
    with pytest.raises(StoreLost) as lost:
        await store.ping()
    assert "hunter2" not in "".join(traceback.format_exception(lost.value)) + caplog.text
    await store.close()


async def test_draining_gives_a_token_for_another_pod(pod: Pod) -> None:
    talk = await pod()
    visitor = await visit(talk, hears=FAST)
    await visitor.ask("One?")
    await talk.drain(5)
    told = await visitor.until(Draining, seconds=1)
    assert told.token is not None
    await visitor.leave()
    other = await pod()
    with pytest.raises(NotAuthenticated):
        await come_back(other, visitor)
    again = await come_back(other, visitor, token=told.token, hears=FAST)
    assert said(again) == ["One?", ANSWER]
    await again.leave()


async def test_no_token_is_kept_in_the_clear(pod: Pod, redis_of_one: RedisServer) -> None:
    talk = await pod()
    visitor = await visit(talk, hears=FAST)
    ticket = await talk.ticket("anonymous")
    store = RedisStore(redis_of_one.url)
    everything: list[str] = []
    async for key in store._redis.scan_iter():
        everything.append(str(key))
        if await store._redis.type(key) == "hash":
            everything.append(str(await store._redis.hgetall(key)))
    await store.close()
    assert visitor.conversation.opened.session in str(everything)
    assert visitor.conversation.opened.token not in str(everything)
    assert ticket.ticket not in str(everything)
    await visitor.leave()


async def test_every_key_has_an_end(pod: Pod, redis_of_one: RedisServer) -> None:
    talk = await pod()
    visitor = await visit(talk, hears=1.0)
    await talk.ticket("anonymous")
    await visitor.ask("One?")
    await visitor.conversation.say("Two?")
    store = RedisStore(redis_of_one.url)
    keys = [key async for key in store._redis.scan_iter()]
    assert len(keys) == 4
    for key in keys:
        assert await store._redis.pttl(key) > 0
    await store.close()
    await visitor.leave()


async def test_a_lost_redis_leaves_no_pipeline_open(
    redis_of_one: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    store = RedisStore(redis_of_one.url, limits=LIMITS)
    await store.ping()
    redis_of_one.stop()
    with pytest.raises(StoreLost):
        await store.generations(["s1", "s2"])
    gc.collect()
    await store.close()
    assert "Unclosed" not in caplog.text
