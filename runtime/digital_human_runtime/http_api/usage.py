"""How many tokens an answer took, where the language model can tell."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from digital_human_runtime.errors import EngineFault
from digital_human_runtime.frames import Message
from digital_human_runtime.interfaces import CountsTokens, LanguageModel
from digital_human_runtime.metrics import Metrics
from digital_human_runtime.pipeline import told

SECONDS = 10.0
"""For a model to count."""


async def usage(
    model: LanguageModel, messages: Sequence[Message], answer: str, metrics: Metrics
) -> dict[str, int] | None:
    """
    OpenAI's ``usage``; None for a model behind a server, whose tokens are not known here.

    Raises EngineFault, and counts it, when the model died at the end of its answer.
    """
    if not isinstance(model, CountsTokens):
        return None
    try:
        async with asyncio.timeout(SECONDS):
            asked, answered = await model.count(messages, answer)
    except Exception as error:  # noqa: BLE001 - a model that dies raises anything
        told(error)
        metrics.failed(EngineFault.code)
        raise EngineFault("The model failed before its tokens were counted; ask again") from None
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
    }
