"""The machine: what the runtime needs of it, and what it would make use of."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator

import psutil

from digital_human_runtime.health_api.gpu import GpuFacts, Gpus

from .findings import Finding

MEMORY_GIB = 1.0
DISK_GIB = 1.0


def machine() -> Iterator[Finding]:
    """Look at this machine; nothing is changed."""
    yield _python()
    yield _memory()
    yield _disk()
    yield from _modules()
    yield _gpu()
    yield _compiler()


def _python() -> Finding:
    return Finding("python", "ok", platform.python_version())


def _memory() -> Finding:
    free = psutil.virtual_memory().available / 2**30
    detail = f"{free:.1f} GiB free"
    if free < MEMORY_GIB:
        return Finding("memory", "bad", detail, f"Have {MEMORY_GIB:.0f} GiB free.")
    return Finding("memory", "ok", detail)


def _disk() -> Finding:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free / 2**30
    detail = f"{free:.1f} GiB free in {folder}"
    if free < DISK_GIB:
        return Finding("disk", "bad", detail, f"Make room in {folder}, or set TMPDIR.")
    return Finding("disk", "ok", detail)


def _modules() -> Iterator[Finding]:
    for name, use in (
        ("onnxruntime", "the embedded face"),
        ("espeakng_loader", "the eSpeak NG voice"),
        ("grpc", "the Audio2Face server"),
    ):
        if importlib.util.find_spec(name) is None:
            cure = "Install the package with its extra: pip install 'digital-human[runtime]'."
            yield Finding(name, "bad", f"missing, needed for {use}", cure)
        else:
            yield Finding(name, "ok", use)
    if importlib.util.find_spec("torch") is None:
        detail = "not installed: models run on an OpenAI-compatible server, or the builtin brain"
        yield Finding("torch", "note", detail)
    else:
        yield Finding("torch", "ok", "models can run in this process")


def _gpu() -> Finding:
    found = devices()
    if not found:
        return Finding("gpu", "note", "none: everything runs on the CPU")
    return Finding("gpu", "ok", "; ".join(found))


def devices() -> list[str]:
    """Every GPU of this machine: its name and its memory, as its driver tells them."""
    gpus = Gpus()
    gpus.start()
    try:
        return [_described(one) for one in gpus.read()]
    finally:
        gpus.close()


def _described(gpu: GpuFacts) -> str:
    if gpu.memory_total is None:
        return gpu.name
    return f"{gpu.name}, {gpu.memory_total / 2**30:.0f} GiB"


def _compiler() -> Finding:
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler:
        return Finding("compiler", "ok", compiler)
    return Finding("compiler", "note", "none: torch.compile cannot be used")
