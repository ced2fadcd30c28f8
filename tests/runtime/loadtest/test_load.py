"""A load test on a whole runtime with engines of the test."""

from __future__ import annotations

import json
from pathlib import Path

from digital_human_runtime.loadtest.conversation import Target
from digital_human_runtime.loadtest.figures import Outcome
from digital_human_runtime.loadtest.load import conversations
from tests.runtime.support.serving import Running, running

QUESTIONS = ("Hello, who are you?", "What can you do?")


async def talked(served: Running, *, pace: float = 0.1) -> list[Outcome]:
    """Three conversations of two questions."""
    outcomes: list[Outcome] = []
    target = Target(served.url("http"))
    await conversations(
        target, count=3, turns=2, pace=pace, ramp=0, done=outcomes.append, questions=QUESTIONS
    )
    return outcomes


async def test_every_question_is_answered() -> None:
    async with running() as served:
        outcomes = await talked(served)
    assert [(one.ok, one.fault) for one in outcomes] == [(True, "")] * 6
    assert all(one.first_audio and one.audio_seconds > 0 for one in outcomes)


async def test_a_greeting_that_is_cut_off_fails_nobody(tmp_path: Path) -> None:
    config = tmp_path / "human.json"
    config.write_text(json.dumps({"persona": {"greeting": "Welcome to all of you. " * 8}}))
    async with running(DIGITAL_HUMAN_CONFIG=str(config)) as served:
        outcomes = await talked(served)
    assert [(one.ok, one.fault) for one in outcomes] == [(True, "")] * 6


async def test_what_the_server_refuses_is_told() -> None:
    async with running(DIGITAL_HUMAN_RATE_LIMIT="4/minute") as served:
        outcomes = await talked(served)
    faults = [one.fault for one in outcomes if not one.ok]
    assert set(faults) == {"busy"} or "HTTP 429" in faults
