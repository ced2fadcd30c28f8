import asyncio
import errno
import json
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from digital_human_runtime.engines.errors import Refused
from digital_human_runtime.engines.llm.transformers import TransformersModel
from digital_human_runtime.engines.llm.transformers.cache import settle
from digital_human_runtime.engines.llm.transformers.checkpoint import find
from digital_human_runtime.engines.llm.transformers.compiling import (
    Compiling,
    Tools,
    check_mode,
    choose_compiling,
)
from digital_human_runtime.engines.llm.transformers.device import GIB, Device
from digital_human_runtime.engines.llm.transformers.memory import Shape, check_weights, plan
from digital_human_runtime.engines.llm.transformers.precision import choose_format
from digital_human_runtime.engines.llm.transformers.prompt import (
    Prompt,
    alternating,
    fitted,
    script,
    without_system,
)
from digital_human_runtime.engines.llm.transformers.text import Written
from digital_human_runtime.engines.llm.transformers.turns import Output, Router, Turns
from digital_human_runtime.errors import EngineFault, TooLarge
from digital_human_runtime.frames import Message

CPU = Device("cpu", "the CPU", 16 * GIB)
T4 = Device("cuda", "Tesla T4", 15 * GIB, (7, 5))
A100 = Device("cuda", "NVIDIA A100", 80 * GIB, (8, 0))
V100 = Device("cuda", "Tesla V100", 16 * GIB, (7, 0))
LLAMA_8B = Shape(layers=32, heads=32, kv_heads=8, head_dim=128, vocabulary=128_256, longest=131_072)
TOOLS = Tools("/usr/bin/g++", "/cache", cache_writable=True)


# Precision


@pytest.mark.parametrize(
    ("precision", "device", "dtype", "bits", "packing"),
    [
        ("fp32", CPU, "float32", 32, None),
        ("bf16", CPU, "bfloat16", 16, None),
        ("int8", CPU, "bfloat16", 8, None),
        ("bf16", A100, "bfloat16", 16, None),
        ("fp16", T4, "float16", 16, None),
        ("int8", T4, "float16", 8, None),
        ("int4", A100, "bfloat16", 4, "tile_packed_to_4d"),
    ],
)
def test_a_device_serves_what_it_has_kernels_for(
    precision: str, device: Device, dtype: str, bits: int, packing: str | None
) -> None:
    form = choose_format(precision, device)
    assert (form.dtype, form.weight_bits, form.packing) == (dtype, bits, packing)


