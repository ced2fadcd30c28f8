"""Speech of the real library: exact words in many scripts, closures where the sound is closed."""

import numpy as np
import pytest

from digital_human_runtime.engines.voice.espeak.offline import (
    SAMPLE_RATE,
    languages,
    synthesise,
    variants,
)
from digital_human_runtime.errors import BadInput
from digital_human_runtime.frames import Phoneme, Speech

MS = SAMPLE_RATE / 1000
FAMILIES = ["en-us", "en-gb+f3", "de+m3", "fr+f2", "es", "en-us+klatt", "en-us+klatt4", "it+iven"]
CLOSURES = "A papa, a happy map. My mamma may come. A baby above a cab, bob."


def loudness(speech: Speech, first: float, last: float) -> float:
    piece = speech.samples[round(first) : round(last)].astype(np.float64)
    return float(np.sqrt(np.mean(piece**2))) if len(piece) else 0.0


def closures(speech: Speech, symbols: str) -> list[Phoneme]:
    return [
        phoneme
        for phoneme in speech.phonemes
        if phoneme.symbol in symbols and phoneme.release_sample is not None
    ]


@pytest.mark.parametrize(
    ("voice", "text", "words"),
    [
        ("en-us", "Hello, world!", ["Hello,", "world!"]),
        ("en-us", "It costs $29.50 (or 30 €).", ["It", "costs", "$29.50", "(or", "30", "€)."]),
        ("en-us", "a cat of a friend", ["a", "cat", "of a", "friend"]),
        (
            "en-us",
            "Go 👨‍👩‍👧 there ❤️ and 🇩🇪 back",
            ["Go", "👨‍👩‍👧", "there", "❤️", "and", "🇩🇪", "back"],
        ),
        ("en-us", "cafe\u0301 na\u00efve end", ["cafe\u0301", "na\u00efve", "end"]),
        ("de", "Ähm, schöne Grüße aus Übersee.", ["Ähm,", "schöne", "Grüße", "aus", "Übersee."]),
        ("fr-FR", "L'été à Paris, ça va?", ["L'été", "à", "Paris,", "ça", "va?"]),
        ("zh-CN", "你好\uff0c世界。hello 很好", ["你好", "世", "界", "hello", "很好"]),
        ("ru", "Привет, мир! Это конец", ["Привет,", "мир!", "Это", "конец"]),
        ("ar", "مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("ko", "안녕하세요 세계", ["안녕하세요", "세계"]),
        ("hi", "नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
    ],
)
def test_words_are_found_in_the_text(voice: str, text: str, words: list[str]) -> None:
    speech = synthesise(text, voice)
    assert [text[w.start : w.end] for w in speech.words] == words


def test_a_word_ends_with_its_sound() -> None:
    speech = synthesise("Stop. Go.", "en-us")
    stop, go = speech.words
    assert go.first_sample - stop.last_sample > 150 * MS
    assert loudness(speech, stop.last_sample, go.first_sample) < 50


@pytest.mark.parametrize("voice", FAMILIES)
@pytest.mark.parametrize("rate", [120, 175, 300])
def test_voiceless_closures_are_silent(voice: str, rate: int) -> None:
    speech = synthesise(CLOSURES, voice, rate=rate)
    stops = closures(speech, "p")
    assert len(stops) >= 4
    for stop in stops:
        assert stop.release_sample is not None
        assert 10 * MS < stop.release_sample - stop.first_sample < 90 * MS
        closed = loudness(speech, stop.first_sample + 3 * MS, stop.release_sample - 2 * MS)
        before = loudness(speech, stop.first_sample - 80 * MS, stop.first_sample)
        released = loudness(speech, stop.release_sample, stop.last_sample)
        assert closed < max(0.5 * released, 0.15 * before)  # some voices echo


@pytest.mark.parametrize("voice", FAMILIES)
def test_voiced_closures_end_before_the_vowel(voice: str) -> None:
    speech = synthesise(CLOSURES, voice)
    stops = closures(speech, "bm")
    assert len(stops) >= 8
    for stop in stops:
        assert stop.release_sample is not None
        assert 20 * MS < stop.release_sample - stop.first_sample < 200 * MS


@pytest.mark.parametrize("voice", FAMILIES)
def test_phonemes_fill_the_utterance(voice: str) -> None:
    speech = synthesise(CLOSURES, voice)
    assert speech.phonemes[0].first_sample == 0
    assert speech.phonemes[-1].last_sample == len(speech.samples)
    for before, after in zip(speech.phonemes, speech.phonemes[1:], strict=False):
        assert before.last_sample == after.first_sample


def test_the_manner_is_heard() -> None:
    plain = synthesise(CLOSURES, "en-us")
    assert len(synthesise(CLOSURES, "en-us", rate=300).samples) < 0.75 * len(plain.samples)
    assert len(synthesise(CLOSURES, "en-us", word_gap=20).samples) > 1.2 * len(plain.samples)
    assert (
        np.abs(synthesise(CLOSURES, "en-us", volume=30).samples).max()
        < 0.6 * np.abs(plain.samples).max()
    )


def test_nothing_of_an_utterance_is_in_the_next() -> None:
    before = synthesise("Hello.", "en-us")
    synthesise("Un, deux, trois.", "fr+klatt2", rate=300, pitch=90, volume=20)
    after = synthesise("Hello.", "en-us")
    assert [p.symbol for p in before.phonemes] == [p.symbol for p in after.phonemes]
    assert len(before.samples) == pytest.approx(len(after.samples), abs=200)


def test_every_language_speaks() -> None:
    for language in languages():
        assert len(synthesise("mama 1 baba", language).samples) > 0.2 * SAMPLE_RATE, language


def test_every_klatt_voice_and_plain_variant_is_there() -> None:
    assert {"klatt", "klatt2", "klatt3", "klatt4", "klatt5", "klatt6", "f1", "m1"} <= set(
        variants()
    )


def test_an_unknown_voice_is_refused_with_near_ones() -> None:
    with pytest.raises(BadInput, match=r"no speaker variant 'klat'; near are .*klatt"):
        synthesise("Hello", "en-us+klat")
