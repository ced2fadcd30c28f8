"""What the doctor says: one line for each thing looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``note`` is worth knowing and stops nothing; ``bad`` comes with what to do."""

    name: str
    verdict: Verdict
    detail: str
    cure: str = ""
