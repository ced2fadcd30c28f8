"""GPUs of this process: whether there are any, and how busy they are, as NVIDIA's library says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pynvml

from digital_human_runtime.frames import Check

T = TypeVar("T")
_log = logging.getLogger(__name__)
_UNTOLD = frozenset({pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.NVML_ERROR_NO_PERMISSION})
"""
What a driver answers of a GPU that is there: of one in slices (MIG) it tells no use, and its memory
only to who owns all of it.
"""


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """One GPU now."""

    index: int
    name: str
    utilization: float | None
    """Percent; None, here and below: the driver does not tell."""
    memory_used: int | None
    memory_total: int | None
    """Bytes."""


class Gpus:
    """Reads what the driver says; without a driver there are none."""

    def __init__(self) -> None:
        self._open = False
        self._fault = ""

    def start(self) -> None:
        """Look for a driver."""
        try:
            pynvml.nvmlInit()
            self._open = pynvml.nvmlDeviceGetCount() > 0
        except pynvml.NVMLError as error:
            self._open = False
            _log.debug("no GPU: %s", error)

    def close(self) -> None:
        """Leave the driver."""
        if self._open:
            self._open = False
            pynvml.nvmlShutdown()

    def read(self) -> Sequence[GpuFacts]:
        """All GPUs that this process sees; none when the driver does not answer."""
        if not self._open:
            return ()
        try:
            found = [_facts(index) for index in range(pynvml.nvmlDeviceGetCount())]
        except pynvml.NVMLError as error:
            self._fault = str(error)
            return ()
        self._fault = ""
        return found

    def check(self, *, wanted: bool) -> Check:
        """The line ``gpu``; wrong when one is configured and none answers."""
        found = self.read()
        if found:
            return Check("gpu", ok=True, detail=", ".join(one.name for one in found))
        if wanted:
            reason = self._fault or "no NVIDIA driver answers"
            return Check("gpu", ok=False, detail=f"a GPU is configured, but {reason}")
        return Check("gpu", ok=True, detail="none is needed")


def _facts(index: int) -> GpuFacts:
    device = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = _told(lambda: pynvml.nvmlDeviceGetMemoryInfo(device))
    rates = _told(lambda: pynvml.nvmlDeviceGetUtilizationRates(device))
    name = pynvml.nvmlDeviceGetName(device)
    return GpuFacts(
        index=index,
        name=name.decode() if isinstance(name, bytes) else str(name),
        utilization=float(rates.gpu) if rates is not None else None,
        memory_used=int(memory.used) if memory is not None else None,
        memory_total=int(memory.total) if memory is not None else None,
    )


def _told(ask: Callable[[], T]) -> T | None:
    """The answer, or None for one that this GPU never gives; raises NVMLError when it is lost."""
    try:
        return ask()
    except pynvml.NVMLError as error:
        if error.value in _UNTOLD:
            return None
        raise
