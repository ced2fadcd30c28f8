"""What the language model is shown of a conversation."""

from __future__ import annotations

from collections.abc import Sequence

from digital_human_runtime.frames import Message


def prompt(
    system: str, history: Sequence[Message], question: str, *, most_characters: int
) -> tuple[Message, ...]:
    """
    Return the system message, the newest part of the history that fits, and the question.

    Roles alternate, as chat templates demand: what follows in the same role is one message. The
    history begins with a user, or with the greeting where all of it fits.
    """
    shown: list[Message] = []
    left = most_characters - len(question)
    for message in reversed(history):
        left -= len(message.content)
        if left < 0:
            break
        shown.insert(0, message)
    if len(shown) < len(history):
        while shown and shown[0].role != "user":
            shown.pop(0)
    start = [Message("system", system)] if system else []
    return _alternating([*start, *shown, Message("user", question)])


def _alternating(messages: Sequence[Message]) -> tuple[Message, ...]:
    joined: list[Message] = []
    for message in messages:
        if joined and joined[-1].role == message.role:
            joined[-1] = Message(message.role, f"{joined[-1].content}\n{message.content}")
        else:
            joined.append(message)
    return tuple(joined)
