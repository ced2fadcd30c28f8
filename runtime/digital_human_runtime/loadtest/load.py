"""Many callers at once, bounded in number and time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence

import httpx2
from websockets.exceptions import WebSocketException

from .conversation import Refused, Target, listening
from .figures import Outcome

Done = Callable[[Outcome], None]
QUESTIONS = (
    "Hello, who are you?",
    "What can you do?",
    "How does the operator scale?",
    "What is a digital human?",
    "How are backups made?",
)


async def chats(
    target: Target, *, requests: int, concurrency: int, done: Done, questions: Sequence[str]
) -> float:
    """Send chat requests; return the seconds that all of them took. Responses are always read."""
    numbers = iter(range(requests))
    began = time.perf_counter()
    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx2.AsyncClient(timeout=target.timeout, limits=limits) as client:

        async def caller() -> None:
            for number in numbers:
                done(await _chat(client, target, questions[number % len(questions)]))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, requests)):
                group.create_task(caller())
    return time.perf_counter() - began


async def _chat(client: httpx2.AsyncClient, target: Target, question: str) -> Outcome:
    began = time.perf_counter()
    try:
        answer = await client.post(
            f"{target.url}/api/chat", json={"message": question}, headers=target.headers
        )
        answered = answer.status_code == httpx2.codes.OK and bool(_reply(answer))
        fault = "" if answered else f"HTTP {answer.status_code}"
    except httpx2.HTTPError as error:
        answered, fault = False, type(error).__name__
    return Outcome(answered, time.perf_counter() - began, fault)


def _reply(answer: httpx2.Response) -> object:
    try:
        found = answer.json()
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


async def conversations(
    target: Target,
    *,
    count: int,
    turns: int,
    pace: float,
    ramp: float,
    done: Done,
    questions: Sequence[str],
) -> float:
    """Hold conversations, all at the same time; return the seconds that all of them took."""
    began = time.perf_counter()
    async with httpx2.AsyncClient(timeout=target.timeout) as client:

        async def caller(number: int) -> None:
            await asyncio.sleep(ramp * number / count)
            opened, told = time.perf_counter(), 0
            try:
                async with listening(target, client) as listener:
                    for turn in range(turns):
                        question = questions[(number + turn) % len(questions)]
                        done(await listener.ask(question, pace=pace))
                        told += 1
            except (Refused, OSError, TimeoutError, httpx2.HTTPError, WebSocketException) as error:
                for _ in range(turns - told):  # those that could not be asked any more, too
                    done(Outcome(False, time.perf_counter() - opened, _said(error)))

        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(caller(number))
    return time.perf_counter() - began


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, Refused) else type(error).__name__
