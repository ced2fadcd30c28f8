import asyncio
import io
import json
import wave
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from digital_human_runtime.engines.llm.builtin import BuiltinBrain
from digital_human_runtime.errors import EngineFault
from digital_human_runtime.frames import FinishReason, Message, Samples
from digital_human_runtime.http_api import completions, usage
from tests.runtime.support.engines import ScriptedModel, ToneVoice, engines
from tests.runtime.support.serving import Running, running


@pytest.fixture
async def model() -> ScriptedModel:
    return ScriptedModel()


@pytest.fixture
async def talking(model: ScriptedModel) -> AsyncIterator[Running]:
    async with running(engines(model)) as found:
        yield found


@pytest.fixture
async def client(talking: Running) -> AsyncIterator[openai.AsyncOpenAI]:
    """OpenAI's own client."""
    async with openai.AsyncOpenAI(
        base_url=f"{talking.url('http')}/v1", api_key="none", max_retries=0
    ) as found:
        yield found


async def test_models(client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["scripted"]


async def test_the_model_by_its_name(client: openai.AsyncOpenAI, model: ScriptedModel) -> None:
    assert (await client.models.retrieve("scripted")).id == "scripted"
    model.name = "owner/name"
    assert (await client.models.retrieve("owner/name")).id == "owner/name"
    with pytest.raises(openai.NotFoundError, match="this is 'owner/name'"):
        await client.models.retrieve("gpt-4")


async def test_a_format_that_is_text_is_what_there_is(client: openai.AsyncOpenAI) -> None:
    asked: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hi"}]
    answer = await client.chat.completions.create(
        model="scripted", messages=asked, response_format={"type": "text"}
    )
    assert answer.choices[0].message.content
    with pytest.raises(openai.BadRequestError, match="response_format"):
        await client.chat.completions.create(
            model="scripted", messages=asked, response_format={"type": "json_object"}
        )


async def test_a_whole_answer(client: openai.AsyncOpenAI, model: ScriptedModel) -> None:
    answer = await client.chat.completions.create(
        model="scripted",
        messages=[
            {"role": "developer", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}],
            },
        ],
        temperature=0,
        top_p=0.9,
    )
    assert answer.choices[0].message.content == model.answer
    assert answer.choices[0].finish_reason == "stop"
    assert [(one.role, one.content) for one in model.asked[-1]] == [
        ("system", "Be brief."),
        ("user", "Hello"),
    ]


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_why_an_answer_is_over_is_what_the_model_says(
    client: openai.AsyncOpenAI, model: ScriptedModel, reason: FinishReason
) -> None:
    model.finish = reason
    asked: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hi"}]
    whole = await client.chat.completions.create(model="scripted", messages=asked)
    assert whole.choices[0].finish_reason == reason
    stream = await client.chat.completions.create(model="scripted", messages=asked, stream=True)
    told = [chunk.choices[0].finish_reason async for chunk in stream]
    assert told == [None] * (len(told) - 1) + [reason]


async def test_a_model_that_runs_wild_is_cut_and_that_is_said(
    client: openai.AsyncOpenAI, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completions, "_LONGEST", 8)
    answer = await client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": "Hi"}]
    )
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (
        str(model.answer)[:8],
        "length",
    )


async def test_pieces(client: openai.AsyncOpenAI, model: ScriptedModel) -> None:
    stream = await client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": "Hi"}], stream=True
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == model.answer
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len(chunks) > 3


async def test_a_model_that_counts_tells_what_an_answer_took() -> None:
    async with (
        running(engines(BuiltinBrain(persona_name="Ada"))) as talking,
        openai.AsyncOpenAI(base_url=f"{talking.url('http')}/v1", api_key="none") as client,
    ):
        asked: list[ChatCompletionMessageParam] = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is your name?"},
        ]
        whole = await client.chat.completions.create(model="builtin", messages=asked, temperature=0)
        words = len((whole.choices[0].message.content or "").split())
        assert whole.usage is not None
        assert whole.usage.prompt_tokens == 6
        assert whole.usage.completion_tokens == words
        assert whole.usage.total_tokens == 6 + words
        stream = await client.chat.completions.create(
            model="builtin",
            messages=asked,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
        assert [len(chunk.choices) for chunk in chunks[-2:]] == [1, 0]
        assert chunks[-1].usage == whole.usage
        assert all(chunk.usage is None for chunk in chunks[:-1])


@dataclass
class CountingModel(ScriptedModel):
    """Tells what an answer took, unless it has died meanwhile."""

    count_fault: Exception | None = None

    async def count(self, messages: Sequence[Message], answer: str) -> tuple[int, int]:
        """One token a character of the answer."""
        if self.count_fault is not None:
            raise self.count_fault
        return len(messages), len(answer)


@pytest.mark.parametrize(
    "fault",
    [EngineFault("It has died."), RuntimeError("cannot schedule new futures after shutdown")],
)
async def test_a_model_that_dies_before_its_answer_was_counted(fault: Exception) -> None:
    model = CountingModel(count_fault=fault)
    body = {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}]}
    streamed = body | {"stream": True, "stream_options": {"include_usage": True}}
    async with running(engines(model)) as served:
        answer = await served.client.post("/v1/chat/completions", json=streamed)
        *pieces, last = [json.loads(data) for data in data_of(answer.text)]
        text = "".join(one["choices"][0]["delta"].get("content", "") for one in pieces)
        assert text == model.answer
        assert pieces[-1]["choices"][0]["finish_reason"] == "stop"
        assert (last["error"]["code"], last["error"]["type"]) == ("engine", "server_error")
        assert "shutdown" not in last["error"]["message"]
        whole = await served.client.post("/v1/chat/completions", json=body)
        assert (whole.status_code, whole.json()["code"]) == (502, "engine")
        assert (
            served.runtime.metrics.registry.get_sample_value(
                "digital_human_errors_total", {"code": "engine"}
            )
            == 2
        )
        model.count_fault = None
        again = await served.client.post("/v1/chat/completions", json=streamed)
        *_, counted, done = data_of(again.text)
        assert json.loads(counted)["usage"]["completion_tokens"] == len(model.answer)
        assert done == "[DONE]"


