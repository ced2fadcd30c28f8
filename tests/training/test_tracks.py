import numpy as np

from digital_human_runtime.engines.face import mouth
from digital_human_runtime.engines.face.mouth import CLOSED, JAW, OUTPUT_INDEX
from digital_human_runtime.frames import Phoneme
from digital_human_training.articulation import VISEMES
from digital_human_training.tracks import closures, track

RATE = 1000


def spoken(*entries: tuple[str, int, int] | tuple[str, int, int, int]) -> list[Phoneme]:
    return [Phoneme(*entry) for entry in entries]


def test_lips_touch_from_the_closure_to_the_release_and_not_after() -> None:
    said = spoken(("a", 500, 700), ("p", 700, 840, 780), ("a", 840, 1000), ("_", 1000, 1500))
    found = track(said, sample_rate=RATE, frames=150)
    weights = mouth.shapes(found.mouth)
    assert mouth.closed(weights)[72:77].min() > 0.9
    assert found.mouth[70:78, JAW].max() < 0.3
    assert mouth.closed(weights)[[66, 82, 90]].max() == 0.0
    assert closures(said, RATE) == [(0.7, 0.78)]


def test_a_nasal_without_a_release_is_closed_to_its_end() -> None:
    assert closures(spoken(("m", 100, 200), ("n", 200, 300)), RATE) == [(0.1, 0.2)]


def test_vowels_reach_their_targets_and_lips_round_ahead_of_them() -> None:
    found = track(
        spoken(("a", 500, 800), ("t", 800, 880), ("u:", 880, 1200)), sample_rate=RATE, frames=150
    ).mouth
    pucker = found[:, OUTPUT_INDEX["mouthPucker"]]
    assert found[65, JAW] > 0.55
    assert pucker[105] > 0.6
    assert pucker[84] > 0.2  # while the tongue makes a t
    assert pucker[55] < 0.1


def test_the_mouth_is_shut_in_long_pauses_and_held_in_short_ones() -> None:
    said = spoken(("a", 300, 500), ("_", 500, 580), ("a", 580, 800), ("_", 800, 1600))
    found = track(said, sample_rate=RATE, frames=160).mouth
    assert found[54, JAW] > 0.4
    assert found[93:].max() == 0.0
    assert found[:21].max() == 0.0


def test_f_rolls_the_lower_lip_in_but_does_not_close() -> None:
    found = track(
        spoken(("a", 300, 500), ("f", 500, 600), ("a", 600, 800)), sample_rate=RATE, frames=90
    ).mouth
    assert found[55, OUTPUT_INDEX["mouthRollLower"]] > 0.5
    assert found[:, CLOSED].max() == 0.0
    assert mouth.closed(mouth.shapes(found))[50:60].max() < 0.5


def test_labels_name_the_viseme_of_each_frame() -> None:
    found = track(
        spoken(("_", 0, 100), ("m", 100, 200), ("i:", 200, 300)), sample_rate=RATE, frames=40
    )
    assert [VISEMES[label] for label in found.visemes[[5, 15, 25, 35]]] == [
        *("sil", "PP", "I", "sil")
    ]


def test_nothing_spoken_is_silence() -> None:
    found = track(spoken(("_", 0, 500)), sample_rate=RATE, frames=20)
    assert not found.mouth.any()
    assert not found.visemes.any()


def test_all_targets_are_weights() -> None:
    random = np.random.default_rng(0)
    symbols = ["p", "a", "f", "u:", "s", "tS", "m", "I", "w", "_", "T", "oU", "r", "3:", "k"]
    at, said = 0, []
    for _ in range(200):
        until = at + int(random.integers(1, 200))
        said.append(Phoneme(symbols[int(random.integers(len(symbols)))], at, until))
        at = until
    found = track(said, sample_rate=RATE, frames=at // 10).mouth
    assert np.isfinite(found).all()
    assert found.min() >= 0.0
    assert found.max() <= 1.0
