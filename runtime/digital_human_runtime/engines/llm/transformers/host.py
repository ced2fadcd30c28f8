"""What this machine has: its device, its memory, and what there is to compile with."""

from __future__ import annotations

import os
import shutil
from math import ceil
from pathlib import Path

import psutil
import torch
from torch._inductor.runtime.cache_dir_utils import cache_dir

from digital_human_runtime.engines.errors import Refused
from digital_human_runtime.engines.llm.transformers.cache import writable
from digital_human_runtime.engines.llm.transformers.compiling import Tools
from digital_human_runtime.engines.llm.transformers.device import Device

_CGROUP = Path("/sys/fs/cgroup")
_CPU_COMPILERS, _GPU_COMPILERS = ("g++", "clang++", "c++"), ("gcc", "clang", "cc")


def find_device(name: str | None) -> Device:
    """The device of that name, or a GPU where there is one; raises Refused."""
    if name not in {None, "cpu", "cuda"}:
        raise Refused(f"device {name} is unknown: use cuda or cpu")
    if name == "cpu" or (name is None and not torch.cuda.is_available()):
        return Device("cpu", "the CPU", _memory())
    if not torch.cuda.is_available():
        raise Refused(
            "device cuda was asked for, but torch sees no GPU: check the driver, or use cpu"
        )
    properties = torch.cuda.get_device_properties(0)
    capability = (properties.major, properties.minor)
    return Device("cuda", properties.name, properties.total_memory, capability)


def tools(device: Device, lost_cache: str | None = None) -> Tools:
    """What there is to compile with; ``lost_cache`` is as ``settle`` returned it."""
    names = _CPU_COMPILERS if device.kind == "cpu" else _GPU_COMPILERS
    found = next((path for path in map(shutil.which, names) if path), None)
    cache = lost_cache or cache_dir()
    return Tools(found, cache, lost_cache is None and writable(Path(cache)))


def _memory() -> int:
    """Bytes that this process may use: those of its container, or of the machine."""
    total = int(psutil.virtual_memory().total)
    limit = _limit("memory.max")
    return min(total, int(limit[0])) if limit and limit[0].isdecimal() else total


def cpus() -> int:
    """CPUs that this process may use at once: more threads would only get in each other's way."""
    allowed = len(os.sched_getaffinity(0))
    limit = _limit("cpu.max")
    if len(limit) == 2 and limit[0].isdecimal():
        allowed = min(allowed, ceil(int(limit[0]) / int(limit[1])))
    return max(1, allowed)


def _limit(name: str) -> list[str]:
    """The words of a limit of the container; none outside of one."""
    try:
        return (_CGROUP / name).read_text().split()
    except OSError:
        return []
