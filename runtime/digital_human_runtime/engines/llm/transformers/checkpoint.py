"""Finds the folder of a model on this machine and refuses what cannot or must not be loaded."""

from __future__ import annotations

import json
import os
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

from digital_human_runtime.engines.errors import Refused
from digital_human_runtime.engines.llm.naming import is_folder, is_hub_id

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")
_LARGEST_HEADER = 2**27  # bytes; a larger one is no header


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder that can be loaded."""

    folder: Path
    parameters: int

    def size(self, bits: int) -> int:
        """Bytes of the weights at so many bits a parameter."""
        return self.parameters * bits // 8


def find(model: str | Path) -> Checkpoint:
    """The checkpoint of a folder, or of a Hub id whose snapshot is here; raises Refused."""
    folder = _folder(model)
    config = _json(folder / "config.json", "config.json, which describes the model")
    files = _weights(folder)
    if not any((folder / name).exists() for name in _TOKENIZERS):
        raise Refused(f"{folder} holds no tokenizer: fetch the model again, with tokenizer.json")
    if config.get("auto_map"):
        raise Refused(
            f"{folder} wants to run code of its own (auto_map), which is never done here: use a"
            " model that the transformers library knows, or serve it elsewhere"
        )
    return Checkpoint(folder, sum(_parameters(file) for file in files))


def _folder(model: str | Path) -> Path:
    name = str(model)
    if isinstance(model, Path) or is_folder(name) or Path(name).is_dir():
        folder = Path(name).expanduser()
        if folder.is_dir():
            return folder
        what = "is a file" if folder.exists() else "does not exist"
        raise Refused(f"the model folder {folder} {what}: give the folder that holds the weights")
    if not is_hub_id(name):
        raise Refused(
            f"{name} is no folder and no Hub id: give one of them,"
            " or the address of a server that knows this name"
        )
    return _snapshot(name)


def _snapshot(hub_id: str) -> Path:
    repository, _, revision = hub_id.partition("@")
    try:
        return Path(snapshot_download(repository, revision=revision or None, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError) as error:
        raise Refused(
            f"{hub_id} is not on this machine: run digital-human-models fetch --from"
            f" hf://{repository} --into FOLDER, and give that folder"
        ) from error


def _weights(folder: Path) -> list[Path]:
    """The files of the weights, all of them there."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        shards = sorted(set(_json(index, "an index of the weights").get("weight_map", {}).values()))
        missing = [name for name in shards if not (folder / name).is_file()]
        if missing:
            raise Refused(f"{folder} lacks {missing[0]}: the fetch was not finished, run it again")
        return [folder / name for name in shards]
    files = sorted(folder.glob("*.safetensors"))
    if files:
        return files
    pickles = [path.name for pattern in _PICKLES for path in sorted(folder.glob(pattern))]
    if pickles:
        raise Refused(
            f"{folder} holds only pickled weights ({pickles[0]}), and loading those runs code:"
            " convert them to safetensors, or fetch a revision that has them"
        )
    if list(folder.glob("*.gguf")):
        raise Refused(f"{folder} holds GGUF files: serve them with Ollama or llama.cpp instead")
    raise Refused(f"{folder} holds no weights (*.safetensors): fetch the model again")


def _parameters(file: Path) -> int:
    """How many numbers a safetensors file holds, read from its header."""
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            header = json.loads(opened.read(min(length, _LARGEST_HEADER)))
        return sum(
            prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__"
        )
    except PermissionError as error:
        raise _closed(file) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise Refused(f"{file} is damaged or no safetensors file: fetch the model again") from error


def _json(path: Path, what: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Refused(f"{path.parent} lacks {what}: fetch the model again") from error
    except PermissionError as error:
        raise _closed(path) from error
    except (OSError, ValueError) as error:
        raise Refused(f"{path} cannot be read: fetch the model again") from error
    if not isinstance(content, dict):
        raise Refused(f"{path} cannot be read: fetch the model again")
    return content


def _closed(path: Path) -> Refused:
    """Libraries save weights for their owner only, and a Pod is somebody else."""
    return Refused(f"{path} may not be read: give the user {os.geteuid()} the right to")
