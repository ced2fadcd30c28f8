"""Where phonemes sound: pure decisions, and what they make of the real library."""

import numpy as np
import pytest

from digital_human_runtime.engines.voice.espeak.events import RawEvent
from digital_human_runtime.engines.voice.espeak.timing import (
    PAUSE,
    phonemes,
    settled,
    without_stress,
)
from digital_human_runtime.frames import Phoneme, Samples

RATE = 20_000
MS = RATE // 1000


def sound(*parts: tuple[int, float]) -> Samples:
    """Noise: pairs of milliseconds and loudness."""
    random = np.random.default_rng(1)
    return np.concatenate([np.round(random.normal(0, loud, ms * MS)) for ms, loud in parts]).astype(
        np.int16
    )


def events(*marks: tuple[str, int]) -> list[RawEvent]:
    """Phonemes at milliseconds; the last is the end."""
    return [
        *(RawEvent("phoneme", at * MS, 0, 0, symbol) for symbol, at in marks[:-1]),
        RawEvent("end", marks[-1][1] * MS, 0, 0),
    ]


def found(marks: list[RawEvent], samples: Samples, symbol: str, **place: int) -> Phoneme:
    spans = phonemes(marks, samples, sample_rate=RATE, **place)
    return next(span for span in spans if span.symbol == symbol)


def test_a_voiceless_stop_closes_before_its_event() -> None:
    samples = sound((100, 3000), (40, 0), (30, 800))
    stop = found(events(("'a", 0), ("p", 140), ("end", 170)), samples, "p")
    assert stop.first_sample == pytest.approx(100 * MS, abs=3 * MS)
    assert stop.release_sample == 140 * MS
    assert stop.last_sample == 170 * MS


def test_echo_in_a_closure_does_not_hide_it() -> None:
    samples = sound((100, 3000), (40, 120), (30, 800))
    stop = found(events(("a", 0), ("p", 140), ("end", 170)), samples, "p")
    assert stop.first_sample == pytest.approx(100 * MS, abs=3 * MS)


def test_a_closure_does_not_take_all_of_a_long_pause() -> None:
    samples = sound((300, 0), (30, 800))
    stop = found(events(("_:", 0), ("p", 300), ("end", 330)), samples, "p")
    assert stop.first_sample == 240 * MS


def test_a_short_pause_may_be_all_closure() -> None:
    samples = sound((50, 3000), (30, 0), (30, 800))
    spans = phonemes(
        events(("a", 0), ("_|", 50), ("p", 80), ("end", 110)), samples, sample_rate=RATE
    )
    assert [span.symbol for span in spans] == ["a", "p"]
    assert spans[0].last_sample == spans[1].first_sample == 50 * MS


def test_the_first_stop_of_an_utterance_has_a_closure() -> None:
    samples = sound((49, 0), (30, 800), (100, 3000))
    stop = found(events(("p", 49), ("a", 79), ("end", 179)), samples, "p")
    assert stop.first_sample == 0
    assert stop.release_sample == 49 * MS


def test_a_voiced_stop_after_a_vowel_opens_where_it_gets_loud() -> None:
    samples = sound((100, 3000), (45, 60), (25, 900), (80, 3000))
    stop = found(events(("a", 0), ("b", 100), ("i", 170), ("end", 250)), samples, "b")
    assert stop.first_sample == pytest.approx(100 * MS, abs=3 * MS)
    assert stop.release_sample == pytest.approx(145 * MS, abs=4 * MS)


def test_a_voiced_stop_after_a_pause_opens_at_its_event() -> None:
    samples = sound((100, 0), (30, 1500), (80, 3000))
    stop = found(events(("_:", 0), ("b", 100), ("i", 130), ("end", 210)), samples, "b")
    assert stop.release_sample == 100 * MS
    assert stop.first_sample == 40 * MS


