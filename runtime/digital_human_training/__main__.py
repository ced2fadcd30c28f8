"""
``python -m digital_human_training``: train the face network, or check the committed one.

Training needs torch and onnx (extra ``train``); the check needs neither.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from digital_human_runtime.engines.face.embedded.network import MODEL, load
from digital_human_runtime.engines.face.features import BANDS
from digital_human_runtime.engines.face.mouth import OUTPUTS

from . import card
from .evaluate import Gate, Row, all_rows, judged, real_time_factor
from .speech import synthesiser

# ruff: noqa: PLC0415 - torch is imported only to train
console = Console()


def main(
    *,
    check: Annotated[bool, typer.Option(help="Only measure the network that is there.")] = False,
    write: Annotated[bool, typer.Option(help="Write the figures into docs/.")] = False,
    model: Annotated[Path, typer.Option(help="The network to write or to measure.")] = MODEL,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 1,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the training.")] = 2000,
    seconds: Annotated[float, typer.Option(min=60, help="Speech to train on.")] = 4200.0,
) -> None:
    """Train the face network, then hold it to its gates; exit 1 when it misses one."""
    if not check:
        _train(model, seed=seed, steps=steps, seconds=seconds)
    rows, gates = _measure(model)
    if write:
        beside = json.loads(model.with_suffix(".json").read_text())
        card.write(card.report(rows, gates, beside), rows)
    missed = [gate for gate in gates if not gate.passed]
    for gate in missed:
        console.print(f"missed: {gate.name} is {gate.value}, the limit is {gate.limit}")
    sys.exit(1 if missed else 0)


def _measure(model: Path) -> tuple[list[Row], list[Gate]]:
    network, rows = load(model), []
    shown = Table("voices", "noise", "fps", "recall", "false", "jaw r", "silence", "offset")
    with synthesiser() as speaking, console.status("speaking with voices that were held out"):
        for row in all_rows(network, speaking):
            rows.append(row)
            shown.add_row(
                *(row.family, str(row.snr or "none"), str(row.fps), f"{row.recall:.3f}"),
                *(f"{row.false:.4f}", f"{row.jaw_correlation:.3f}", f"{row.gap_in_silence:.3f}"),
                f"{row.offset_ms:+.1f} ms",
            )
    console.print(shown)
    console.print(f"real-time factor, one stream: {real_time_factor(network):.4f}")
    return rows, judged(rows)


def _train(model: Path, *, seed: int, steps: int, seconds: float) -> None:
    try:
        from . import dataset, export, noise
        from .train import Plan, fit
    except ImportError as error:
        console.print(f"{error}. Training needs the extra 'train': make train-face installs it.")
        sys.exit(2)
    began = time.monotonic()
    plan = Plan(seconds=seconds, steps=steps, seed=seed)
    random = np.random.default_rng(seed)
    with Progress(console=console) as progress:
        speaking = progress.add_task("speech", total=1.0)
        learning = progress.add_task("training", total=steps)
        with synthesiser() as door:
            strip = dataset.strip(
                door,
                seconds=seconds,
                random=random,
                progress=lambda share: progress.update(speaking, completed=share),
            )

        def report(step: int, _: int, parts: dict[str, float], __: float) -> None:
            total = sum(parts.values())
            progress.update(learning, completed=step, description=f"training, loss {total:.3f}")
            if not console.is_terminal and step % 100 == 0:
                console.print(f"step {step} of {steps}, loss {total:.3f}")

        network = fit(strip, noise.pool(random), plan, report)
    raw = export.model(network).SerializeToString(deterministic=True)
    took = time.monotonic() - began
    _save(model, raw, look_ahead=export.LOOK_AHEAD, training=_told(plan, took))
    console.print(f"{model}: {len(raw) / 1e6:.2f} MB, trained in {took:.0f} s")


def _told(plan: object, took: float) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(plan), "took_seconds": round(took)}  # type: ignore[call-overload]


def _save(model: Path, raw: bytes, *, look_ahead: int, training: dict[str, object]) -> None:
    model.parent.mkdir(parents=True, exist_ok=True)
    model.write_bytes(raw)
    told = {
        "sha256": hashlib.sha256(raw).hexdigest(),
        "outputs": list(OUTPUTS),
        "bands": BANDS,
        "look_ahead": look_ahead,
        "training": training,
    }
    model.with_suffix(".json").write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
