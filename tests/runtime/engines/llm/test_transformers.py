import asyncio
import json
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from digital_human_runtime.engines.errors import Refused
from digital_human_runtime.engines.llm.transformers import TransformersModel, host, loading
from digital_human_runtime.engines.llm.transformers.device import GIB, Device
from digital_human_runtime.engines.llm.transformers.precision import choose_format
from digital_human_runtime.engines.llm.transformers.turns import DEAD
from digital_human_runtime.errors import Busy, EngineFault, TooLarge
from digital_human_runtime.frames import Message
from digital_human_runtime.interfaces import LanguageModel
from tests.runtime.engines.llm.conformance import (
    FIRST,
    SECOND,
    LanguageModelConformance,
    ask,
    heard,
)
from tests.runtime.engines.llm.openai_server import until
from tests.runtime.engines.llm.tiny import TEMPLATE, make

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("tiny"))


def tiny(folder: Path, **told: Any) -> TransformersModel:
    settings: dict[str, Any] = {
        "precision": "fp32",
        "context_length": 256,
        "max_sessions": 4,
        "memory_fraction": 0.5,
        "device": "cpu",
    }
    return TransformersModel(model=folder, **(settings | told))


@pytest.fixture
async def fresh(folder: Path) -> AsyncIterator[TransformersModel]:
    model = tiny(folder)
    yield model
    await model.close()


@pytest.fixture
async def model(fresh: TransformersModel) -> TransformersModel:
    await fresh.start()
    return fresh


async def nothing_held(model: TransformersModel) -> None:
    """Wait until no request holds a block of the cache, nor a place in a queue."""
    assert model._loaded is not None
    manager = model._loaded.manager
    processor = manager.batch_processor

    def free() -> bool:
        tables = [a.block_table for a in processor.cache.cache_allocators.values()]
        queued = not manager.input_queue.empty() or not manager.cancel_queue.empty()
        return not any(tables) and not processor.has_pending_requests() and not queued

    assert not manager.output_router.result_handlers
    await until(free)


class TestConformance(LanguageModelConformance):
    async def leftovers(self, model: LanguageModel) -> list[str]:
        assert isinstance(model, TransformersModel)
        await nothing_held(model)
        return []


def generated(folder: Path, messages: tuple[Message, ...], max_tokens: int) -> str:
    """What model.generate writes for the same conversation."""
    reference = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chat = [{"role": message.role, "content": message.content} for message in messages]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    inputs = tokenizer(text, return_tensors="pt", add_special_tokens=False)
    output = reference.generate(
        inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        do_sample=False,
        max_new_tokens=max_tokens,
    )
    written = tokenizer.decode(
        output[0, inputs["input_ids"].shape[1] :],
        skip_special_tokens=True,
        clean_up_tokenization_spaces=False,
    )
    return str(written).lstrip()


@pytest.mark.parametrize("messages", [FIRST, SECOND])
async def test_greedy_answers_are_those_of_generate(
    folder: Path, model: TransformersModel, messages: tuple[Message, ...]
) -> None:
    answer = "".join(await heard(ask(model, messages)))
    expected = generated(folder, messages, max_tokens=24)
    assert answer
    assert expected.startswith(answer)
    assert len(expected) - len(answer) <= 3  # bytes of a character that was not finished


async def test_sampling_differs_and_greed_does_not(model: TransformersModel) -> None:
    async def answer(temperature: float) -> str:
        pieces = model.stream(FIRST, max_tokens=24, temperature=temperature)
        return "".join(await heard(pieces))

    assert len({await answer(5.0) for _ in range(4)}) > 1
    assert len({await answer(0.0) for _ in range(4)}) == 1


async def test_all_sessions_at_once_answer_as_they_would_alone(model: TransformersModel) -> None:
    questions = [(Message("user", f"Question {number}: who are you?"),) for number in range(4)]
    alone = ["".join(await heard(ask(model, question))) for question in questions]
    together = await asyncio.gather(*(heard(ask(model, question)) for question in questions))
    assert ["".join(pieces) for pieces in together] == alone


async def test_one_more_than_there_is_room_for_is_busy(model: TransformersModel) -> None:
    answers = [ask(model, max_tokens=64) for _ in range(4)]
    for answer in answers:
        await anext(answer)
    with pytest.raises(Busy, match="4 questions at once") as raised:
        await anext(ask(model))
    assert raised.value.retry_after
    for answer in answers:
        await answer.aclose()
    assert await heard(ask(model))