def test_a_nasal_opens_before_its_vowel_is_announced() -> None:
    samples = sound((50, 3000), (70, 300), (35, 2000), (80, 3000))
    marks = events(("a", 0), ("m", 50), ("i", 155), ("end", 235))
    spans = phonemes(marks, samples, sample_rate=RATE)
    nasal, vowel = spans[1], spans[2]
    assert nasal.release_sample == nasal.last_sample == vowel.first_sample
    assert nasal.last_sample == pytest.approx(120 * MS, abs=4 * MS)


def test_a_nasal_before_a_consonant_is_closed_to_its_end() -> None:
    samples = sound((50, 3000), (70, 300), (40, 0), (30, 800))
    marks = events(("a", 0), ("m", 50), ("p", 160), ("end", 190))
    nasal, stop = phonemes(marks, samples, sample_rate=RATE)[1:]
    assert nasal.release_sample == nasal.last_sample == stop.first_sample


def test_an_opening_that_cannot_be_heard_is_guessed() -> None:
    samples = sound((50, 500), (100, 500), (80, 500))
    nasal = found(events(("a", 0), ("m", 50), ("i", 150), ("end", 230)), samples, "m")
    assert nasal.last_sample == 120 * MS


def test_half_of_the_way_out_of_a_liquid_is_the_vowels() -> None:
    samples = sound((200, 2000))
    marks = events(("l", 0), ("i", 80), ("end", 200))
    spans = phonemes(marks, samples, sample_rate=RATE)
    assert spans[0].last_sample == spans[1].first_sample == 65 * MS


def test_pauses_are_one_and_languages_none() -> None:
    samples = sound((100, 1000), (300, 0))
    marks = events(("a", 0), ("(en)", 100), ("_:", 100), ("_", 250), ("_|", 300), ("end", 400))
    spans = phonemes(marks, samples, sample_rate=RATE)
    assert [(span.symbol, span.last_sample) for span in spans] == [
        ("a", 100 * MS),
        (PAUSE, 400 * MS),
    ]


def test_a_later_clause_is_as_the_first() -> None:
    samples = sound((49, 0), (30, 800), (100, 3000))
    first = phonemes(events(("p", 49), ("a", 79), ("end", 179)), samples, sample_rate=RATE)
    later = phonemes(
        events(("p", 1049), ("a", 1079), ("end", 1179)),
        samples,
        sample_rate=RATE,
        start=1000 * MS,
    )
    assert [(s.symbol, s.first_sample + 1000 * MS) for s in first] == [
        (s.symbol, s.first_sample) for s in later
    ]


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("'oU", "oU"), (",aI", "aI"), ("%e", "e"), ("t2", "t2"), ("_:", "_"), ("_|", "_"), ("'", "'")],
)
def test_stress_is_no_part_of_a_symbol(name: str, symbol: str) -> None:
    assert without_stress(name) == symbol


def test_nothing_has_no_phonemes() -> None:
    assert phonemes([], np.zeros(0, np.int16), sample_rate=RATE) == ()
    silent = phonemes(events(("end", 10)), sound((10, 0)), sample_rate=RATE)
    assert silent == (Phoneme(PAUSE, 0, 10 * MS),)


def test_a_nasal_that_fades_in_is_closed_all_the_while() -> None:
    samples = sound((50, 0), (15, 40), (50, 300), (35, 2000), (80, 3000))
    nasal = found(events(("_", 0), ("m", 50), ("i", 150), ("end", 230)), samples, "m")
    assert nasal.release_sample == pytest.approx(115 * MS, abs=5 * MS)


def test_clauses_that_come_one_by_one_are_as_all_at_once() -> None:
    samples = sound((49, 0), (30, 800), (100, 3000), (60, 0), (30, 800), (100, 3000))
    first = events(("p", 49), ("a", 79), ("_:", 179), ("end", 200))
    second = events(("p", 239), ("a", 269), ("end", 369))
    whole = phonemes([*first, *second], samples, sample_rate=RATE)
    final, start = settled(phonemes(first, samples[: 200 * MS], sample_rate=RATE), 200 * MS)
    assert start == 179 * MS
    then = phonemes(second, samples[start:], sample_rate=RATE, start=start)
    assert whole == (*final, *then)
    assert whole[2].symbol == "p"
    assert whole[2].first_sample == 179 * MS
