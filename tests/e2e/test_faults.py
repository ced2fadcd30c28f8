"""What goes wrong with real Pods: one hangs, one is killed, a node is emptied, Redis restarts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.e2e.humans import Humans
from tests.e2e.talking import Caller, Conversation

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300, func_only=True)]

REDIS: dict[str, Any] = {"store": {"redis": {"managed": {"storage": "64Mi"}}}, "perReplica": 4}


async def test_a_pod_that_hangs_gets_no_callers_until_it_answers_again(humans: Humans) -> None:
    humans.apply(humans.example())
    humans.until(lambda: len(humans.endpoints()) == 2, "both Pods behind the Service")
    hanging, other = humans.pods()
    with humans.stopped(hanging):
        left = {other["metadata"]["name"]}
        humans.until(lambda: humans.endpoints() == left, "the hanging Pod to get no callers", 90)
        # kube-proxy hears of it a moment after us, and until then also asks the Pod that hangs.
        async with asyncio.timeout(60):
            while not await _answers(humans):
                pass
        for _ in range(10):
            assert await _answers(humans)
    humans.until(lambda: len(humans.endpoints()) == 2, "both Pods behind the Service again", 120)


async def test_a_conversation_goes_on_at_another_pod_when_its_own_is_killed(
    humans: Humans,
) -> None:
    humans.apply(humans.example(sessions=REDIS))
    humans.until(lambda: len(humans.endpoints()) == 2, "both Pods behind the Service")
    one, other = humans.pods()
    async with _at(one).conversation() as talk:
        await talk.say("My name is Zebedee.")
        await talk.say("What can you do?")  # by now the turn before is history
        await talk.begin("How do you work?")
        resume = {"session": str(talk.welcome["session"]), "token": talk.token}
        humans.kill(one)  # in the middle of its answer
        await _until_closed(talk)
    async with _at(other).conversation(resume) as resumed:
        assert resumed.welcome["session"] == resume["session"]
        said = [entry["content"] for entry in resumed.welcome["history"]]
        assert "My name is Zebedee." in said
        answer = await resumed.say("What is my name?")
    assert "Zebedee" in answer.text
    humans.until(lambda: len(humans.endpoints()) == 2, "the killed one to be back", 90)


async def test_redis_keeps_conversations_over_its_restart(humans: Humans) -> None:
    humans.apply(humans.example(sessions=REDIS, replicas=1))
    caller = humans.caller()
    async with caller.conversation() as talk:
        await talk.say("My name is Zebedee.")
        resume = {"session": str(talk.welcome["session"]), "token": talk.token}
    (redis,) = humans.pods("redis")
    humans.cluster.kubectl("delete", "pod", redis["metadata"]["name"], "-n", humans.namespace)
    (old,) = humans.pods()
    humans.cluster.kubectl("delete", "pod", old["metadata"]["name"], "-n", humans.namespace)
    humans.until(
        lambda: len(humans.endpoints()) == 1 and old["metadata"]["name"] not in humans.endpoints(),
        "another Pod behind the Service",
        120,
    )
    async with caller.conversation(resume) as resumed:
        answer = await resumed.say("What is my name?")
    assert "Zebedee" in answer.text


@pytest.mark.alone
def test_a_drain_waits_for_the_budget(humans: Humans) -> None:
    marked = {"labels": {"of-the-test": humans.namespace}}
    humans.apply(humans.example(availability={"minAvailable": 1}, podTemplate=marked))
    humans.until(lambda: len(humans.endpoints()) == 2, "both Pods behind the Service")
    budget = humans.get("poddisruptionbudget", "ada")["status"]
    assert budget["disruptionsAllowed"] == 1
    before = humans.endpoints()
    kubectl = humans.cluster.kubectl
    try:
        drain = ["drain", "node-0", f"--pod-selector=of-the-test={humans.namespace}"]
        refused = kubectl.run(*drain, "--delete-emptydir-data", "--timeout=10s")
        assert refused.returncode != 0
        assert "disruption budget" in refused.stderr
        assert len(left := humans.endpoints()) == 1
        assert left < before
    finally:
        kubectl("uncordon", "node-0")
    humans.until(lambda: len(humans.endpoints()) == 2, "both Pods behind the Service again", 90)


async def _answers(humans: Humans) -> bool:
    """Whether a caller is answered soon."""
    try:
        async with asyncio.timeout(10):
            return bool(await humans.caller().chat("Are you there?"))
    except TimeoutError:
        return False


def _at(pod: dict[str, Any]) -> Caller:
    return Caller(str(pod["status"]["podIP"]), 8000)


async def _until_closed(talk: Conversation) -> None:
    async with asyncio.timeout(60):
        try:
            while True:
                await talk.socket.recv()
        except ConnectionClosed:
            return
