import asyncio
import gzip
import json
import logging
import secrets
import socket
import time
import urllib.request
from collections.abc import Iterator

import pytest
import structlog
import websockets
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from websockets.typing import Origin

from digital_human_runtime import logs, tracing
from digital_human_runtime.errors import EngineFault
from digital_human_runtime.http_api.serving import AsgiServer, listen
from digital_human_runtime.metrics import Metrics
from digital_human_runtime.observers import Observers
from digital_human_runtime.pipeline import TurnFigures
from digital_human_runtime.session import MemoryStore, Talk
from digital_human_runtime.tracing import TurnTraces
from tests.runtime.support import ScriptedModel, engines
from tests.runtime.support.serving import running
from tests.runtime.ws_api.client import talking

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Undo what a test configures."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(captured: Captured) -> list[dict[str, object]]:
    return [json.loads(line) for line in captured.readouterr().err.splitlines()]


def test_lines_are_json_without_secrets_and_without_words(capsys: Captured) -> None:
    logs.configure("INFO", "json", fields={"pod": "ada-0"})
    extra = {"api_key": "k", "resumeToken": "t", "question": "Who am I?", "turn": 3}
    logging.getLogger("any.library").warning("something", extra=extra)
    structlog.get_logger("ours").info("else", ticket="abc", heard="secret words")
    logging.getLogger("uvicorn.error").error("server")
    first, second, third = lines(capsys)
    assert first["message"] == "something"
    assert (first["level"], first["pod"], first["turn"]) == ("warning", "ada-0", 3)
    assert (first["api_key"], first["resumeToken"]) == ("[redacted]", "[redacted]")
    assert first["question"] == "[9 characters]"
    assert (second["ticket"], second["heard"]) == ("[redacted]", "[12 characters]")
    assert third["logger"] == "uvicorn.error"


def test_words_are_logged_when_somebody_wants_them(capsys: Captured) -> None:
    logs.configure("INFO", "json", conversations=True)
    logging.getLogger("x").info("asked", extra={"question": "Who am I?"})
    assert lines(capsys)[0]["question"] == "Who am I?"


@pytest.mark.parametrize("style", ["json", "text"])
def test_a_traceback_holds_no_variables(capsys: Captured, style: str) -> None:
    logs.configure("INFO", style)
    question = secrets.token_hex(4)
    try:
        _ = {"answers": 1}[question[:1]]
    except KeyError:
        logging.getLogger("x").exception("it failed")
    said = capsys.readouterr().err
    assert "KeyError" in said
    assert question not in said


async def test_a_refused_page_is_no_error_of_the_server(capsys: Captured) -> None:
    async with running() as served:
        logs.configure("INFO", "json")
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(
                served.url("websocket", "ws"), origin=Origin("http://elsewhere.example")
            )
        await asyncio.to_thread(urllib.request.urlopen, served.url("health") + "/health/live")
    assert [line for line in lines(capsys) if line["level"] == "error"] == []


def test_an_exception_is_one_line(capsys: Captured) -> None:
    logs.configure("INFO", "json")
    password = "correct-horse"
    try:
        json.loads(f"{{{password}")
    except ValueError:
        logging.getLogger("x").exception("it failed")
    (line,) = lines(capsys)
    assert "JSONDecodeError" in json.dumps(line["exception"])
    assert password not in json.dumps(line)


def test_text_is_for_people(capsys: Captured) -> None:
    logs.configure("INFO", "text")
    logging.getLogger("x").info("ready", extra={"http": 8000})
    said = capsys.readouterr().err
    assert "ready" in said
    assert "http=8000" in said


def test_one_trace_for_each_turn() -> None:
    exporter = InMemorySpanExporter()
    traces = TurnTraces(SimpleSpanProcessor(exporter), {"digital_human.name": "ada"})
    traces.turn_ended(TurnFigures(started_at=100.0, seconds=2.0, first_token=0.1, first_audio=0.3))
    traces.turn_ended(TurnFigures(started_at=200.0, seconds=1.0, reason="failed", code="engine"))
    traces.refused("busy")
    first, second = exporter.get_finished_spans()
    assert first.context is not None
    assert second.context is not None
    assert first.context.trace_id != second.context.trace_id
    assert (first.start_time, first.end_time) == (100 * 10**9, 102 * 10**9)
    events = [(event.name, event.timestamp - 100 * 10**9) for event in first.events]
    assert events == [("first_token", 10**8), ("first_audio", 3 * 10**8)]
    assert first.resource.attributes["digital_human.name"] == "ada"
    assert not second.status.is_ok
    traces.close()


async def test_a_collector_that_hangs_holds_no_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracing, "EXPORT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, answers nothing
        port = silent.getsockname()[1]
        traces = TurnTraces(tracing.to_collector(f"http://127.0.0.1:{port}"), {})
        traces.turn_ended(TurnFigures(started_at=100.0, seconds=2.0))
        began = time.monotonic()
        await asyncio.to_thread(traces.close)
        assert time.monotonic() - began < 5  # of its own it takes ten seconds and more


async def test_an_answer_in_text_is_a_trace_of_its_own_kind() -> None:
    exporter = InMemorySpanExporter()
    traces = TurnTraces(SimpleSpanProcessor(exporter), {})
    metrics = Metrics(16000)
    talk = Talk(
        engines=engines(ScriptedModel("Yes, indeed.")),
        store=MemoryStore(),
        observer=Observers((metrics, traces)),
    )
    assert [part async for part in talk.chat("key:ada", "Xanthippe?", None)]
    refusing = ScriptedModel("Half of it", fail_after=1, fault=EngineFault("the server is gone"))
    talk = Talk(engines=engines(refusing), store=MemoryStore(), observer=Observers((traces,)))
    with pytest.raises(EngineFault):
        _ = [part async for part in talk.chat("key:ada", "Xanthippe?", None)]
    whole, failed = exporter.get_finished_spans()
    assert whole.attributes is not None
    assert whole.attributes["digital_human.turn.kind"] == "text"
    assert whole.attributes["digital_human.turn.reason"] == "complete"
    assert [event.name for event in whole.events] == ["first_token"]
    assert not failed.status.is_ok
    assert "Xanthippe" not in whole.to_json() + failed.to_json()
    turns = metrics.registry.get_sample_value("digital_human_turns_total", {"reason": "complete"})
    assert turns == 0, "what is spoken is counted there, and nothing else"


async def test_traces_reach_the_collector() -> None:
    bodies: list[bytes] = []

    async def take(request: Request) -> Response:
        bodies.append(await request.body())
        return Response()

    collector = AsgiServer(
        Starlette(routes=[Route("/v1/traces", take, methods=["POST"])]), listen("127.0.0.1:0")
    )
    task = asyncio.create_task(collector.run_until_stopped())
    await collector.up(task)
    told = {
        "DIGITAL_HUMAN_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
        "PROJECT_ID": "my-project",
    }
    async with running(**told) as served, talking(served) as client:
        await client.ask("My name is Xanthippe")
    collector.should_exit = True
    await task
    sent = gzip.decompress(bodies[0]) if bodies[0][:2] == b"\x1f\x8b" else bodies[0]
    assert b"first_audio" in sent
    assert b"my-project" in sent
    assert b"Xanthippe" not in sent
