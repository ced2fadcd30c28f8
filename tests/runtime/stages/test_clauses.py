"""The chunker: where speech is cut, and that nothing is lost."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digital_human_runtime.stages import Chunker, Clause
from digital_human_runtime.stages.clauses import FIRST, LATER, LONGEST_FENCE


def cut(text: str, piece: int = 1) -> list[Clause]:
    """All clauses of a text that is written in pieces."""
    chunker = Chunker()
    clauses = []
    for start in range(0, len(text), piece):
        clauses += chunker.feed(text[start : start + piece], now=0.0)
    return clauses + chunker.finish()


def units(text: str, piece: int = 1) -> list[str]:
    """What is spoken in one go."""
    return [clause.text.strip() for clause in cut(text, piece)]


LEAD = "This is a long enough beginning, "
"""The first unit; what follows is cut into sentences."""


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Hello! How are you today, my dear friend?", "Hello! How are you today,"),
        ("I can do a great many things: speak, listen.", "I can do a great many things:"),
        ("It is twelve to ten, and I go now. Bye.", "It is twelve to ten, and I go now."),
        ("Yes.", "Yes."),
        ("One, two, three, four, five, six, seven.", "One, two, three, four, five,"),
    ],
)
def test_the_first_unit_is_a_clause(text: str, first: str) -> None:
    assert units(text)[0] == first


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("ask Dr. Smith or Mrs. Jones. They know it.", 2),
        ("pi is 3.14 and e is 2.718 or so. That is enough.", 2),
        ("the price of it is now $29. That is not much for it.", 2),
        ("we meet at 10:30 a.m. on Friday as always. See you then.", 2),
        ("we meet at half past 10 a.m. Then we have lunch together.", 2),
        ("he said (and I was there. Really.) that it was. So it was.", 2),
        ('she said "Stop it. Now, please." and went away. He stayed here.', 2),
        ("see J. S. Bach and others for this. It is worth it.", 2),
        ("e.g. this one, i.e. the first. The second is not it.", 2),
        ("it was ... well ... quite good in the end. It was.", 2),
        ("who would have thought it?! Nobody would have, I say.", 2),
        ("see No. 5 in the list of them. It is the best of all.", 2),
        ("bread, milk, etc. are what we need here. Nothing else is.", 2),
        ("the files of example.com are here. They are not there.", 2),
        ("there are two lines\nand each is one unit, for it is a list", 2),
        ("“Do not. I beg you, please.” That was all he said to me.", 2),
    ],
)
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_sentences_end_where_people_end_them(text: str, sentences: int, piece: int) -> None:
    found = units(LEAD + text, piece)
    assert found[0] == LEAD.strip()
    assert len(found) == 1 + sentences, found


def test_a_list_number_is_no_sentence() -> None:
    text = "Here are some of the things:\n1. The first thing of all.\n2. The second one of all."
    assert units(text)[1:] == ["1. The first thing of all.", "2. The second one of all."]


def test_wide_punctuation_needs_no_space() -> None:
    text = "\u3053" * 30 + "\u3002" + "\u305d" * 30 + "\u3002"
    assert [len(unit) for unit in units(text)] == [31, 31]


def test_the_full_stop_waits_for_the_next_character() -> None:
    chunker = Chunker()
    text = "The price of this one is 29"
    assert chunker.feed(text, 0.0) == []
    assert chunker.feed(".", 0.0) == []
    assert chunker.feed(" ", 0.0) == []
    assert [clause.text for clause in chunker.feed("T", 0.0)] == [text + ". "]


def test_a_question_mark_waits_for_the_space_only() -> None:
    chunker = Chunker()
    assert chunker.feed("What is it that you want?", 0.0) == []
    assert len(chunker.feed(" ", 0.0)) == 1


def test_a_long_sentence_without_commas_is_cut_at_a_space() -> None:
    first, *_ = units("word " * 60)
    assert first.endswith("word")
    assert FIRST.least <= len(first) <= FIRST.most


def test_a_word_without_end_is_cut_anywhere() -> None:
    assert all(len(unit) <= LATER.most for unit in units("x" * 1000))


def test_an_unclosed_bracket_holds_the_sentence_only_so_long() -> None:
    found = units(LEAD + "(never closed. " + "It goes on and on and on. " * 40)
    assert len(found) > 3
    assert all(len(unit) <= LATER.most for unit in found)


def test_code_is_silent() -> None:
    text = "Here is the code for it:\n```python\nprint('a. b. c, d')\n```\nThat is all of it."
    clauses = cut(text)
    assert [clause.silent for clause in clauses] == [False, True, False]
    assert clauses[1].text.startswith("```python")
    assert clauses[1].text.endswith("```")


@pytest.mark.parametrize("closed", [True, False])
def test_long_code_is_taken_in_parts(closed: bool) -> None:
    text = "Look at this:\n```\n" + "x = 1. Y = 2, z\n" * 400 + ("```\nDone." if closed else "")
    clauses = cut(text, 7)
    assert "".join(clause.text for clause in clauses) == text
    assert all(len(clause.text) <= LONGEST_FENCE for clause in clauses)
    spoken = [clause.text.strip() for clause in clauses if not clause.silent]
    assert spoken == (["Look at this:", "Done."] if closed else ["Look at this:"])


def test_text_is_let_go_when_the_model_is_silent() -> None:
    chunker = Chunker()
    assert chunker.feed("I am thinking about this very ha", 1.0) == []
    assert chunker.flush_at == pytest.approx(1.3)
    assert chunker.quiet(1.29) == []
    assert [clause.text for clause in chunker.quiet(1.3)] == ["I am thinking about this very "]
    assert chunker.flush_at is None
    assert [clause.text for clause in chunker.finish()] == ["ha"]


def test_a_short_beginning_is_not_let_go() -> None:
    chunker = Chunker()
    chunker.feed("I am", 1.0)
    assert chunker.flush_at is None
    assert chunker.quiet(99.0) == []


def test_a_short_sentence_is_let_go() -> None:
    chunker = Chunker()
    chunker.feed("Yes.", 1.0)
    assert [clause.text for clause in chunker.quiet(1.3)] == ["Yes."]


def test_a_title_is_not_let_go() -> None:
    chunker = Chunker()
    chunker.feed("Dr.", 1.0)
    assert chunker.quiet(9.0) == []


TEXTS = st.text(
    alphabet=st.sampled_from("ab Z.,;:!?\n()\"'`*-1$\u3002\u201c\u201d😀"), max_size=600
)


@given(
    text=st.one_of(TEXTS, st.text(max_size=300)),
    pieces=st.lists(st.integers(1, 40), min_size=1, max_size=20),
    quiet=st.sets(st.integers(0, 30)),
)
@example(text="``` a. b", pieces=[1], quiet={3})
@example(text="a" * 89 + "``" + "b" * 400, pieces=[1], quiet=set())
def test_nothing_is_lost_and_nothing_is_too_long(
    text: str, pieces: list[int], quiet: set[int]
) -> None:
    chunker = Chunker()
    clauses: list[Clause] = []
    start = step = 0
    while start < len(text):
        piece = pieces[step % len(pieces)]
        clauses += chunker.feed(text[start : start + piece], now=float(step))
        if step in quiet:
            clauses += chunker.quiet(step + 0.5)
        start += piece
        step += 1
    clauses += chunker.finish()
    assert "".join(clause.text for clause in clauses) == text
    assert all(text[clause.start : clause.end] == clause.text for clause in clauses)
    assert [clause.start for clause in clauses[1:]] == [clause.end for clause in clauses[:-1]]
    assert all(clause.text for clause in clauses)
    for clause in clauses:
        assert clause.silent or len(clause.text.strip()) <= LATER.most + 2


@given(text=st.text(alphabet="abc de, fg. ", min_size=200, max_size=600))
def test_the_first_clause_keeps_its_bounds(text: str) -> None:
    spoken = text.strip()
    first = next(clause for clause in cut(text) if clause.text.strip()).text.strip()
    assert len(first) <= FIRST.most
    assert len(first) >= FIRST.least or first == spoken
