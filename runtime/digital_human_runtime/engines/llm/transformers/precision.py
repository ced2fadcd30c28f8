"""Which number formats a device can serve, and how; what it cannot is refused with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from digital_human_runtime.engines.errors import Refused
from digital_human_runtime.engines.llm.transformers.device import Device

PRECISIONS = ("fp32", "bf16", "fp16", "int8", "int4")
_AMPERE = (8, 0)  # bf16, and the kernels for four bits
_TURING = (7, 5)  # the oldest that torch's CUDA 13 builds know


@dataclass(frozen=True, slots=True)
class Format:
    """How weights and activations are held."""

    name: str
    dtype: Literal["float32", "bfloat16", "float16"]
    """Of activations, of the cache, and of weights that are not quantised."""
    weight_bits: int
    packing: str | None = None
    """How four-bit weights lie in memory, in torchao's words."""

    @property
    def itemsize(self) -> int:
        """Bytes of one activation."""
        return 4 if self.dtype == "float32" else 2

    @property
    def described(self) -> str:
        """For sentences: int4 (tile_packed_to_4d)."""
        return f"{self.name} ({self.packing})" if self.packing else self.name


def choose_format(precision: str, device: Device) -> Format:
    """How this device serves a precision; raises Refused."""
    if precision == "fp8":
        raise Refused(
            "precision fp8 is not served in this process: use int8,"
            " or a server such as vLLM on a GPU with compute capability 8.9 or newer"
        )
    if precision not in PRECISIONS:
        raise Refused(f"precision {precision} is unknown: use one of {', '.join(PRECISIONS)}")
    return _on_cpu(precision) if device.kind == "cpu" else _on_gpu(precision, device)


def _on_cpu(precision: str) -> Format:
    if precision == "fp16":
        raise Refused("precision fp16 has no fast kernels on a CPU: use bf16 or fp32")
    if precision == "int4":
        raise Refused(
            "precision int4 has no packing that torchao serves on a plain CPU: use int8,"
            " or a server such as Ollama for four bits"
        )
    if precision == "int8":
        return Format("int8", "bfloat16", 8)
    return Format("fp32", "float32", 32) if precision == "fp32" else Format("bf16", "bfloat16", 16)


def _on_gpu(precision: str, device: Device) -> Format:
    if device.capability < _TURING:
        raise Refused(f"{device.name} is older than this build of torch serves: use a newer GPU")
    new = device.capability >= _AMPERE
    half: Literal["bfloat16", "float16"] = "bfloat16" if new else "float16"
    if precision == "bf16" and not new:
        raise Refused(f"{device.name} has no bf16 kernels: use fp16")
    if precision == "int4" and not new:
        raise Refused(f"{device.name} has no kernels for four bits: use int8")
    formats = {
        "fp32": Format("fp32", "float32", 32),
        "bf16": Format("bf16", "bfloat16", 16),
        "fp16": Format("fp16", "float16", 16),
        "int8": Format("int8", half, 8),
        "int4": Format("int4", "bfloat16", 4, packing="tile_packed_to_4d"),
    }
    return formats[precision]
