"""What is known of the device that a model shall run on; plain values, so that rules are pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU, or the CPU with the memory that this process may use."""

    kind: Literal["cuda", "cpu"]
    name: str
    memory: int
    """Bytes, all of it."""
    capability: tuple[int, int] = (0, 0)
    """Compute capability of a GPU: (8, 0) is an A100."""

    @property
    def described(self) -> str:
        """For sentences: what it is and how much memory it has."""
        return f"{self.name} ({self.memory / GIB:.1f} GiB)"
