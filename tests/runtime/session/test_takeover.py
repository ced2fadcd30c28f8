"""A process that is killed in the middle of a turn blocks its session for a short time only."""

import asyncio
import signal
import sys
import time

import pytest

from digital_human_runtime.errors import Conflict
from digital_human_runtime.session import Interrupted, Limits, RedisStore, Talk
from tests.runtime.session.conftest import PATIENT, RedisServer
from tests.runtime.session.visitor import Visitor
from tests.runtime.support import ScriptedModel, engines
from tools.cache import ROOT

LIMITS = Limits(lock_seconds=1.0)
PROCESS = """
import asyncio, sys
from digital_human_runtime.session import Limits, RedisStore, Talk
from tests.runtime.session.visitor import visit
from tests.runtime.support import ScriptedModel, engines

async def main():
    limits = Limits(lock_seconds=1.0)
    talk = Talk(engines=engines(ScriptedModel("One sentence and another. " * 50)),
                store=RedisStore(sys.argv[1], limits=limits), limits=limits)
    await talk.start()
    visitor = await visit(talk, "key:ada")
    await visitor.conversation.say("Go on.")
    opened = visitor.conversation.opened
    print(opened.session, opened.token, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def a_talk(server: RedisServer) -> Talk:
    """A process that lives."""
    store = RedisStore(server.url, limits=LIMITS, deadline=PATIENT)
    return Talk(engines=engines(ScriptedModel("Yes.")), store=store, limits=LIMITS)


async def killed_in_a_turn(server: RedisServer) -> tuple[str, str]:
    """Start a process that answers, kill it, and return its session and token."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROCESS, server.url),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}/runtime:{ROOT}"},
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        session, token = (await process.stdout.readline()).decode().split()
        store = RedisStore(server.url, limits=LIMITS, deadline=PATIENT)
        for _ in range(200):
            if await heard_of(store, session):
                break
            await asyncio.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await store.close()
    return session, token


async def heard_of(store: RedisStore, session: str) -> int:
    """Samples that the store was told of when the lock was renewed."""
    record = await store.load(session)
    return record.interrupted.heard_samples if record and record.interrupted else 0


async def test_the_killed_turn_is_offered_and_the_session_goes_on_at_once(
    redis_of_all: RedisServer,
) -> None:
    session, token = await killed_in_a_turn(redis_of_all)
    talk = a_talk(redis_of_all)
    conversation = await talk.resume(session, token, "key:ada")
    offered = conversation.opened.interrupted
    assert isinstance(offered, Interrupted)
    assert offered.question == "Go on."
    assert offered.heard_samples > 0
    assert conversation.opened.history == ()
    visitor = Visitor(conversation, hears=50)
    assert (await visitor.ask("Go on.")).reason == "complete"
    await visitor.leave()
    await talk.close()


async def test_text_waits_until_the_lock_has_expired(redis_of_all: RedisServer) -> None:
    session, _ = await killed_in_a_turn(redis_of_all)
    killed = time.monotonic()
    talk = a_talk(redis_of_all)
    with pytest.raises(Conflict) as refused:
        await anext(talk.chat("key:ada", "Hello?", session))
    assert refused.value.retry_after is not None
    assert refused.value.retry_after <= LIMITS.lock_seconds
    await asyncio.sleep(refused.value.retry_after + 0.1)
    async for _ in talk.chat("key:ada", "Hello?", session):
        pass
    assert time.monotonic() - killed < 10
    await talk.close()


def test_a_lock_is_shorter_than_ten_seconds() -> None:
    assert Limits().lock_seconds < 10


@pytest.mark.parametrize("count", [8])
async def test_only_one_of_many_pods_speaks(redis_of_all: RedisServer, count: int) -> None:
    pods = [a_talk(redis_of_all) for _ in range(count)]
    ticket = await pods[0].ticket("key:ada")
    conversation = await pods[0].open(ticket.ticket)

    async def chat(talk: Talk) -> bool:
        try:
            async for _ in talk.chat("key:ada", "Hello?", conversation.opened.session):
                await asyncio.sleep(0.2)
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*map(chat, pods))) == 1
    await conversation.close(forget=True)
    for talk in pods:
        await talk.close()
