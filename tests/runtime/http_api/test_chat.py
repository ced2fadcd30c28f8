import json
from typing import Any

import httpx2
import pytest

from digital_human_runtime.errors import EngineFault
from digital_human_runtime.frames import FinishReason
from digital_human_runtime.pipeline import Limits
from tests.runtime.support.engines import ScriptedModel, engines
from tests.runtime.support.serving import Running, running
from tests.runtime.support.waiting import eventually


def problem(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == answer.status_code
    assert found["type"].endswith(found["code"])
    return found


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/json"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
async def test_the_command_of_the_guide(served: Running, headers: dict[str, str]) -> None:
    answer = await served.client.post("/api/chat", content='{"message":"Hello"}', headers=headers)
    assert answer.status_code == 200
    assert answer.json()["response"] == ScriptedModel().answer
    assert answer.json()["session"]


@pytest.mark.parametrize("asked", [{"Accept": "text/event-stream"}, {}])
async def test_pieces_as_server_sent_events(served: Running, asked: dict[str, str]) -> None:
    body = {"message": "Hello"} | ({} if asked else {"stream": True})
    answer = await served.client.post("/api/chat", json=body, headers=asked)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    *pieces, (last, done) = events(answer.text)
    assert {name for name, _ in pieces} == {"delta"}
    assert "".join(data["text"] for _, data in pieces) == done["response"]
    assert last == "done"


@pytest.mark.parametrize(
    ("finish", "told"),
    [
        ("stop", {}),
        ("length", {"finishReason": "length"}),
        ("content_filter", {"finishReason": "content_filter"}),
    ],
)
async def test_an_answer_that_was_cut_says_so(finish: FinishReason, told: dict[str, str]) -> None:
    async with running(engines(ScriptedModel(finish=finish))) as served:
        whole = (await served.client.post("/api/chat", json={"message": "x"})).json()
        streamed = await served.client.post("/api/chat", json={"message": "x", "stream": True})
    for answer in (whole, events(streamed.text)[-1][1]):
        assert answer.pop("session")
        assert answer == {"response": ScriptedModel().answer} | told


async def test_an_answer_that_never_ends_is_cut_and_says_so() -> None:
    model = ScriptedModel(piece=1000)
    async with running(engines(model)) as served:
        model.answer = "So it goes on. " * 2000
        answer = (await served.client.post("/api/chat", json={"message": "x"})).json()
    assert len(answer["response"]) <= Limits().answer_characters
    assert answer["finishReason"] == "length"


async def test_a_session_goes_on() -> None:
    model = ScriptedModel()
    async with running(engines(model)) as served:
        first = (await served.client.post("/api/chat", json={"message": "I am Bo"})).json()
        body = {"message": "Who am I?", "session": first["session"]}
        second = (await served.client.post("/api/chat", json=body)).json()
    assert second["session"] == first["session"]
    assert [message.content for message in model.asked[-1]][-3:-1] == ["I am Bo", first["response"]]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{", "not JSON"),
        ("[]", "must be a JSON object"),
        ('{"mesage": "x"}', "did you mean message?"),
        ('{"message": 7}', "message"),
        ('{"message": ""}', "message"),
        ('{"message": "x", "stream": "yes"}', "stream"),
        ("\xff\xfe", "not JSON"),
    ],
)
async def test_what_cannot_be_taken_is_named(served: Running, body: str, said: str) -> None:
    answer = await served.client.post("/api/chat", content=body.encode("latin-1"))
    assert answer.status_code == 400
    assert said in problem(answer)["detail"]


async def test_an_unknown_session(served: Running) -> None:
    answer = await served.client.post("/api/chat", json={"message": "x", "session": "nobody"})
    assert (answer.status_code, problem(answer)["code"]) == (404, "not_found")


async def test_a_question_that_is_too_long(served: Running) -> None:
    answer = await served.client.post("/api/chat", json={"message": "x" * 4001})
    assert (answer.status_code, problem(answer)["code"]) == (413, "too_large")


async def test_a_body_that_is_too_large_by_its_length_and_by_its_bytes(served: Running) -> None:
    async def chunks() -> Any:
        for _ in range(64):
            yield b" " * 8192

    for content in (b" " * 300_000, chunks()):
        answer = await served.client.post("/api/chat", content=content)
        assert (answer.status_code, problem(answer)["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/api/chat", 405), ("GET", "/nothing", 404)]
)
async def test_other_errors_are_problems_too(
    served: Running, method: str, path: str, status: int
) -> None:
    answer = await served.client.request(method, path)
    assert answer.status_code == status
    problem(answer)


async def test_a_model_that_gives_up_is_an_error_and_no_answer() -> None:
    model = ScriptedModel(fault=EngineFault("The model is away."))
    async with running(engines(model)) as served:
        model.fail_after = 0
        answer = await served.client.post("/api/chat", json={"message": "x"})
        assert (answer.status_code, problem(answer)["code"]) == (502, "engine")
        streamed = await served.client.post("/api/chat", json={"message": "x", "stream": True})
        assert streamed.status_code == 502
        model.fail_after = 3
        broken = await served.client.post("/api/chat", json={"message": "x", "stream": True})
        name, data = events(broken.text)[-1]
        assert (name, data["code"]) == ("error", "engine")


async def test_no_room_is_told_before_the_model_is_asked() -> None:
    model = ScriptedModel()
    variables = {"DIGITAL_HUMAN_MAX_TURNS": "1", "DIGITAL_HUMAN_QUEUE_SECONDS": "0"}
    async with running(engines(model), **variables) as served:
        asked = len(model.asked)
        async with served.talk.place():
            answer = await served.client.post("/api/chat", json={"message": "x"})
        assert (answer.status_code, problem(answer)["code"]) == (429, "busy")
        assert int(answer.headers["retry-after"]) >= 1
        assert len(model.asked) == asked


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_nobody_waits_for_is_given_up(*, stream: bool) -> None:
    model = ScriptedModel()
    async with running(engines(model)) as served:
        model.answer, model.piece_seconds = "A long answer, " * 100, 0.05
        before = model.streams.ever
        with pytest.raises(httpx2.ReadTimeout):
            await served.client.post(
                "/api/chat",
                json={"message": "x", "stream": stream},
                timeout=httpx2.Timeout(5, read=0.04),
            )
        await eventually(lambda: model.streams.ever > before and model.streams.open == 0, 5)
