"""Modes of torch.compile in the words of continuous batching, or why a mode cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from digital_human_runtime.engines.errors import Refused
from digital_human_runtime.engines.llm.transformers.device import Device

MODES = ("none", "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
_WITH_GRAPHS = ("reduce-overhead", "max-autotune")


@dataclass(frozen=True, slots=True)
class Compiling:
    """What the batching manager is told."""

    level: int
    """Its compile level: 1 is torch.compile's default mode, 2 max-autotune."""
    graphs: bool
    """Whether it records CUDA graphs: they take the place of torch.compile's own."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What compiling needs beside torch."""

    compiler: str | None
    """Path of a C++ compiler."""
    cache: str
    """Folder that compiled code is kept in."""
    cache_writable: bool


def check_mode(mode: str) -> None:
    """Refuse what is no mode, before anything is loaded."""
    if mode == "max-performance":
        raise Refused("compile mode max-performance is no mode of torch.compile: use max-autotune")
    if mode not in MODES:
        near = get_close_matches(mode, MODES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(MODES)}"
        raise Refused(f"compile mode {mode} is unknown: {hint}")


def choose_compiling(mode: str, device: Device, tools: Tools) -> Compiling | None:
    """How a mode is served on this device; None for no compiling. Raises Refused."""
    check_mode(mode)
    if mode == "none":
        return None
    if mode == "reduce-overhead" and device.kind == "cpu":
        raise Refused(
            "compile mode reduce-overhead needs CUDA graphs, which a CPU has not:"
            " use default or none"
        )
    if tools.compiler is None:
        raise Refused(
            f"compile mode {mode} needs a C++ compiler, and this image has none:"
            " use the gpu image, install g++, or set the mode to none"
        )
    if not tools.cache_writable:
        raise Refused(
            f"compile mode {mode} keeps compiled code in {tools.cache}, which is not writable:"
            " mount a folder there, set TORCHINDUCTOR_CACHE_DIR to one, or set the mode to none"
        )
    graphs = device.kind == "cuda" and mode in _WITH_GRAPHS
    return Compiling(2 if mode.startswith("max-autotune") else 1, graphs)
