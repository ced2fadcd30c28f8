from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from digital_human_runtime.engines.llm.openai import OpenAIModel
from digital_human_runtime.engines.llm.openai.faults import retry_after
from digital_human_runtime.errors import Busy, EngineFault, RuntimeFault, TooLarge
from digital_human_runtime.frames import FinishReason
from digital_human_runtime.interfaces import LanguageModel
from tests.runtime.engines.llm.conformance import LanguageModelConformance, ask, heard
from tests.runtime.engines.llm.openai_server import Behaviour, Server, serving, until


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as started:
        yield started


@pytest.fixture
async def fresh(server: Server) -> AsyncIterator[OpenAIModel]:
    model = OpenAIModel(urls=[server.url], model="tiny")
    yield model
    await model.close()


@pytest.fixture
async def model(fresh: OpenAIModel) -> OpenAIModel:
    await fresh.start()
    return fresh


class TestConformance(LanguageModelConformance):
    server: Server

    @pytest.fixture(autouse=True)
    def _server(self, server: Server) -> None:
        self.server = server

    async def leftovers(self, model: LanguageModel) -> list[str]:
        await self.server.nothing_open()
        return []


async def fault_of(model: OpenAIModel) -> RuntimeFault:
    with pytest.raises(RuntimeFault) as raised:
        await heard(ask(model))
    assert "secret words" not in raised.value.message
    return raised.value


async def test_it_asks_for_what_it_was_asked(server: Server, model: OpenAIModel) -> None:
    assert "".join(await heard(ask(model, max_tokens=7))) == "You said: What is a digital human?"
    assert server.requests == [
        {
            "model": "tiny",
            "messages": [{"role": "user", "content": "What is a digital human?"}],
            "max_tokens": 7,
            "temperature": 0.0,
            "stream": True,
        }
    ]


