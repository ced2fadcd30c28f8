"""What a caller may do wrong over HTTP: each is told in one sentence that names the field."""

from __future__ import annotations

import asyncio
import json
import logging

import httpx2
import pytest

from digital_human_runtime.http_api import heads, requests
from tests.runtime.support.serving import Running
from tests.runtime.ws_api.client import talking

CHAT, COMPLETIONS, SPEECH = "/api/chat", "/v1/chat/completions", "/v1/audio/speech"


def asking(content: str) -> str:
    """A body of completions with this JSON as the content of its message."""
    return f'{{"model":"scripted","messages":[{{"role":"user","content":{content}}}]}}'


def detail(answer: httpx2.Response, status: int = 400) -> str:
    """The sentence of a problem."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: str = answer.json()["detail"]
    assert len(said) < 400
    return said


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (CHAT, "[]", "The body must be a JSON object"),
        (CHAT, '"Hello"', "The body must be a JSON object"),
        (COMPLETIONS, '{"model":"scripted","messages":[]}', "messages must not be empty"),
        (
            COMPLETIONS,
            f'{{"model":"scripted","messages":[{",".join(1001 * ["{}"])}]}}',
            "messages must have at most 1000 items; it has 1001",
        ),
        (CHAT, '{"message":"   "}', "message is empty: write a question."),
        (CHAT, '{"message":"\\u0000\\u200b"}', "message is empty: write a question."),
        (CHAT, '{"message":"Hi","session":"' + "x" * 129 + '"}', "session must have at most 128 "),
        (CHAT, '{"' + "k" * 50000 + '":1,"message":"Hi"}', "is not known"),
        (CHAT, '{"message":"a \\ud800 b"}', "half of a character"),
        (COMPLETIONS, asking('"a \\ud800 b"'), "half of a character"),
        (COMPLETIONS, '{"model":"\\udc00","messages":[]}', "half of a character"),
        (COMPLETIONS, asking("null"), "messages.0.content must be a text, or a list of parts"),
        (COMPLETIONS, asking('[{"type":"image_url"}]'), "messages.0.content must be a text, or"),
        (COMPLETIONS, asking('[{"type":"text","text":7}]'), "messages.0.content must be a text"),
        (SPEECH, '{"input":"' + "x" * 4097 + '"}', "input must have at most 4096 characters; it"),
        (SPEECH, '{"input":"   "}', "input holds nothing that can be spoken"),
        (SPEECH, '{"input":"...","response_format":"pcm"}', "input holds nothing that can be spok"),
    ],
)
async def test_it_is_named_in_a_short_sentence(
    served: Running, path: str, body: str, said: str
) -> None:
    voice = served.runtime.engines.voice
    voice.exact_samples = 0 if "..." in body or "   " in body else None  # type: ignore[attr-defined]
    assert said in detail(await served.client.post(path, content=body))


async def test_a_long_wrong_name_comes_back_cut(served: Running) -> None:
    body = {"model": "g" * 100_000, "messages": [{"role": "user", "content": "Hi"}]}
    said = detail(await served.client.post(COMPLETIONS, json=body), 404)
    assert "is not here: this is 'scripted'" in said


async def test_a_question_that_is_too_long_is_named_as_http_calls_it(served: Running) -> None:
    said = detail(await served.client.post(CHAT, json={"message": "x" * 4001}), 413)
    assert said == "message has 4001 characters; at most 4000 are taken."


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", CHAT, {"POST"}),
        ("PUT", COMPLETIONS, {"POST"}),
        ("POST", "/v1/models", {"GET"}),
        ("DELETE", "/health", {"GET"}),
    ],
)
async def test_a_wrong_method_is_told_those_that_are_right(
    served: Running, method: str, path: str, allowed: set[str]
) -> None:
    answer = await served.client.request(method, path)
    detail(answer, 405)
    assert set(answer.headers["allow"].split(", ")) - {"HEAD"} == allowed


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_path_without_anything_says_where_all_are_listed(
    served: Running, method: str
) -> None:
    answer = await served.client.request(method, "/v1/embeddings")
    assert "/openapi.json lists" in detail(answer, 404)
    assert "allow" not in answer.headers


async def test_the_address_of_the_websocket_says_what_it_is(served: Running) -> None:
    answer = await served.client.get("/ws")
    assert "WebSocket" in detail(answer, 426)
    assert answer.headers["upgrade"] == "websocket"


async def test_a_body_that_stops_coming_is_given_up(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.2)

    port = served.runtime.ports["http"]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 100\r\n\r\n"
        writer.write(head.encode() + b'{"message":')
        async with asyncio.timeout(10):
            answer = await reader.read()  # to the end: the connection is closed
    finally:
        writer.close()
    told, _, body = answer.partition(b"\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["code"] == "timeout"
    assert "did not come within 0.2 s" in json.loads(body)["detail"]
    well = await served.client.post(CHAT, json={"message": "Hello"})
    assert well.status_code == 200


async def opened(served: Running, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to port 8000 on which this was sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.runtime.ports["http"])
    writer.write(sent)
    await writer.drain()
    return reader, writer


async def test_a_caller_who_goes_away_is_no_mistake_of_ours(
    served: Running, caplog: pytest.LogCaptureFixture
) -> None:
    registry = served.runtime.metrics.registry
    for body in (
        b'Content-Length: 100\r\n\r\n{"message":',
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ):
        _, writer = await opened(served, f"POST {CHAT} HTTP/1.1\r\nHost: x\r\n".encode() + body)
        await asyncio.sleep(0.1)
        writer.close()
    well = await served.client.post(CHAT, json={"message": "Hello"})
    assert well.status_code == 200
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []
    errors = registry.get_sample_value("digital_human_errors_total", {"code": "internal"})
    assert errors == 0


@pytest.mark.parametrize(
    "sent", [b"", b"GET /ver", b"GET /version HTTP/1.1\r\nHost: x\r\nX-A: b\r\n"]
)
async def test_a_request_that_never_comes_is_given_up(
    served: Running, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(heads.Impatient, "head_seconds", 0.3)
    reader, writer = await opened(served, sent)
    try:
        async with asyncio.timeout(10):
            assert await reader.read() == b""
    finally:
        writer.close()


async def test_the_next_request_of_a_connection_has_the_same_time(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads.Impatient, "head_seconds", 0.3)
    whole = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
    reader, writer = await opened(served, whole[:10])
    try:
        writer.write(whole[10:])
        async with asyncio.timeout(10):
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200 ")
            writer.write(whole[:10])
            rest = await reader.read()
        assert b'"protocol":"1"' in rest
    finally:
        writer.close()


async def test_a_conversation_outlives_the_time_for_its_request(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads.Impatient, "head_seconds", 0.2)
    async with talking(served, "/ws") as client:
        await asyncio.sleep(0.5)
        texts, _ = await client.ask("Hello")
    assert texts[-1]["reason"] == "complete"