async def test_the_end_mark_ends_the_answer(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    model = tiny(tmp_path)
    await model.start()
    whole = await heard(ask(model))
    assert model._loaded is not None
    token = model._loaded._tokenizer.encode(whole[5], add_special_tokens=False)[-1]
    await model.close()
    told = json.loads((tmp_path / "generation_config.json").read_text())
    told["eos_token_id"] = [told["eos_token_id"], token]
    (tmp_path / "generation_config.json").write_text(json.dumps(told))
    model = tiny(tmp_path)
    await model.start()
    finished: list[str] = []
    answer = "".join(await heard(ask(model, finished=finished.append)))
    await model.close()
    assert finished == ["stop"]
    assert len(answer) < len("".join(whole))
    assert "".join(whole).startswith(answer)


async def test_a_conversation_that_grew_too_long_loses_its_oldest_turns(
    model: TransformersModel,
) -> None:
    turns = [
        Message(role, f"Turn {number} of a long conversation about many things.")
        for number in range(12)
        for role in ("user", "assistant")
    ]
    long = (Message("system", "You are Grace."), *turns, *FIRST)
    assert model._loaded is not None
    assert len(model._loaded.encode(long)) > 256
    assert await heard(ask(model, long))


async def test_tokens_are_counted_as_the_model_reads_them(model: TransformersModel) -> None:
    asked, answered = await model.count([Message("user", "Hello there")], "Hello")
    more, longer = await model.count([Message("user", "Hello there, my dear")], "Hello Hello")
    assert more > asked > answered > 0
    assert longer == 2 * answered or longer == 2 * answered + 1  # a word after another has a blank
    await model.close()
    with pytest.raises(EngineFault, match="not been started"):
        await model.count([], "")


async def test_a_question_that_is_too_long_is_refused(model: TransformersModel) -> None:
    with pytest.raises(TooLarge, match="takes 256, its answer included"):
        await anext(ask(model, (Message("user", "why " * 2000),)))
    assert await heard(ask(model))


async def test_a_template_without_a_system_role_gets_it_in_the_question(tmp_path: Path) -> None:
    strict = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" + TEMPLATE
    )
    model = tiny(make(tmp_path, template=strict))
    await model.start()
    assert await heard(ask(model, SECOND))
    await model.close()


async def test_without_a_template_the_answer_ends_where_the_user_would_speak(
    tmp_path: Path,
) -> None:
    model = tiny(make(tmp_path, template=None))
    await model.start()
    assert model._loaded is not None
    assert not model._loaded.templated
    assert "\nUser:" not in "".join(await heard(ask(model, max_tokens=100)))
    await model.close()


async def test_a_thread_that_dies_fails_its_turns_and_the_check(model: TransformersModel) -> None:
    assert model._loaded is not None

    def broken(*_: object) -> None:
        raise RuntimeError("out of memory")

    answer = ask(model, max_tokens=200)
    await anext(answer)
    model._loaded.manager.batch_processor._generation_step = broken
    with pytest.raises(EngineFault, match=r"gave up|stopped working"):
        await heard(answer)
    await until(lambda: not model.check().ok)
    assert model.check().detail == DEAD
    with pytest.raises(EngineFault, match="stopped working"):
        await anext(ask(model))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_thread_that_vanishes_is_noticed(model: TransformersModel) -> None:
    assert model._loaded is not None

    def vanish(*_: object) -> None:
        raise SystemExit

    answer = ask(model, max_tokens=200)
    await anext(answer)
    model._loaded.manager.batch_processor._generation_step = vanish
    with pytest.raises(EngineFault, match="stopped working"):
        await heard(answer)
    assert not model.check().ok


async def test_a_crash_of_the_process_does_not_wait_for_the_thread(
    model: TransformersModel,
) -> None:
    assert model._loaded is not None
    assert model._loaded.manager._generation_thread.daemon


async def test_a_model_that_cannot_answer_is_refused_and_leaves_no_thread(folder: Path) -> None:
    threads = threading.active_count()
    model = tiny(folder, context_length=8)
    with pytest.raises(Refused, match="was loaded but cannot answer: the question has"):
        await model.start()
    assert not model.check().ok
    await until(lambda: threading.active_count() <= threads + 2)  # of the event loop's own pool


async def test_closing_fails_what_is_open(model: TransformersModel) -> None:
    answer = ask(model, max_tokens=200)
    await anext(answer)
    await model.close()
    with pytest.raises(EngineFault):
        await heard(answer)


