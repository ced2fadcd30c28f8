"""
What a MODEL_NAME means: the demo brain, a folder, a Hub id, or a name that a server knows.

Pure: nothing is looked up, neither on disk nor on the network.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePath
from typing import Literal

from digital_human_runtime.engines.errors import Refused

BUILTIN = "builtin"
EngineName = Literal["builtin", "openai", "transformers"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")
_TAG = re.compile(r"[A-Za-z0-9][\w./-]*(:[\w.-]+)?")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl"}
_ON_THE_HUB = {
    "llama3": "meta-llama/Meta-Llama-3-8B-Instruct",
    "llama3:8b": "meta-llama/Meta-Llama-3-8B-Instruct",
    "llama3:70b": "meta-llama/Meta-Llama-3-70B-Instruct",
    "llama3.1": "meta-llama/Llama-3.1-8B-Instruct",
    "llama3.1:8b": "meta-llama/Llama-3.1-8B-Instruct",
    "llama3.1:70b": "meta-llama/Llama-3.1-70B-Instruct",
    "mistral": "mistralai/Mistral-7B-Instruct-v0.3",
    "mistral:7b": "mistralai/Mistral-7B-Instruct-v0.3",
    "qwen2.5": "Qwen/Qwen2.5-7B-Instruct",
    "qwen2.5:7b": "Qwen/Qwen2.5-7B-Instruct",
}
"""Engine tags whose weights the Hub has under another name; only for the advice that we give."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine, and the name of the model as that engine takes it."""

    engine: EngineName
    model: str


def choose(
    name: str,
    urls: Sequence[str] = (),
    *,
    setting: str = "MODEL_NAME",
    url_setting: str = "DIGITAL_HUMAN_LLM_URL",
) -> Choice:
    """
    Say which engine serves ``name``; ``urls`` are the addresses of OpenAI-compatible servers.

    The settings are named in the sentence of ``Refused``, which is raised where no engine fits.
    """
    name = name.strip()
    if not name:
        raise Refused(f"{setting} is empty: say builtin, a folder, a Hub id, or leave it out")
    if urls:
        return _on_a_server(name, setting, url_setting)
    if name == BUILTIN:
        return Choice("builtin", BUILTIN)
    refusal = _refusal(name, url_setting)
    if refusal:
        raise Refused(f"{setting}={_short(name)}: {refusal}")
    return Choice("transformers", name)


def is_folder(name: str) -> bool:
    """Whether the name is written as a path: /models/llama, ./llama, ~/llama."""
    return name.startswith(("/", "./", "../", "~")) or name in {".", ".."}


def is_hub_id(name: str) -> bool:
    """Whether the name is written as owner/name of the Hugging Face Hub, perhaps with @revision."""
    return not is_folder(name) and _HUB_ID.fullmatch(name) is not None


def _on_a_server(name: str, setting: str, url_setting: str) -> Choice:
    if name == BUILTIN:
        raise Refused(
            f"{setting}={BUILTIN} needs no server, but {url_setting} is set:"
            f" name the model that the server shall use, or unset {url_setting}"
        )
    return Choice("openai", name)


def _refusal(name: str, url_setting: str) -> str | None:
    """Why no engine here can serve a name, or None."""
    if _ADDRESS.match(name):
        return _of_an_address(name, url_setting)
    file = _of_a_file(name, url_setting)
    if file or is_folder(name) or is_hub_id(name):
        return file
    if get_close_matches(name.lower(), [BUILTIN, "built-in"], n=1, cutoff=0.75):
        return f"did you mean {BUILTIN}?"
    if _TAG.fullmatch(name):
        return _of_a_tag(name, url_setting)
    return "that is no model name: say builtin, a folder such as /models/llama, or a Hub id"


def _of_an_address(name: str, url_setting: str) -> str:
    if name.lower().startswith(("http://", "https://")):
        return (
            f"that is an address: put it into {url_setting} and the name of the model,"
            " as that server knows it, here"
        )
    return (
        "weights are not fetched while starting: run digital-human-models fetch first,"
        " then give the folder that it filled"
    )


def _of_a_file(name: str, url_setting: str) -> str | None:
    suffix = PurePath(name).suffix.lower()
    if suffix == ".gguf":
        return (
            "GGUF files are not loaded in this process: serve the file with Ollama or llama.cpp"
            f" and set {url_setting}"
        )
    if suffix == ".safetensors":
        return "give the folder that holds the weights, config.json and the tokenizer, not one file"
    if suffix in _PICKLES:
        return (
            "pickled weights are refused, because loading them runs code:"
            " convert them to safetensors and give the folder"
        )
    return None


def _of_a_tag(name: str, url_setting: str) -> str:
    known = _ON_THE_HUB.get(name.lower())
    hub = f"the Hub id {known}" if known else "a Hub id such as Qwen/Qwen2.5-7B-Instruct"
    return (
        "that is the name of a model in an engine such as Ollama, and none is configured:"
        f" set {url_setting} to its address (http://localhost:11434/v1),"
        f" or give {hub} or a folder with the weights"
    )


def _short(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:77]}..."
