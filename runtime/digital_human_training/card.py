"""Writes what was measured: JSON for machines, a table in the model card for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from .evaluate import Gate, Row

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "docs" / "benchmarks" / "face-gates.json"
CARD = ROOT / "docs" / "face-model-card.md"
_BEGIN, _END = "<!-- gates: begin -->", "<!-- gates: end -->"


def report(
    rows: Sequence[Row], gates: Sequence[Gate], model: Mapping[str, object]
) -> dict[str, object]:
    """The figures and the network that they belong to; ``model`` is the JSON beside it."""
    return {
        "model": {name: model[name] for name in ("sha256", "training") if name in model},
        "rows": [row.values() for row in rows],
        "gates": [
            {
                "name": gate.name,
                "value": gate.value,
                "limit": gate.limit,
                "sense": "at least" if gate.at_least else "at most",
                "passed": gate.passed,
            }
            for gate in gates
        ],
    }


def write(told: Mapping[str, object], rows: Sequence[Row]) -> None:
    """Write both files."""
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(told, indent=2) + "\n")
    if CARD.exists():
        CARD.write_text(inserted(CARD.read_text(), table(rows)))


def inserted(text: str, between: str) -> str:
    """``text`` with the table in its place."""
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{between}{_END}{after}"


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| voices | noise | fps | closures | recall | false | jaw r | gap in silence | offset |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        noise = "none" if row.snr is None else f"{row.snr} dB"
        lines.append(
            f"| {row.family} ({row.voices}) | {noise} | {row.fps} | {row.closures} "
            f"| {row.recall:.3f} | {row.false:.2%} | {row.jaw_correlation:.3f} "
            f"| {row.gap_in_silence:.3f} | {row.offset_ms:+.1f} ms |"
        )
    return "\n".join(lines) + "\n"