async def test_without_a_key_file_no_key_is_sent_even_if_the_environment_has_one(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody")
    model = OpenAIModel(urls=[server.url], model="tiny")
    await model.start()
    await heard(ask(model))
    await model.close()
    assert server.authorizations == [None]


async def test_a_key_is_read_again_when_its_file_changes(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("old\n")
    server.key = "old"
    model = OpenAIModel(urls=[server.url], model="tiny", api_key_file=file)
    await model.start()
    await heard(ask(model))
    file.write_text("newer\n")
    server.key = "newer"
    await heard(ask(model))
    await model.close()
    assert server.authorizations == ["Bearer old", "Bearer newer"]


async def test_a_wrong_key_names_its_file_and_not_the_key(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("wrong-key")
    server.key = "right"
    model = OpenAIModel(urls=[server.url], model="tiny", api_key_file=file)
    await model.start()
    assert not model.check().ok
    fault = await fault_of(model)
    await model.close()
    assert f"refuses the key in {file} (401)" in fault.message
    assert "wrong-key" not in fault.message
    assert len(server.requests) == 1


@pytest.mark.parametrize("content", [None, "", "\n"])
async def test_a_key_file_without_a_key_is_named(
    server: Server, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
    model = OpenAIModel(urls=[server.url], model="tiny", api_key_file=file)
    await model.start()
    assert str(file) in (await fault_of(model)).message
    assert str(file) in model.check().detail
    await model.close()


async def test_a_server_that_wants_a_key_says_so(server: Server, model: OpenAIModel) -> None:
    server.key = "right"
    assert "wants an API key" in (await fault_of(model)).message


async def test_an_unknown_model_is_named_and_seen_by_the_check(server: Server) -> None:
    model = OpenAIModel(urls=[server.url], model="llama3:70b")
    await model.start()
    check = model.check()
    fault = await fault_of(model)
    await model.close()
    assert (check.ok, check.degraded) == (True, True)
    assert "does not list llama3:70b; it lists tiny" in check.detail
    assert "knows no model llama3:70b" in fault.message
    assert len(server.requests) == 1


async def test_an_address_without_v1_is_recognised(server: Server) -> None:
    model = OpenAIModel(urls=[server.url.removesuffix("/v1")], model="tiny")
    await model.start()
    assert "lack /v1?" in (await fault_of(model)).message
    await model.close()


async def test_a_busy_server_is_busy_with_its_retry_after(
    server: Server, model: OpenAIModel
) -> None:
    server.behaviour = "429"
    fault = await fault_of(model)
    assert isinstance(fault, Busy)
    assert fault.retry_after == 7.0
    assert len(server.requests) == 1
    assert model.check().ok


async def test_a_conversation_that_is_too_long_is_told_from_a_fault(
    server: Server, model: OpenAIModel
) -> None:
    server.behaviour = "400 context"
    assert isinstance(await fault_of(model), TooLarge)
    assert model.check().ok


@pytest.mark.parametrize("bad", ["500", "html", "garbage", "truncated"])
async def test_a_failure_before_the_first_word_is_tried_again(
    server: Server, model: OpenAIModel, bad: Behaviour
) -> None:
    if bad == "truncated":
        server.words = []
    server.behaviours = ["500", "garbage"]
    assert await heard(ask(model))
    assert len(server.requests) == 3
    assert model.check().ok


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [("500", "failed (500)"), ("html", "check its address"), ("garbage", "check its address")],
)
async def test_after_three_tries_it_gives_up_with_a_sentence(
    server: Server, model: OpenAIModel, bad: Behaviour, sentence: str
) -> None:
    server.behaviour = bad
    fault = await fault_of(model)
    assert isinstance(fault, EngineFault)
    assert sentence in fault.message
    assert fault.retry_after
    assert len(server.requests) == 3
    assert not model.check().ok


@pytest.mark.parametrize("bad", ["cut", "truncated", "error event"])
async def test_after_the_first_word_nothing_is_repeated(
    server: Server, model: OpenAIModel, bad: Behaviour
) -> None:
    server.behaviour = bad
    answer = ask(model)
    pieces = [await anext(answer), await anext(answer)]
    with pytest.raises(EngineFault, match="broke off") as raised:
        await anext(answer)
    assert "".join(pieces) == "You said:"
    assert "secret" not in raised.value.message
    assert len(server.requests) == 1


async def test_parameters_that_a_model_refuses_are_left_out_from_then_on(
    server: Server, model: OpenAIModel
) -> None:
    server.refused = ["max_tokens", "temperature"]
    assert await heard(ask(model))
    assert await heard(ask(model))
    assert len(server.requests) == 4
    assert server.requests[-1]["max_completion_tokens"] == 24
    assert not {"max_tokens", "temperature"} & set(server.requests[-1])


async def test_a_silent_server_is_given_up_after_the_timeout(server: Server) -> None:
    model = OpenAIModel(urls=[server.url], model="tiny", timeout=0.3, tries=2, probe_deadline=0.3)
    server.behaviour = "silent"
    await model.start()
    assert "did not answer within" in model.check().detail
    assert "did not answer within 0.3 s" in (await fault_of(model)).message
    await server.nothing_open()
    assert len(server.requests) == 2
    server.behaviour = "stalls"
    assert "fell silent" in (await fault_of(model)).message
    await model.close()


async def test_a_complete_answer_without_text_is_an_answer(
    server: Server, model: OpenAIModel
) -> None:
    server.behaviour = "empty"
    assert await heard(ask(model)) == []
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("eos_token", "stop"),
        ("tool_calls", "stop"),
    ],
)
async def test_why_an_answer_is_over_is_passed_on(
    server: Server, model: OpenAIModel, said: str, told: str
) -> None:
    server.finish = said
    finished: list[FinishReason] = []
    await heard(ask(model, finished=finished.append))
    assert finished == [told]


async def test_what_a_model_thinks_is_not_said(server: Server, model: OpenAIModel) -> None:
    server.words = ["<th", "ink>So they ", "ask me.</th", "ink>\n\n", "Hello", " there."]
    assert "".join(await heard(ask(model))) == "Hello there."


async def test_the_next_server_takes_over_and_is_asked_first_from_then_on(server: Server) -> None:
    async with serving(Server(behaviour="500")) as broken:
        model = OpenAIModel(urls=[broken.url, server.url], model="tiny")
        await model.start()
        check = model.check()
        assert (check.ok, check.degraded) == (True, True)
        assert await heard(ask(model))
        assert (len(broken.requests), len(server.requests)) == (1, 1)
        assert await heard(ask(model))
        assert (len(broken.requests), len(server.requests)) == (1, 2)
        await model.close()


async def test_a_busy_server_hands_over_to_the_next(server: Server) -> None:
    async with serving(Server(behaviour="429")) as busy:
        model = OpenAIModel(urls=[busy.url, server.url], model="tiny")
        await model.start()
        assert await heard(ask(model))
        await model.close()


async def test_a_server_that_is_not_there_is_found_by_the_probe_when_it_comes() -> None:
    async with serving() as server:
        url = server.url
    model = OpenAIModel(urls=[url], model="tiny", tries=1, probe_seconds=0.05)
    await model.start()
    assert "cannot be reached" in model.check().detail
    assert "cannot be reached" in (await fault_of(model)).message
    await model.close()


async def test_the_probe_goes_on_in_the_background(server: Server) -> None:
    server.behaviour = "500"
    model = OpenAIModel(urls=[server.url], model="tiny", probe_seconds=0.02)
    await model.start()
    assert not model.check().ok
    server.behaviour = "normal"
    await until(lambda: model.check().ok)
    await model.close()


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after("3") == 3.0
    assert retry_after("-1") == 0.0
    assert retry_after(None) is None
    assert retry_after("soon") is None
    assert retry_after("Thu, 01 Jan 1970 00:00:00 GMT") == 0.0
