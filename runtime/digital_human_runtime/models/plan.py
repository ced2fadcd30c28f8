"""Pure decisions: which files of a source are a model, and into which parts a file is cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from .errors import RefusedError
from .manifest import NAME

PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".npy", ".npz"}
"""Formats whose loading can run code."""
OTHERS = {".msgpack", ".h5", ".onnx", ".gguf", ".ot", ".tflite", ".mlmodel"}
"""Weights for other programs, which a repository often holds beside the safetensors."""
WANTED = {".safetensors", ".json", ".txt", ".model", ".jinja", ".tiktoken", ".md"}
PART_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """
    A file of a source.

    ``version`` changes when the content does (an ETag, a commit, a time of change);
    ``sha256`` is the digest that the source promises, where it does.
    """

    path: str
    size: int
    version: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes ``start`` up to ``end`` (exclusive) of a file."""

    start: int
    end: int


def choose(files: Iterable[RemoteFile], where: str) -> list[RemoteFile]:
    """
    Return the files that make the model, in a stable order.

    Raises RefusedError when there are no safetensors (naming pickles, if that is what there is),
    or when a name would leave the folder of the model.
    """
    found = sorted(files, key=lambda file: file.path)
    for file in found:
        check_name(file.path)
    chosen = [file for file in found if _wanted(file.path)]
    if any(suffix(file.path) == ".safetensors" for file in chosen):
        return chosen
    pickled = next((file.path for file in found if suffix(file.path) in PICKLES), None)
    if pickled is not None:
        raise RefusedError(
            f"{where} holds its weights as pickles ({pickled}), which can run code when loaded:"
            " convert them to safetensors (transformers: save_pretrained) and fetch those."
        )
    raise RefusedError(f"{where} holds no .safetensors file: name the folder that does.")


def _wanted(path: str) -> bool:
    """Files of a model; the manifest of a source that is one of ours is made anew."""
    return suffix(path) in WANTED and not hidden(path) and PurePosixPath(path).name != NAME


def check_name(path: str) -> None:
    """Refuse a name that would leave the folder of the model, or hide in it."""
    pure = PurePosixPath(path)
    odd = pure.is_absolute() or ".." in pure.parts or "\\" in path or "\0" in path or not path
    if odd:
        raise RefusedError(f"The source names a file {path!r}, which would leave the folder.")


def hidden(path: str) -> bool:
    """Files and folders that start with a dot belong to tools, not to the model."""
    return any(part.startswith(".") for part in PurePosixPath(path).parts)


def suffix(path: str) -> str:
    """The last suffix in lower case."""
    return PurePosixPath(path).suffix.lower()


def parts(size: int, part_bytes: int = PART_BYTES) -> list[Part]:
    """Cut a file; one of no bytes has no parts."""
    return [Part(start, min(start + part_bytes, size)) for start in range(0, size, part_bytes)]
