import pytest

from digital_human_runtime.engines.errors import Refused
from digital_human_runtime.engines.llm.naming import Choice, choose, is_folder, is_hub_id

URL = ["http://localhost:11434/v1"]


@pytest.mark.parametrize(
    ("name", "urls", "choice"),
    [
        ("builtin", [], Choice("builtin", "builtin")),
        (" builtin ", [], Choice("builtin", "builtin")),
        ("/models/llama", [], Choice("transformers", "/models/llama")),
        ("./llama-3.1", [], Choice("transformers", "./llama-3.1")),
        ("~/llama", [], Choice("transformers", "~/llama")),
        ("Qwen/Qwen2.5-7B-Instruct", [], Choice("transformers", "Qwen/Qwen2.5-7B-Instruct")),
        ("owner/name@v1.0", [], Choice("transformers", "owner/name@v1.0")),
        ("llama3:70b", URL, Choice("openai", "llama3:70b")),
        ("/models/served-by-path", URL, Choice("openai", "/models/served-by-path")),
    ],
)
def test_a_name_is_served_by_the_engine_that_knows_it(
    name: str, urls: list[str], choice: Choice
) -> None:
    assert choose(name, urls) == choice


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "MODEL_NAME is empty"),
        (
            "llama3:70b",
            "set DIGITAL_HUMAN_LLM_URL to its address .* meta-llama/Meta-Llama-3-70B-Instruct",
        ),
        ("some-tag:q4_K_M", "such as Ollama, and none is configured.*or a folder"),
        ("gpt-4o", "such as Ollama, and none is configured"),
        ("hf.co/owner/model:Q4_K_M", "such as Ollama, and none is configured"),
        ("Built-In", "did you mean builtin"),
        ("buildin", "did you mean builtin"),
        ("https://llm.example.com/v1", "that is an address: put it into DIGITAL_HUMAN_LLM_URL"),
        ("s3://bucket/llama", "digital-human-models fetch"),
        ("/models/llama.gguf", "GGUF files are not loaded"),
        ("/models/pytorch_model.bin", "pickled weights are refused"),
        ("/models/model.safetensors", "give the folder"),
        ("two words", "that is no model name"),
        ("x" * 500, "MODEL_NAME=x{77}\\.\\.\\.: "),
    ],
)
def test_a_name_that_no_engine_knows_is_refused_with_the_fix(name: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        choose(name)


def test_the_demo_brain_and_a_server_at_once_is_refused() -> None:
    with pytest.raises(Refused, match="name the model that the server shall use"):
        choose("builtin", URL)


def test_refusals_name_the_settings_as_the_caller_calls_them() -> None:
    with pytest.raises(Refused, match=r"llm\.model=llama3:8b: .* set llm\.url"):
        choose("llama3:8b", setting="llm.model", url_setting="llm.url")


def test_a_path_is_told_from_a_hub_id() -> None:
    assert is_folder("/models/a")
    assert not is_hub_id("/models/a")
    assert is_hub_id("owner/name")
    assert not is_hub_id("owner/name:tag")
    assert not is_hub_id("models/a/b")
