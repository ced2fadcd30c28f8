"""How many tokens an answer took, where the language model can tell."""

from __future__ import annotations

from collections.abc import Sequence

from digital_human_runtime.frames import Message
from digital_human_runtime.interfaces import CountsTokens, LanguageModel


async def usage(
    model: LanguageModel, messages: Sequence[Message], answer: str
) -> dict[str, int] | None:
    """OpenAI's ``usage``; None for a model behind a server, whose tokens are not known here."""
    if not isinstance(model, CountsTokens):
        return None
    asked, answered = await model.count(messages, answer)
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
    }