async def test_the_cache_is_capped_by_sessions_and_context(model: TransformersModel) -> None:
    assert model._loaded is not None
    cache = model._loaded.manager.batch_processor.cache
    plan = model._loaded.plan
    assert plan.tokens == 4 * 256
    assert cache.num_blocks == plan.blocks
    assert cache.max_batch_tokens == plan.batch_tokens
    per_token = 2 * 2 * 2 * 16 * 4  # K and V, layers, heads, their size, fp32
    reserved = 2 * cache.bytes_per_sector
    assert cache.cache_tensor.nbytes - reserved == plan.tokens * per_token


async def test_the_memory_fraction_is_the_limit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_memory", lambda: 4 * 2**20)
    model = tiny(folder, memory_fraction=0.5)
    await model.start()
    assert model._loaded is not None
    plan = model._loaded.plan
    per_token = 2 * 2 * 2 * 16 * 4
    assert 256 <= plan.tokens < 4 * 256
    assert plan.tokens * per_token < 0.5 * 4 * 2**20
    assert await heard(ask(model))
    await model.close()
    with pytest.raises(Refused, match="less than one conversation of 256: lower context_length"):
        await tiny(folder, memory_fraction=0.2).start()
    with pytest.raises(Refused, match="the weights need"):
        await tiny(folder, memory_fraction=0.05).start()


async def test_int8_weights_are_held_as_int8_and_answer(folder: Path) -> None:
    model = tiny(folder, precision="int8")
    await model.start()
    assert model._loaded is not None
    weight = model._loaded.model.model.layers[0].self_attn.q_proj.weight
    assert "Int8" in type(weight).__name__
    assert weight.qdata.dtype is torch.int8
    assert await heard(ask(model))
    assert "at int8 on the CPU" in model.check().detail
    await model.close()


def test_int4_weights_are_packed_for_the_gpu() -> None:
    a100 = Device("cuda", "NVIDIA A100", 80 * GIB, (8, 0))
    quantization = loading._quantization(choose_format("int4", a100))
    assert quantization is not None
    assert quantization.quant_type.int4_packing_format.value == "tile_packed_to_4d"
    assert loading._quantization(choose_format("bf16", a100)) is None


async def test_bf16_answers(folder: Path) -> None:
    model = tiny(folder, precision="bf16")
    await model.start()
    assert model._loaded is not None
    assert model._loaded.model.dtype is torch.bfloat16
    assert await heard(ask(model))
    await model.close()


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"precision": "int4"}, "no packing that torchao serves on a plain CPU: use int8"),
        ({"precision": "fp16"}, "use bf16 or fp32"),
        ({"precision": "fp8"}, "use int8"),
        ({"compile_mode": "max-performance"}, "use max-autotune"),
        ({"compile_mode": "reduce-overhead"}, "CUDA graphs"),
        ({"device": "tpu"}, "device tpu is unknown"),
    ],
)
async def test_what_a_cpu_cannot_do_is_refused_with_the_fix(
    folder: Path, told: dict[str, str], sentence: str
) -> None:
    model = tiny(folder, **told)
    with pytest.raises(Refused, match=sentence):
        await model.start()
    assert not model.check().ok
    await model.close()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
async def test_a_gpu_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(Refused, match="torch sees no GPU"):
        await tiny(folder, device="cuda").start()


async def test_compiling_without_a_compiler_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(Refused, match="needs a C\\+\\+ compiler"):
        await tiny(folder, compile_mode="default").start()


async def test_compiling_without_a_writable_cache_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(Refused, match="which is not writable: mount a folder there"):
        await tiny(folder, compile_mode="default").start()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", ["default", "max-autotune"])
async def test_compiled_code_answers_the_same(
    folder: Path, model: TransformersModel, mode: str
) -> None:
    plain = await heard(ask(model))
    compiled = tiny(folder, compile_mode=mode)
    await compiled.start()
    assert "".join(await heard(ask(compiled))) == "".join(plain)
    await compiled.close()


async def test_a_damaged_model_is_refused_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "no-such-model"}))
    with pytest.raises(Refused, match="cannot be loaded: ") as raised:
        await tiny(tmp_path).start()
    assert "\n" not in str(raised.value)


def test_the_limits_of_a_container_are_respected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(host, "_CGROUP", tmp_path)
    assert GIB // 4 < host._memory() < 2**50
    machine = host.cpus()
    (tmp_path / "memory.max").write_text("268435456\n")
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert host._memory() == 256 * 2**20
    assert host.cpus() == min(machine, 2)
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert host._memory() > 256 * 2**20
    assert host.cpus() == machine
