import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_human_runtime.engines.llm.thoughts import Spoken


def spoken(pieces: list[str]) -> str:
    kept = Spoken()
    return "".join([kept.feed(piece) for piece in pieces]) + kept.end()


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("Hello.", "Hello."),
        ("<think>Hm.</think>\n\nHello.", "Hello."),
        ("<think></think>Hello.", "Hello."),
        ("One. <think>two</think> Three.", "One.  Three."),
        ("<think>never ends", ""),
        ("1 < 2 and <thin air", "1 < 2 and <thin air"),
        ("a </think> b", "a </think> b"),
        ("<<think>x</think>y", "<y"),
        ("", ""),
    ],
)
def test_thoughts_are_not_spoken(written: str, heard: str) -> None:
    assert spoken([written]) == heard
    assert spoken(list(written)) == heard


@given(
    st.lists(
        st.sampled_from(["<think>", "</think>", "<", "th", "ink>", "a", " ", "/"]), max_size=12
    )
)
def test_how_a_text_is_cut_into_pieces_does_not_matter(pieces: list[str]) -> None:
    assert spoken(list("".join(pieces))) == spoken(pieces)


def test_text_is_held_back_no_longer_than_a_tag_is_possible() -> None:
    kept = Spoken()
    assert kept.feed("Hello <thi") == "Hello "
    assert kept.feed("s") == "<this"
