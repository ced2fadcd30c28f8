"""What a load test found: one outcome for each try, and figures over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Outcome:
    """One request or one turn; times in seconds from the moment it was sent."""

    ok: bool
    seconds: float
    fault: str = ""
    first_text: float | None = None
    first_audio: float | None = None
    audio_seconds: float = 0.0
    underruns: int = 0
    marks: list[str] = field(default_factory=list)
    """What was wrong with sound or face, each a sentence."""


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least ``share`` of all do not exceed (nearest rank)."""
    if not values:
        return None
    ranked = sorted(values)
    rank = -int(-share * len(ranked) // 1)  # ceil
    return ranked[max(rank, 1) - 1]


def summary(outcomes: Iterable[Outcome], wall_seconds: float) -> dict[str, object]:
    """The figures as the report shows them; times in milliseconds."""
    every = list(outcomes)
    good = [one for one in every if one.ok]
    return {
        "tries": len(every),
        "failed": len(every) - len(good),
        "successPercent": round(100 * len(good) / len(every), 2) if every else 0.0,
        "perSecond": round(len(every) / wall_seconds, 2) if wall_seconds else 0.0,
        "wallSeconds": round(wall_seconds, 2),
        "responseMs": _spread([one.seconds for one in good]),
        "firstTextMs": _spread([v for one in good if (v := one.first_text) is not None]),
        "firstAudioMs": _spread([v for one in good if (v := one.first_audio) is not None]),
        "audioSeconds": round(sum(one.audio_seconds for one in good), 1),
        "underruns": sum(one.underruns for one in every),
        "faults": dict(Counter(one.fault for one in every if not one.ok).most_common(10)),
        "lipSyncFaults": dict(Counter(mark for one in every for mark in one.marks).most_common(10)),
    }


def _spread(seconds: Sequence[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    named = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}
    found = {name: percentile(seconds, share) for name, share in named.items()}
    return {name: round(1000 * value, 1) for name, value in found.items() if value is not None}
