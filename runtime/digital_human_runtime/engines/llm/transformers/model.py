"""A language model in this process as an engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from digital_human_runtime.engines.errors import Refused
from digital_human_runtime.engines.llm.thoughts import Spoken
from digital_human_runtime.engines.llm.transformers import checkpoint
from digital_human_runtime.engines.llm.transformers.cache import settle
from digital_human_runtime.engines.llm.transformers.compiling import check_mode
from digital_human_runtime.engines.llm.transformers.prompt import alternating, fitted
from digital_human_runtime.engines.llm.transformers.turns import DEAD, Turns
from digital_human_runtime.errors import EngineFault, RuntimeFault
from digital_human_runtime.frames import Check, FinishReason, Message
from digital_human_runtime.interfaces import untold

if TYPE_CHECKING:
    from digital_human_runtime.engines.llm.transformers.loaded import Loaded

_WARM_UP = (Message("system", "You are a digital human."), Message("user", "Hello"))
_STOP = 30.0  # seconds that the thread may take to end


class TransformersModel:
    """
    One model, one batching manager with a capped cache, many conversations.

    ``start`` reads the weights, which takes seconds to minutes, and answers once before it
    returns. ``patience`` seconds may pass without a token before an answer is given up.
    """

    def __init__(
        self,
        *,
        model: str | Path,
        name: str | None = None,
        precision: str = "bf16",
        memory_fraction: float = 0.85,
        compile_mode: str = "none",
        max_sessions: int = 8,
        context_length: int = 8192,
        device: str | None = None,
        patience: float = 60.0,
    ) -> None:
        self._model = model
        self._name = name or str(model)
        self._precision = precision
        self._memory_fraction = memory_fraction
        self._compile_mode = compile_mode
        self._max_sessions = max_sessions
        self._context_length = context_length
        self._device = device
        self._patience = patience
        self._loaded: Loaded | None = None
        self._turns: Turns | None = None
        self._reader: ThreadPoolExecutor | None = None

    @property
    def name(self) -> str:
        """The name that /version and the OpenAI endpoints show."""
        return self._name

    async def start(self) -> None:
        """Load, compile and answer once; raises Refused for what cannot work here."""
        if self._loaded is not None:
            return
        check_mode(self._compile_mode)
        self._loaded = await asyncio.to_thread(self._load)
        self._reader = ThreadPoolExecutor(1, "tokenizer")
        try:
            await asyncio.to_thread(self._loaded.run)
            self._turns = Turns(
                self._loaded.manager, limit=self._max_sessions, patience=self._patience
            )
            async for _ in self.stream(_WARM_UP, max_tokens=2, temperature=0.0):
                pass
        except RuntimeFault as fault:
            await self.close()
            raise Refused(f"{self._name} was loaded but cannot answer: {fault.message}") from fault
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop the thread, fail what is open, and give the memory back."""
        loaded, self._loaded = self._loaded, None
        reader, self._reader = self._reader, None
        self._turns = None
        if reader is not None:
            reader.shutdown(wait=False, cancel_futures=True)
        if loaded is not None:
            await asyncio.to_thread(loaded.close, _STOP)

    def check(self) -> Check:
        """Good while the batching thread lives."""
        loaded = self._loaded
        if loaded is None or self._turns is None:
            return Check("model", ok=False, detail="the language model has not been started")
        if not loaded.manager.is_running():
            return Check("model", ok=False, detail=DEAD)
        return Check(
            "model",
            ok=True,
            detail=f"{self._name} at {loaded.format.described} on {loaded.device.name},"
            f" room for {loaded.plan.tokens} tokens, {len(self._turns)} answers under way",
        )

    async def count(self, messages: Sequence[Message], answer: str) -> tuple[int, int]:
        """Tokens of the conversation, as far as the model takes it, and of the answer."""
        loaded, reader = self._loaded, self._reader
        if loaded is None or reader is None:
            raise EngineFault("the language model has not been started")
        most = loaded.plan.context_length
        return await asyncio.get_running_loop().run_in_executor(
            reader,
            lambda: (
                min(most, len(loaded.encode(alternating(messages)))),
                loaded.length(answer),
            ),
        )

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        finished: Callable[[FinishReason], None] = untold,
    ) -> AsyncGenerator[str]:
        """Yield the answer; the oldest turns are left out where the model takes no more."""
        loaded, turns, reader = self._loaded, self._turns, self._reader
        if loaded is None or turns is None or reader is None:
            raise EngineFault("the language model has not been started")
        prompt = await asyncio.get_running_loop().run_in_executor(
            reader,
            lambda: fitted(
                messages,
                loaded.encode,
                max_tokens=max_tokens,
                context_length=loaded.plan.context_length,
            ),
        )
        written, spoken = loaded.written(), Spoken()
        tokens = turns.tokens(prompt, temperature)
        try:
            async for new in tokens:
                if text := spoken.feed(written.add(new)):
                    yield text
                if written.stopped:
                    break
            if text := spoken.feed(written.end()) + spoken.end():
                yield text
            finished("stop" if written.complete else "length")
        finally:
            await tokens.aclose()

    def _load(self) -> Loaded:
        found = checkpoint.find(self._model)
        lost_cache = settle()
        try:
            from digital_human_runtime.engines.llm.transformers.loading import (  # noqa: PLC0415
                Wanted,
                load,
            )
        except ImportError as error:
            raise Refused(
                f"{self._name} runs in this process only with torch: install digital-human[llm],"
                " or let a server run it"
            ) from error
        return load(
            found,
            Wanted(
                precision=self._precision,
                memory_fraction=self._memory_fraction,
                compile_mode=self._compile_mode,
                max_sessions=self._max_sessions,
                context_length=self._context_length,
                device=self._device,
                lost_cache=lost_cache,
            ),
        )