@pytest.mark.parametrize(
    ("precision", "device", "sentence"),
    [
        ("int4", CPU, "plain CPU: use int8"),
        ("fp16", CPU, "use bf16 or fp32"),
        ("bf16", T4, "Tesla T4 has no bf16 kernels: use fp16"),
        ("int4", T4, "no kernels for four bits: use int8"),
        ("fp16", V100, "older than this build of torch"),
        ("fp8", A100, "use int8"),
        ("int3", A100, "use one of fp32, bf16, fp16, int8, int4"),
    ],
)
def test_a_precision_without_kernels_is_refused(
    precision: str, device: Device, sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        choose_format(precision, device)


# Compiling


def test_compile_modes_become_settings_of_the_manager() -> None:
    assert choose_compiling("none", CPU, TOOLS) is None
    assert choose_compiling("default", A100, TOOLS) == Compiling(1, graphs=False)
    assert choose_compiling("reduce-overhead", A100, TOOLS) == Compiling(1, graphs=True)
    assert choose_compiling("max-autotune", A100, TOOLS) == Compiling(2, graphs=True)
    assert choose_compiling("max-autotune", CPU, TOOLS) == Compiling(2, graphs=False)
    without = choose_compiling("max-autotune-no-cudagraphs", A100, TOOLS)
    assert without == Compiling(2, graphs=False)


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        ("max-performance", "is no mode of torch.compile: use max-autotune"),
        ("max-autotun", "did you mean max-autotune"),
        ("fast", "use one of none, default, reduce-overhead, max-autotune, "),
    ],
)
def test_what_is_no_mode_is_refused(mode: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        check_mode(mode)


def test_compiling_is_refused_where_it_cannot_work() -> None:
    with pytest.raises(Refused, match="a CPU has not: use default or none"):
        choose_compiling("reduce-overhead", CPU, TOOLS)
    with pytest.raises(Refused, match="this image has none"):
        choose_compiling("default", CPU, Tools(None, "/cache", cache_writable=True))
    with pytest.raises(Refused, match="keeps compiled code in /c, which is not writable"):
        choose_compiling("default", CPU, Tools("g++", "/c", cache_writable=False))
    assert choose_compiling("none", CPU, Tools(None, "/c", cache_writable=False)) is None


# Memory


def test_all_sessions_get_their_context_where_there_is_room() -> None:
    planned = plan(
        LLAMA_8B,
        A100,
        weights=15 * GIB,
        fraction=0.85,
        sessions=10,
        context_length=8192,
        itemsize=2,
    )
    assert planned.tokens == 10 * 8192
    assert planned.context_length == 8192


def test_sessions_share_what_the_memory_fraction_leaves() -> None:
    planned = plan(
        LLAMA_8B, A100, weights=15 * GIB, fraction=0.4, sessions=60, context_length=8192, itemsize=2
    )
    assert 8192 <= planned.tokens < 60 * 8192
    cache = planned.tokens * LLAMA_8B.bytes_per_token(2)
    assert cache + 15 * GIB < 0.4 * 80 * GIB


def test_a_model_is_not_asked_for_more_positions_than_it_has() -> None:
    short = Shape(layers=2, heads=2, kv_heads=2, head_dim=8, vocabulary=100, longest=512)
    planned = plan(short, CPU, weights=0, fraction=0.5, sessions=2, context_length=8192, itemsize=4)
    assert planned.context_length == 512
    assert planned.tokens == 2 * 512


def test_no_room_for_one_conversation_is_refused_with_the_sum() -> None:
    with pytest.raises(
        Refused, match=r"weights take 15\.00 GiB.*less than one conversation of 8192"
    ):
        plan(
            LLAMA_8B,
            T4,
            weights=15 * GIB,
            fraction=0.95,
            sessions=1,
            context_length=8192,
            itemsize=2,
        )


def test_weights_that_cannot_fit_are_refused_before_they_are_read() -> None:
    with pytest.raises(
        Refused, match=r"need 131\.\d GiB at bf16; 0\.85 of NVIDIA A100 \(80\.0 GiB\)"
    ):
        check_weights(int(131.4 * GIB), A100, 0.85, "bf16")
    check_weights(15 * GIB, A100, 0.85, "bf16")


# Checkpoints


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (tmp_path / "tokenizer.json").write_text("{}")
    save_file({"a": np.zeros((3, 4), np.float32)}, tmp_path / "model.safetensors")
    return tmp_path


def test_the_size_of_a_model_is_read_from_its_header(folder: Path) -> None:
    found = find(folder)
    assert (found.folder, found.parameters, found.size(16)) == (folder, 12, 24)
    assert find(str(folder)) == found


def test_all_shards_of_an_index_are_counted_and_must_be_there(folder: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(Refused, match=r"lacks model-2\.safetensors: the fetch was not finished"):
        find(folder)
    save_file({"b": np.zeros(8, np.float32)}, folder / "model-2.safetensors")
    assert find(folder).parameters == 20


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def gguf(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model.gguf")


def truncated(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x40\0\0\0\0\0\0\0{")


def no_shapes(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0" + b'{"a": 1}')


def cut_off(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("../blobs/of-a-cache-that-was-not-copied")


def own_code(folder: Path) -> None:
    (folder / "config.json").write_text('{"auto_map": {"AutoModel": "evil.py"}}')


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (pickled, r"only pickled weights \(pytorch_model\.bin\).*convert them to safetensors"),
        (gguf, "serve them with Ollama or llama.cpp"),
        (truncated, "damaged or no safetensors file"),
        (no_shapes, "damaged or no safetensors file"),
        (cut_off, r"model\.safetensors is damaged .*: fetch the model again"),
        (own_code, "run code of its own"),
        (lambda folder: (folder / "model.safetensors").unlink(), "holds no weights"),
        (lambda folder: (folder / "config.json").unlink(), "lacks config.json"),
        (lambda folder: (folder / "config.json").write_text("[]"), "cannot be read"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "holds no tokenizer"),
    ],
)
def test_what_cannot_be_loaded_is_refused_with_the_fix(
    folder: Path, spoil: Callable[[Path], object], sentence: str
) -> None:
    spoil(folder)
    with pytest.raises(Refused, match=sentence):
        find(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    opened = Path.open

    def open_or_not(path: Path, *words: Any, **more: Any) -> Any:
        if path.name == name:  # root may read everything
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *words, **more)

    monkeypatch.setattr(Path, "open", open_or_not)
    with pytest.raises(Refused, match=rf"{name} may not be read: give the user \d+ the right to"):
        find(folder)


def test_a_model_that_is_not_here_is_refused_with_the_fix(folder: Path) -> None:
    with pytest.raises(Refused, match="nowhere does not exist: give the folder"):
        find(folder / "nowhere")
    with pytest.raises(Refused, match="is a file: give the folder"):
        find(folder / "config.json")
    with pytest.raises(Refused, match="llama3:70b is no folder and no Hub id"):
        find("llama3:70b")
    with pytest.raises(
        Refused, match="fetch --from hf://no-such-owner/no-such-model --into FOLDER"
    ):
        find("no-such-owner/no-such-model")


def test_the_module_is_imported_without_torch() -> None:
    code = (
        "import sys; from digital_human_runtime.engines.llm.transformers import TransformersModel;"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed")
async def test_without_torch_the_start_names_the_extra(folder: Path) -> None:
    with pytest.raises(Refused, match=r"only with torch: install digital-human\[llm\]"):
        await TransformersModel(model=folder).start()


# Prompts


def words(messages: Sequence[Message]) -> list[int]:
    return [len(word) for message in messages for word in message.content.split()]


def test_neighbours_of_one_role_become_one() -> None:
    told = [Message("user", "a"), Message("user", "b"), Message("assistant", "c")]
    assert alternating(told) == [Message("user", "a\nb"), Message("assistant", "c")]


def test_instructions_go_into_the_first_question_where_there_is_no_role_for_them() -> None:
    told = [Message("system", "Be kind."), Message("user", "Hello"), Message("assistant", "Hi")]
    assert without_system(told) == [Message("user", "Be kind.\nHello"), Message("assistant", "Hi")]
    assert without_system(told[1:]) == told[1:]


def test_the_fallback_is_a_script_that_ends_before_the_answer() -> None:
    told = [Message("system", "Be kind."), Message("user", " Hello ")]
    assert script(told) == "System: Be kind.\nUser: Hello\nAssistant:"


def test_the_oldest_turns_are_left_out() -> None:
    told = [
        Message("system", "s " * 10),
        Message("user", "a " * 20),
        Message("assistant", "b " * 20),
        Message("user", "c " * 20),
        Message("assistant", "d " * 20),
        Message("user", "e " * 20),
    ]
    assert len(fitted(told, words, max_tokens=20, context_length=200).tokens) == 110
    assert len(fitted(told, words, max_tokens=20, context_length=100).tokens) == 70
    assert len(fitted(told, words, max_tokens=20, context_length=60).tokens) == 30
    assert fitted(told, words, max_tokens=20, context_length=48).max_tokens == 18
    with pytest.raises(TooLarge, match="the question has 30 tokens; the language model takes 40"):
        fitted(told, words, max_tokens=20, context_length=40)


# Text


def spelled(token: int) -> str | None:
    return chr(token) if token else None


def test_an_answer_ends_before_a_stop_that_came_in_pieces() -> None:
    written = Written(spelled, {9}, ["\nUser:"])
    pieces = [written.add([ord(letter)]) for letter in "Hi\nUse it\nUser: more"]
    assert "".join(pieces) == "Hi\nUse it"
    assert written.stopped
    assert written.end() == ""


def test_what_looked_like_a_stop_is_said_at_the_end() -> None:
    written = Written(spelled, {9}, ["\nUser:"])
    assert written.add([ord(letter) for letter in "Hi\nUse"]) == "Hi"
    assert written.end() == "\nUse"
    assert not written.stopped


def test_end_marks_and_unfinished_characters_are_not_said() -> None:
    written = Written(spelled, {9}, ())
    assert written.add([ord("a"), 0, 9, ord("b")]) == "ab"


def test_an_answer_is_complete_with_its_end_mark_or_stop_and_cut_without() -> None:
    cut, ended, stopped = (Written(spelled, {9}, ["\nUser:"]) for _ in range(3))
    cut.add([ord("a")])
    ended.add([ord("a"), 9])
    stopped.add([ord(letter) for letter in "a\nUser:"])
    assert [one.complete for one in (cut, ended, stopped)] == [False, True, True]


# Turns


@dataclass
class Said:
    generated_tokens: list[int]
    error: str | None = None
    finished: bool = False

    def is_finished(self) -> bool:
        return self.finished


@dataclass
class FakeRouter:
    output_queue: queue.Queue[Output] = field(default_factory=queue.Queue)
    result_handlers: dict[str, object] = field(default_factory=dict)


class FakeManager:
    """Stands in for the batching manager where its thread does what a test cannot provoke."""

    def __init__(self) -> None:
        self.output_router: Router = FakeRouter()
        self.cancelled: list[str] = []
        self.running = True
        self.accepts = True
        self.handlers: list[Callable[[Output], None]] = []

    def add_request(
        self,
        input_ids: list[int],
        request_id: str,
        max_new_tokens: int,
        streaming: bool,
        *,
        temperature: float,
    ) -> str | None:
        return request_id if self.accepts else None

    def cancel_request(self, request_id: str) -> None:
        self.cancelled.append(request_id)

    def register_result_handler(self, request_id: str, callback: Callable[[Output], None]) -> None:
        self.output_router.result_handlers[request_id] = callback
        self.handlers.append(callback)

    def is_running(self) -> bool:
        return self.running


PROMPT = Prompt([1, 2, 3], 10)


async def test_tokens_are_passed_on_as_they_come() -> None:
    manager = FakeManager()
    answer = Turns(manager, limit=1, patience=5).tokens(PROMPT, 0.5)
    first = asyncio.ensure_future(anext(answer))
    await asyncio.sleep(0)
    manager.handlers[0](Said([7]))
    manager.handlers[0](Said([7, 8, 9], finished=True))
    assert await first == [7]
    assert await anext(answer) == [8, 9]
    with pytest.raises(StopAsyncIteration):
        await anext(answer)
    assert manager.cancelled == []
    assert manager.output_router.result_handlers == {}


async def test_late_words_of_a_cancelled_answer_are_dropped() -> None:
    manager = FakeManager()
    turns = Turns(manager, limit=1, patience=5)
    answer = turns.tokens(PROMPT, 0.5)
    first = asyncio.ensure_future(anext(answer))
    await asyncio.sleep(0)
    manager.handlers[0](Said([7]))
    await first
    manager.output_router.output_queue.put(Said([7, 8]))
    await answer.aclose()
    assert len(manager.cancelled) == 1
    assert manager.output_router.output_queue.empty()
    assert len(turns) == 0


async def test_a_manager_that_takes_nothing_any_more_is_a_fault() -> None:
    manager = FakeManager()
    manager.accepts = False
    turns = Turns(manager, limit=1, patience=5)
    with pytest.raises(EngineFault, match="has to be started again"):
        await anext(turns.tokens(PROMPT, 0.5))
    assert len(turns) == 0


@pytest.mark.looptime
async def test_a_thread_that_died_between_two_words_is_noticed() -> None:
    manager = FakeManager()
    manager.running = False
    with pytest.raises(EngineFault, match="has to be started again"):
        await anext(Turns(manager, limit=1, patience=60).tokens(PROMPT, 0.5))


@pytest.mark.looptime
async def test_patience_has_an_end() -> None:
    manager = FakeManager()
    turns = Turns(manager, limit=1, patience=60)
    with pytest.raises(EngineFault, match="wrote nothing for 60 s"):
        await anext(turns.tokens(PROMPT, 0.5))
    assert len(manager.cancelled) == 1


@pytest.mark.parametrize("can", [True, False])
def test_a_cache_that_cannot_be_written_does_not_stop_the_import_of_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, can: bool
) -> None:
    (tmp_path / "file").write_text("")
    wanted = str(tmp_path / "cache") if can else str(tmp_path / "file" / "cache")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", wanted)
    assert settle() == (None if can else wanted)
    assert os.environ.get("TORCHINDUCTOR_CACHE_DIR") == (wanted if can else None)
