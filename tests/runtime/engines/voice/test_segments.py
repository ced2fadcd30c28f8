"""Where a long text is cut, and how its segments become one again."""

from collections.abc import AsyncGenerator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_human_runtime.engines.voice.estimate import words_by_length
from digital_human_runtime.engines.voice.segments import segments
from digital_human_runtime.engines.voice.text import pronounceable, speakable
from digital_human_runtime.engines.voice.whole import spoken
from digital_human_runtime.frames import Phoneme, Speech, Word


@given(st.text(alphabet="ab .,!?\n。、", max_size=400), st.integers(1, 50))
def test_segments_are_the_text(text: str, longest: int) -> None:
    parts = list(segments(text, longest))
    assert "".join(part for _, part in parts) == text
    assert all(text[at : at + len(part)] == part for at, part in parts)
    assert all(0 < len(part) <= longest for _, part in parts)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("It is here. It was, once, over there.", "It is here."),
        ("It was over there, it is here not", "It was over there,"),
        ("It was over there it is here not", "It was over there it "),
        ("It was over\nthere it is here not", "It was over\n"),
        ("Pi is 3.14159 and a bit more than", "Pi is 3.14159 and a "),
        ("x" * 40, "x" * 22),
    ],
)
def test_cuts_where_a_speaker_would_pause(text: str, first: str) -> None:
    assert next(segments(text, 22)) == (0, first)


async def one_sample_a_character(part: str) -> AsyncGenerator[Speech]:
    yield Speech(np.ones(len(part), np.int16))
    yield Speech(
        np.zeros(0, np.int16),
        (Word(0, len(part), 0, len(part)),),
        (Phoneme("p", 0, len(part), len(part) - 1),),
    )


async def test_marks_count_from_the_beginning_of_the_text() -> None:
    text = "One two three. Four five six. Seven."
    pieces = [piece async for piece in spoken(text, one_sample_a_character, segment=16)]
    words = [word for piece in pieces for word in piece.words]
    assert [text[word.start : word.end] for word in words] == [
        "One two three.",
        " Four five six.",
        " Seven.",
    ]
    assert [(word.first_sample, word.last_sample) for word in words] == [
        (0, 14),
        (14, 29),
        (29, 36),
    ]
    releases = [phoneme.release_sample for piece in pieces for phoneme in piece.phonemes]
    assert releases == [13, 28, 35]


@given(st.text())
def test_what_is_speakable_is_as_long_and_has_utf8(text: str) -> None:
    clean = speakable(text)
    assert len(clean) == len(text)
    assert clean.encode().isascii() or clean


def test_ends_of_lines_stay_and_controls_go() -> None:
    assert speakable("One\r\ntwo\tthree\x00\ud800four\x9b") == "One \ntwo three  four "


@pytest.mark.parametrize(
    ("text", "sounds"),
    [
        ("a", True),
        ("7", True),
        ("€", True),
        ("😀", True),
        ("好", True),
        ("?! …", False),
        ("", False),
    ],
)
def test_marks_and_spaces_do_not_sound(text: str, sounds: bool) -> None:
    assert pronounceable(text) is sounds


def test_estimates_share_the_sound_by_length() -> None:
    samples = np.concatenate([np.zeros(1000), np.full(9000, 5000.0), np.zeros(2000)]).astype(
        np.int16
    )
    text = "Four — letters, more."
    words = words_by_length(text, samples)
    assert [text[w.start : w.end] for w in words] == ["Four", "letters,", "more."]
    assert words[0].first_sample == 1000
    assert words[-1].last_sample == 10_000
    assert words[1].last_sample < words[2].first_sample  # the comma is a pause


def test_nothing_heard_has_no_words() -> None:
    assert words_by_length("Hello", np.zeros(1000, np.int16)) == ()
    assert words_by_length("...", np.full(1000, 5000, np.int16)) == ()
