"""The embedded face: how well its lips follow voices that it has not heard."""

from __future__ import annotations

import json

from digital_human_runtime.engines.face.embedded.network import MODEL, load
from digital_human_training import card, evaluate
from digital_human_training.speech import synthesiser


def run() -> dict[str, object]:
    """The gates of the committed network, as ``--check`` of its training has them."""
    network = load(MODEL)
    with synthesiser() as speaking:
        rows = list(evaluate.all_rows(network, speaking))
    beside = json.loads(MODEL.with_suffix(".json").read_text())
    return card.report(rows, evaluate.judged(rows), beside)
