import numpy as np
import pytest

from digital_human_training.articulation import ARTICULATIONS, VISEMES
from digital_human_training.corpus import HELD_OUT_TEXTS, sentence
from digital_human_training.flite import phonemes
from digital_human_training.phonemes import is_bilabial, is_vowel, segments
from digital_human_training.voices import (
    HELD_OUT_FORMANT,
    HELD_OUT_KLATT,
    LANGUAGES,
    TRAIN_FORMANT,
    TRAIN_KLATT,
)


@pytest.mark.parametrize(
    ("symbol", "articulations"),
    [
        ("p", ["p"]),
        ("m-", ["p"]),
        ("pf", ["f"]),
        ("tS", ["S"]),
        ("t2", ["t"]),
        ("N", ["k"]),
        ("r-", ["r"]),
        (";", ["j"]),
        ("A:", ["a"]),
        ("3:", ["3"]),
        ("aI", ["a", "I"]),
        ("oU", ["O", "U"]),
        ("I2", ["I"]),
        ("E~", ["E"]),
        ("u-", ["U"]),
        ("ii", ["I"]),
        ("!", ["@"]),
        ("_", [None]),
    ],
)
def test_mnemonics_lead_to_articulations(symbol: str, articulations: list[str | None]) -> None:
    found = segments(symbol, 1.0, 2.0)
    assert [part.articulation for part in found] == articulations
    assert found[0].first == 1.0
    assert found[-1].last == 2.0


def test_the_first_vowel_of_a_diphthong_takes_more() -> None:
    first, second = segments("aU", 0.0, 1.0)
    assert first.last == second.first == pytest.approx(0.6)


def test_lips_close_for_p_b_and_m_alone() -> None:
    assert [s for s in ("p", "b", "m", "pf", "v", "w", "n", "_", "a") if is_bilabial(s)] == [
        *("p", "b", "m")
    ]
    assert is_vowel("@L")
    assert not is_vowel("t#")


def test_every_target_is_a_weight_and_every_viseme_known() -> None:
    for kind in ARTICULATIONS.values():
        assert kind.viseme in VISEMES
        assert all(0.0 < value <= 1.0 for value in kind.target.values())


def test_no_voice_of_the_gates_is_trained_on() -> None:
    assert not set(HELD_OUT_FORMANT) & set(TRAIN_FORMANT)
    assert not set(HELD_OUT_KLATT) & set(TRAIN_KLATT)


def test_the_same_seed_says_the_same_and_never_what_the_gates_say() -> None:
    def texts(seed: int) -> list[str]:
        random = np.random.default_rng(seed)
        return [sentence(language, random) for language in LANGUAGES * 20]

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)
    assert not set(texts(1)) & set(HELD_OUT_TEXTS)
    assert sum(letter in "pbm" for letter in "".join(texts(1))) > 1000


def test_phonemes_of_flite_are_told_by_the_end_of_each() -> None:
    found = phonemes("pau:0.193 p:0.271 aa:0.413 m:0.500 ", 16000)
    assert [p.symbol for p in found] == ["_", "p", "A:", "m"]
    assert (found[1].first_sample, found[1].last_sample) == (3088, 4336)
    assert found[1].release_sample == 3088 + round(1248 * 0.65)
    assert found[3].release_sample is None
