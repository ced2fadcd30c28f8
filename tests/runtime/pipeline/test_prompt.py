"""What the model is shown."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from digital_human_runtime.frames import Message
from digital_human_runtime.pipeline import prompt


def said(*contents: str) -> list[Message]:
    """A conversation, the user first."""
    return [Message(("user", "assistant")[i % 2], text) for i, text in enumerate(contents)]


def test_all_of_a_short_conversation() -> None:
    found = prompt("Be kind.", said("hi", "hello"), "how?", most_characters=100)
    assert found == (Message("system", "Be kind."), *said("hi", "hello", "how?"))


def test_the_oldest_goes_first_and_a_user_begins() -> None:
    history = said("a" * 50, "b" * 50, "c" * 50, "d" * 50)
    found = prompt("", history, "e", most_characters=170)
    assert [message.content[0] for message in found] == ["c", "d", "e"]


def test_a_greeting_stays_while_all_fits() -> None:
    history = [Message("assistant", "Welcome!")]
    assert prompt("", history, "hi", most_characters=99)[0].content == "Welcome!"


def test_questions_that_were_never_heard_answered_are_joined() -> None:
    history = [*said("hi"), *said("still there?")]
    (only,) = prompt("", history, "hello?", most_characters=99)
    assert only == Message("user", "hi\nstill there?\nhello?")


def test_the_question_is_always_shown() -> None:
    assert prompt("", said("hi", "hello"), "q" * 500, most_characters=10) == (
        Message("user", "q" * 500),
    )


ROLES = st.sampled_from(["user", "assistant"])


@given(st.lists(st.builds(Message, ROLES, st.text(max_size=30)), max_size=12), st.integers(0, 200))
def test_roles_alternate_and_the_size_is_kept(history: list[Message], most: int) -> None:
    found = prompt("system", history, "question", most_characters=most)
    roles = [message.role for message in found]
    assert all(one != other for one, other in pairwise(roles))
    assert roles[-1] == "user"
    shown = sum(len(message.content) for message in found[1:])
    assert shown <= max(most, len("question")) + len(history)
