"""A load test on a whole runtime with engines of the test."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from digital_human_runtime.loadtest.conversation import Refused, Target, _welcome
from digital_human_runtime.loadtest.figures import Outcome
from digital_human_runtime.loadtest.load import conversations
from tests.runtime.support.serving import Running, running
from tests.support.loopback import serving

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


class Stranger(BaseHTTPRequestHandler):
    """Answers everything with what it was told to."""

    body = b""

    def do_POST(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Be silent."""


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"session": "s"}', b"\xff"])
async def test_a_server_that_is_no_runtime_fails_and_breaks_nothing(body: bytes) -> None:
    handler = type("One", (Stranger,), {"body": body})
    outcomes: list[Outcome] = []
    with serving(handler) as address:
        await conversations(
            Target(address),
            count=2,
            turns=2,
            pace=0,
            ramp=0,
            done=outcomes.append,
            questions=QUESTIONS,
        )
    faults = {one.fault for one in outcomes}
    assert len(outcomes) == 4
    assert faults == {"no ticket in the answer: is it a runtime of ours?"}


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("hello", "no welcome in the answer: is it a runtime of ours?"),
        ("[]", "no welcome in the answer: is it a runtime of ours?"),
        ('{"type": "welcome"}', "no welcome in the answer: is it a runtime of ours?"),
        ('{"type": "error", "code": "busy"}', "busy"),
    ],
)
def test_what_is_no_welcome_is_refused(said: str, fault: str) -> None:
    with pytest.raises(Refused) as refused:
        _welcome(said)
    assert str(refused.value) == fault


async def test_questions_that_could_not_be_asked_any_more_count_as_failed() -> None:
    outcomes: list[Outcome] = []
    async with running(DIGITAL_HUMAN_MAX_SESSIONS="1") as served:
        await conversations(
            Target(served.url("http")),
            count=2,
            turns=3,
            pace=0,
            ramp=0,
            done=outcomes.append,
            questions=QUESTIONS,
        )
    assert len(outcomes) == 6
    assert [one.ok for one in outcomes].count(False) == 3
