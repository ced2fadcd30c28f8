"""
From a conversation to what the model reads, kept within its length.

A tokenizer with a chat template is given the conversation; without one the fallback is a plain
script, ``User: ...`` and ``Assistant: ...`` line by line, and the answer ends where the model
begins to write the user's next line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from digital_human_runtime.errors import TooLarge
from digital_human_runtime.frames import Message

STOPS = ("\nUser:", "\nSystem:", "\nAssistant:")
"""Where an answer of the fallback ends."""
_LEAST = 16  # tokens that an answer needs
_NAMES = {"system": "System", "user": "User", "assistant": "Assistant"}

Encode = Callable[[Sequence[Message]], list[int]]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a request to the model consists of."""

    tokens: list[int]
    max_tokens: int


def script(messages: Sequence[Message]) -> str:
    """The conversation as a plain script that ends where the answer begins."""
    lines = [f"{_NAMES[message.role]}: {message.content.strip()}\n" for message in messages]
    return "".join(lines) + "Assistant:"


def alternating(messages: Sequence[Message]) -> list[Message]:
    """Join neighbours of one role: templates insist on turns, interrupted ones leave gaps."""
    joined: list[Message] = []
    for message in messages:
        if joined and joined[-1].role == message.role:
            content = f"{joined.pop().content}\n{message.content}"
            joined.append(Message(message.role, content))
        else:
            joined.append(message)
    return joined


def without_system(messages: Sequence[Message]) -> list[Message]:
    """Put instructions in front of the first question, for templates that know no system role."""
    instructions = [message.content for message in messages if message.role == "system"]
    others = [message for message in messages if message.role != "system"]
    if not instructions:
        return others
    return alternating([Message("user", "\n".join(instructions)), *others])


def fitted(
    messages: Sequence[Message], encode: Encode, *, max_tokens: int, context_length: int
) -> Prompt:
    """
    Encode a conversation, leaving out its oldest turns until the answer has room.

    Instructions and the last question stay; when these leave the answer less than it may have,
    it gets what is left. Raises TooLarge when that is next to nothing.
    """
    kept = alternating(messages)
    tokens = encode(kept)
    while len(tokens) + max_tokens > context_length:
        oldest = next((n for n, message in enumerate(kept) if message.role != "system"), None)
        if oldest is None or oldest >= len(kept) - 1:
            break
        del kept[oldest : oldest + (2 if len(kept) - oldest > 2 else 1)]
        tokens = encode(kept)
    room = context_length - len(tokens)
    if room < min(max_tokens, _LEAST):
        raise TooLarge(
            f"the question has {len(tokens)} tokens; the language model takes {context_length},"
            " its answer included: ask something shorter"
        )
    return Prompt(tokens, min(max_tokens, room))
