"""First sound, barge-in and memory, from a listener on the same machine."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from typing import Any

import httpx2

from digital_human_runtime.loadtest import media
from digital_human_runtime.loadtest.conversation import (
    BUFFER_SECONDS,
    Listener,
    Target,
    listening,
)
from digital_human_runtime.loadtest.figures import Outcome, percentile
from digital_human_runtime.loadtest.load import QUESTIONS
from tools.bench.speech.process import RuntimeProcess

PACE = 0.25
"""Seconds in which a listener hears a second: faster than speech, so that a run is not so long."""
LONG = "Tell me everything about how backups are made and restored."


async def first_audio(process: RuntimeProcess, sessions: int, rounds: int) -> dict[str, Any]:
    """Ask in all sessions at the same moment, ``rounds`` times, and hear every answer out."""
    outcomes: list[Outcome] = []
    async with AsyncExitStack() as stack:
        listeners = await _open(stack, process, sessions)
        for number in range(rounds + 1):
            asked = [
                listener.ask(QUESTIONS[(number + index) % len(QUESTIONS)], pace=PACE)
                for index, listener in enumerate(listeners)
            ]
            found = await asyncio.gather(*asked)
            outcomes += found if number else []  # the first round warms up
    heard = [one.first_audio for one in outcomes if one.first_audio is not None]
    return {
        "sessions": sessions,
        "turns": len(outcomes),
        "failed": sum(not one.ok for one in outcomes),
        "first_audio_p50_ms": _ms(percentile(heard, 0.5)),
        "first_audio_p95_ms": _ms(percentile(heard, 0.95)),
        "audible_p50_ms": _ms(percentile([v + BUFFER_SECONDS for v in heard], 0.5)),
    }


async def barge_in(process: RuntimeProcess, tries: int) -> dict[str, Any]:
    """From sending ``interrupt`` in the middle of an answer to its ``end``, and media after it."""
    seconds, late = [], 0
    async with AsyncExitStack() as stack:
        (listener,) = await _open(stack, process, 1)
        for _ in range(tries):
            took, after = await _interrupted(listener)
            seconds.append(took)
            late += after
    return {
        "tries": tries,
        "interrupt_to_end_p50_ms": _ms(percentile(seconds, 0.5)),
        "interrupt_to_end_p95_ms": _ms(percentile(seconds, 0.95)),
        "media_after_end": late,
    }


async def memory(process: RuntimeProcess, sessions: int) -> dict[str, Any]:
    """Resident memory before, with ``sessions`` open that have each spoken once, and after."""
    before = process.rss_mib()
    async with AsyncExitStack() as stack:
        listeners = await _open(stack, process, sessions)
        for start in range(0, sessions, 10):
            await asyncio.gather(
                *(one.ask("Hello", pace=0) for one in listeners[start : start + 10])
            )
        during = process.rss_mib()
    return {
        "rss_mib": round(before, 1),
        "sessions": sessions,
        "rss_kib_per_session": round(1024 * (during - before) / sessions, 1),
    }


async def _interrupted(listener: Listener) -> tuple[float, int]:
    """Interrupt a turn once half a second of it is here; count its media after the end."""
    socket = listener._socket  # noqa: SLF001 - a raw look at the wire is what is measured
    await socket.send(json.dumps({"type": "say", "text": LONG}))
    turn, samples, sent = None, 0, None
    rate = int(listener.welcome["sampleRate"])
    while True:
        message = await asyncio.wait_for(socket.recv(), 20)
        if isinstance(message, bytes):
            samples += len(media.read(message).samples)
            if samples > rate // 2 and sent is None and turn is not None:
                sent = time.perf_counter()
                stop = {"type": "interrupt", "turn": turn, "played": samples // 2}
                await socket.send(json.dumps(stop))
            continue
        found = json.loads(message)
        turn = found["turn"] if found["type"] == "turn" else turn
        if found["type"] == "end":
            ended = time.perf_counter()
            if sent is None:
                raise RuntimeError("the answer ended before it could be interrupted")
            return ended - sent, await _media_within(socket, 0.2)


async def _media_within(socket: Any, seconds: float) -> int:
    count = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                count += isinstance(await socket.recv(), bytes)
    except TimeoutError:
        return count


async def _open(stack: AsyncExitStack, process: RuntimeProcess, sessions: int) -> list[Listener]:
    client = await stack.enter_async_context(httpx2.AsyncClient(timeout=30))
    target = Target(process.http, process.websocket, timeout=60)
    return [await stack.enter_async_context(listening(target, client)) for _ in range(sessions)]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 1)
