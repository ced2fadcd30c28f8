"""What stops a language model from starting; it is the same for every engine."""

from __future__ import annotations

from digital_human_runtime.engines.errors import Refused

__all__ = ["Refused"]
