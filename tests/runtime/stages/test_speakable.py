"""What is spoken of a text, and where it stands on display."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_human_runtime.stages import speakable


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("plain words, as they are.", "plain words, as they are."),
        ("**bold**, *slanted*, __strong__ and _soft_", "bold, slanted, strong and soft"),
        ("`code` and ~~gone~~", "code and gone"),
        ("# Heading\n\ntext", "Heading text"),
        ("- one\n- two\n* three", "one two three"),
        ("> quoted\n> words", "quoted words"),
        ("see [the manual](https://example.com/a_b?c=d) now", "see the manual now"),
        ("![a cat](cat.png) sits", "a cat sits"),
        ("see https://www.example.com/a/b?c=1#d.", "see example.com."),
        ("(http://example.com:8080/x)", "(example.com)"),
        ("fine 😀👍🏽 thanks 🇩🇪❤️ !", "fine thanks !"),
        ("2 * 3 = 6 and 4*5 = 20", "2 * 3 = 6 and 4*5 = 20"),
        ("snake_case stays", "snake_case stays"),
        ("<b>bold</b> but 1 < 2 and 3 > 2", "bold but 1 < 2 and 3 > 2"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a b 1 2"),
        ("above\n---\nbelow", "above below"),
        ("  many   spaces\n\n and lines ", "many spaces and lines"),
        ("zero\u200bwidth and \x07bell", "zerowidth and bell"),
        ("it's 5 o'clock: $3.50 (50%) & more", "it's 5 o'clock: $3.50 (50%) & more"),
        ("", ""),
        ("**", ""),
    ],
)
def test_only_words_are_spoken(written: str, spoken: str) -> None:
    assert speakable(written).text == spoken


@pytest.mark.parametrize(
    ("written", "audible"), [("Hi", True), ("7", True), ("...", False), ("😀", False), ("", False)]
)
def test_what_does_not_sound(written: str, audible: bool) -> None:
    assert speakable(written).audible is audible


def test_offsets_lead_back_to_the_display() -> None:
    written = "Read **the [manual](https://example.com)** now."
    spoken = speakable(written)
    start = spoken.text.index("manual")
    assert written[slice(*spoken.display(start, start + 6))] == "manual"


def test_offsets_out_of_range_stay_inside() -> None:
    spoken = speakable("two words")
    assert spoken.display(-3, 99) == (0, 9)
    assert spoken.display(99, 120) == (8, 9)
    assert speakable("").display(0, 5) == (0, 0)


@given(
    st.text(alphabet=st.sampled_from("aB1 \n*_`#>-|[]()<>!.:/~htps😀"), max_size=120) | st.text()
)
def test_every_spoken_character_stands_on_display(written: str) -> None:
    spoken = speakable(written)
    assert len(spoken.text) == len(spoken.origins)
    assert list(spoken.origins) == sorted(set(spoken.origins))
    for character, origin in zip(spoken.text, spoken.origins, strict=True):
        shown = written[origin]
        assert shown == character or (shown.isspace() and character == " ")
