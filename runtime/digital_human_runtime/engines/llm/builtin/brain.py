"""The demo brain as an engine: ready at once, streams word by word, holds no conversation."""

from __future__ import annotations

import re
from asyncio import to_thread
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from pathlib import Path

from digital_human_runtime.engines.llm.builtin.conversation import moment
from digital_human_runtime.engines.llm.builtin.dialogue import reply
from digital_human_runtime.engines.llm.builtin.knowledge import Knowledge
from digital_human_runtime.engines.llm.builtin.script import script
from digital_human_runtime.errors import EngineFault
from digital_human_runtime.frames import Check, FinishReason, Message
from digital_human_runtime.interfaces import untold

_WORDS = re.compile(r"\S+\s*")


def _local_time() -> datetime:
    return datetime.now().astimezone()


class BuiltinBrain:
    """
    A small program that answers by rules and by looking things up, and says that it is one.

    The same conversation gives the same answers for the same ``seed``; with temperature 0 it always
    takes the first way to say a thing. Only time and date come from the ``clock``. ``pages`` is a
    folder with README.md and docs/, by default those of this project.
    """

    def __init__(
        self,
        *,
        persona_name: str = "Ada",
        seed: int = 0,
        clock: Callable[[], datetime] = _local_time,
        pages: Path | None = None,
    ) -> None:
        self._persona = persona_name
        self._seed = seed
        self._clock = clock
        self._pages = pages
        self._knowledge: Knowledge | None = None

    @property
    def name(self) -> str:
        """The name that /version and the OpenAI endpoints show."""
        return "builtin"

    async def start(self) -> None:
        """Read the script and the pages that answers come from."""
        await to_thread(script)
        self._knowledge = await to_thread(Knowledge, self._pages)

    async def close(self) -> None:
        """Forget the pages."""
        self._knowledge = None

    def check(self) -> Check:
        """Ready once the pages were read."""
        if self._knowledge is None:
            return Check("model", ok=False, detail="the demo brain has not been started")
        count = len(self._knowledge.index.passages)
        if not count:
            lost = "the demo brain found no pages to answer from: install the package again"
            return Check("model", ok=True, detail=lost, degraded=True)
        return Check("model", ok=True, detail=f"the demo brain, {count} passages")

    async def count(self, messages: Sequence[Message], answer: str) -> tuple[int, int]:
        """Its tokens are words."""
        asked = sum(len(_WORDS.findall(message.content)) for message in messages)
        return asked, len(_WORDS.findall(answer))

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        finished: Callable[[FinishReason], None] = untold,
    ) -> AsyncGenerator[str]:
        """Yield the answer word by word, at most ``max_tokens`` words."""
        if self._knowledge is None:
            raise EngineFault("the demo brain has not been started")
        asked = moment(
            messages,
            persona=self._persona,
            now=self._clock(),
            seed=self._seed,
            varied=temperature > 0,
        )
        words = _WORDS.findall(reply(asked, self._knowledge))
        for word in words[:max_tokens]:
            yield word
        finished("length" if len(words) > max_tokens else "stop")