async def test_a_model_that_hangs_while_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "SECONDS", 0.05)

    class Hanging(CountingModel):
        async def count(self, messages: Sequence[Message], answer: str) -> tuple[int, int]:
            await asyncio.sleep(30)
            return 0, 0

    body = {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}]}
    async with running(engines(Hanging())) as served:
        answer = await served.client.post("/v1/chat/completions", json=body)
        assert (answer.status_code, answer.json()["code"]) == (502, "engine")


def data_of(text: str) -> list[str]:
    """The data of each event of a stream."""
    return [block.removeprefix("data: ") for block in text.strip().split("\n\n")]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat"])
async def test_an_unforeseen_fault_ends_a_stream_in_its_own_terms(path: str) -> None:
    model = ScriptedModel()
    message = {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}]}
    body: dict[str, object] = {"message": "Hi"} if path == "/api/chat" else dict(message)
    async with running(engines(model)) as served:
        model.fail_after, model.fault = 3, RuntimeError("a secret of the inside")
        answer = await served.client.post(path, json=body | {"stream": True})
        last = answer.text.strip().split("\n\n")[-1]
        found = json.loads(last.rpartition("data: ")[2])
        assert (found["code"], found["status"]) == ("internal", 500)
        assert "secret" not in answer.text
        whole = await served.client.post(path, json=body)
        assert (whole.status_code, whole.json()["code"]) == (500, "internal")
        assert "secret" not in whole.text
        assert (
            served.runtime.metrics.registry.get_sample_value(
                "digital_human_errors_total", {"code": "internal"}
            )
            == 2
        )


async def test_half_a_character_breaks_no_stream(talking: Running, model: ScriptedModel) -> None:
    model.answer, model.piece = "Hi \ud83d\ude00 there \ud83d", 1
    body = {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    answer = await talking.client.post("/v1/chat/completions", json=body)
    *pieces, done = data_of(answer.text)
    said = [json.loads(one)["choices"][0]["delta"].get("content", "") for one in pieces]
    assert "".join(said).startswith("Hi \U0001f600 there")
    assert done == "[DONE]"


async def test_a_model_elsewhere_gives_no_usage(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": "Hi"}]
    )
    assert answer.usage is None


async def test_another_model_is_not_here(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="scripted"):
        await client.chat.completions.create(
            model="gpt-4", messages=[{"role": "user", "content": "Hi"}]
        )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"n": 2}, "n"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "role"),
    ],
)
async def test_what_is_not_supported_is_named(
    talking: Running, more: dict[str, object], said: str
) -> None:
    body = {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}]} | more
    answer = await talking.client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


async def test_a_model_that_gives_up(client: openai.AsyncOpenAI, model: ScriptedModel) -> None:
    model.fail_after, model.fault = 0, EngineFault("The model is away.")
    with pytest.raises(openai.InternalServerError, match="away"):
        await client.chat.completions.create(
            model="scripted", messages=[{"role": "user", "content": "Hi"}]
        )
    model.fail_after = 3
    stream = await client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": "Hi"}], stream=True
    )
    with pytest.raises(openai.APIError, match="away"):
        async for _ in stream:
            pass


async def test_speech_as_wav_and_pcm(client: openai.AsyncOpenAI) -> None:
    samples, _ = ToneVoice().sound("Hello there")
    wav = await client.audio.speech.create(
        model="tts-1", voice="tone", input="Hello there", response_format="wav"
    )
    with wave.open(io.BytesIO(await wav.aread())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16000)
        assert file.readframes(file.getnframes()) == samples.tobytes()
    pcm = await client.audio.speech.create(
        model="tts-1", voice="tone", input="Hello there", response_format="pcm"
    )
    bare = np.frombuffer(await pcm.aread(), "<i2")
    assert pcm.response.headers["x-sample-rate"] == "24000"
    assert len(bare) == pytest.approx(len(samples) * 24000 / 16000, abs=1)
    assert _loudest_hertz(bare, 24000) == pytest.approx(_loudest_hertz(samples, 16000), abs=3)


def _loudest_hertz(samples: Samples, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum) * rate / len(samples))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"response_format": "mp3"}, "mp3"),
        ({"voice": "nobody"}, "nobody"),
        ({"speed": 2}, "speed"),
        ({"input": ""}, "input"),
        ({"input": "x" * 4097}, "input"),
    ],
)
async def test_speech_that_is_not_made_here(
    talking: Running, more: dict[str, object], said: str
) -> None:
    body = {"model": "tts-1", "voice": "tone", "input": "Hi"} | more
    answer = await talking.client.post("/v1/audio/speech", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]
