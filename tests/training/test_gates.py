"""The committed network against voices that are synthesised now; it has heard none of them."""

import json
from collections.abc import Iterator

import numpy as np
import pytest

from digital_human_runtime.engines.face import mouth
from digital_human_runtime.engines.face.embedded.network import MODEL, Network, load
from digital_human_runtime.frames import SHAPES, Phoneme
from digital_human_training import card, evaluate, gates
from digital_human_training.speech import Synthesiser, synthesiser
from digital_human_training.tracks import track
from tools.bench.speech import gates as bench_gates

RATE, FPS = 1000, 30
SAID = [
    Phoneme("_", 0, 600),
    Phoneme("a", 600, 900),
    Phoneme("b", 900, 1020, 1000),
    Phoneme("i:", 1020, 1300),
    Phoneme("m", 1300, 1400),
    Phoneme("_", 1400, 2000),
]


@pytest.fixture(scope="module")
def speaking() -> Iterator[Synthesiser]:
    with synthesiser() as running:
        yield running


@pytest.fixture(scope="module")
def network() -> Network:
    return load()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("family", ["formant", "klatt"])
def test_the_committed_network_passes_its_gates(
    speaking: Synthesiser, network: Network, family: str
) -> None:
    sounds = evaluate.held_out(speaking, family)
    rows = [evaluate.measure(network, family, sounds, snr=snr) for snr in (None, 20)]
    assert all(row.closures > 500 for row in rows)
    missed = [gate for gate in evaluate.judged(rows) if not gate.passed]
    assert missed == []


def test_the_published_figures_are_those_of_the_committed_network() -> None:
    told = json.loads(card.REPORT.read_text())
    assert told["model"]["sha256"] == json.loads(MODEL.with_suffix(".json").read_text())["sha256"]
    assert all(gate["passed"] for gate in told["gates"])
    rows = [evaluate.Row(**row) for row in told["rows"]]
    assert card.table(rows) in card.CARD.read_text()


def test_the_benchmark_tells_the_same_gates() -> None:
    told = json.loads(card.REPORT.read_text())
    bench = json.loads((card.REPORT.parent / "runtime.json").read_text())["face_gates"]
    assert bench["model"] == told["model"]
    assert bench["gates"] == told["gates"]
    assert all(row in told["rows"] for row in bench["rows"])


def test_the_benchmark_judges_the_committed_network(monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.loads(card.REPORT.read_text())
    rows = [evaluate.Row(**row) for row in told["rows"]]
    monkeypatch.setattr(evaluate, "all_rows", lambda *_: iter(rows))
    assert bench_gates.run() == told


def test_the_network_is_small() -> None:
    assert MODEL.stat().st_size < 3_000_000


def tallied(weights: np.ndarray) -> gates.Tally:
    tally = gates.Tally()
    gates.add(tally, weights.astype(np.float32), SAID, sample_rate=RATE, fps=FPS)
    return tally


def test_targets_themselves_are_perfect() -> None:
    wanted = mouth.shapes(track(SAID, sample_rate=RATE, frames=210).mouth)
    at = np.arange(60) / FPS * 100
    weights = np.stack([np.interp(at, np.arange(210), column) for column in wanted.T], axis=1)
    tally = tallied(weights)
    assert (tally.closures, tally.recall) == (2, 1.0)
    assert tally.false == 0.0
    assert tally.jaw_correlation == pytest.approx(1.0)
    assert tally.widest_in_silence == 0.0
    assert abs(tally.offset) < 0.02


def test_a_mouth_that_stays_open_closes_nothing_and_is_not_shut_in_silence() -> None:
    weights = np.zeros((60, len(SHAPES)))
    weights[:, SHAPES.index("jawOpen")] = 0.4
    tally = tallied(weights)
    assert tally.recall == 0.0
    assert tally.false == 0.0
    assert tally.widest_in_silence == pytest.approx(0.4)


def test_a_mouth_that_never_opens_is_all_false_closures() -> None:
    tally = tallied(np.zeros((60, len(SHAPES))))
    assert tally.recall == 1.0
    assert tally.false == 1.0


def test_nothing_measured_is_no_success() -> None:
    tally = gates.Tally()
    assert (tally.recall, tally.false, tally.jaw_correlation) == (0.0, 1.0, 0.0)


def test_a_table_takes_the_place_of_the_last_one() -> None:
    text = "a\n<!-- gates: begin -->\nold\n<!-- gates: end -->\nb\n"
    assert card.inserted(text, "new\n") == (
        "a\n<!-- gates: begin -->\nnew\n<!-- gates: end -->\nb\n"
    )
