"""What a server does not take: some models refuse parameters that all others know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from openai import BadRequestError

from digital_human_runtime.frames import Message


class Dialect:
    """The parameters of a request, less what this server has refused before."""

    def __init__(self) -> None:
        self._limit = "max_tokens"
        self._tempered = True

    def parameters(
        self, model: str, messages: Sequence[Message], max_tokens: int, temperature: float
    ) -> dict[str, Any]:
        """What to send."""
        told: dict[str, Any] = {
            "model": model,
            "messages": [{"role": told.role, "content": told.content} for told in messages],
            self._limit: max_tokens,
        }
        return told | {"temperature": temperature} if self._tempered else told

    def learned(self, error: BadRequestError) -> bool:
        """Whether the refusal of a parameter told us how to ask again."""
        parameter = error.param
        if parameter == "max_tokens" and self._limit == "max_tokens":
            self._limit = "max_completion_tokens"
            return True
        if parameter == "temperature" and self._tempered:
            self._tempered = False
            return True
        return False
