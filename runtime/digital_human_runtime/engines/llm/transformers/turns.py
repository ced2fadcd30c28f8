"""Answers that are being written: each a request to the one batching manager of the model."""

from __future__ import annotations

import asyncio
import contextlib
import queue
from collections.abc import AsyncGenerator, Callable
from typing import Protocol
from uuid import uuid4

from digital_human_runtime.engines.llm.transformers.prompt import Prompt
from digital_human_runtime.errors import Busy, EngineFault

_LOOK = 0.5  # seconds between two looks whether the thread still lives
_GREEDY = 1e-6  # temperature that always takes the likeliest token


class Output(Protocol):
    """What the manager says of a request."""

    generated_tokens: list[int]
    error: str | None

    def is_finished(self) -> bool:
        """Whether nothing more comes."""


class Router(Protocol):
    """Where the manager delivers outputs."""

    output_queue: queue.Queue[Output]
    result_handlers: dict[str, object]


class Manager(Protocol):
    """The part of transformers' ContinuousBatchingManager that answers need."""

    output_router: Router

    def add_request(
        self,
        input_ids: list[int],
        request_id: str,
        max_new_tokens: int,
        streaming: bool,
        *,
        temperature: float,
    ) -> str | None:
        """Queue a request; None when the thread is dead or stopping."""

    def cancel_request(self, request_id: str) -> None:
        """Free what a request holds, in the next step."""

    def register_result_handler(self, request_id: str, callback: Callable[[Output], None]) -> None:
        """Call back in this event loop for each token."""

    def is_running(self) -> bool:
        """Whether the thread lives."""


class Turns:
    """At most ``limit`` answers at once; ``patience`` seconds may pass without a token."""

    def __init__(self, manager: Manager, *, limit: int, patience: float) -> None:
        self._manager = manager
        self._limit = limit
        self._patience = patience
        self._open: set[str] = set()

    def __len__(self) -> int:
        return len(self._open)

    async def tokens(self, prompt: Prompt, temperature: float) -> AsyncGenerator[list[int]]:
        """Yield the new tokens of an answer as they come; closing it cancels the request."""
        if len(self._open) >= self._limit:
            raise Busy(f"the language model answers {self._limit} questions at once: try again")
        name = uuid4().hex
        outputs: asyncio.Queue[Output] = asyncio.Queue()
        self._open.add(name)
        self._manager.register_result_handler(name, outputs.put_nowait)
        done = 0
        finished = False
        try:
            self._submit(name, prompt, temperature)
            while not finished:
                output = await self._next(outputs)
                finished = output.is_finished()
                if output.error is not None:
                    raise EngineFault("the language model gave up on this answer")
                new, done = output.generated_tokens[done:], len(output.generated_tokens)
                if new:
                    yield new
        finally:
            self._forget(name, cancel=not finished)

    def _submit(self, name: str, prompt: Prompt, temperature: float) -> None:
        accepted = self._manager.add_request(
            prompt.tokens,
            request_id=name,
            max_new_tokens=prompt.max_tokens,
            streaming=True,
            temperature=float(max(temperature, _GREEDY)),
        )
        if accepted is None:
            raise EngineFault(DEAD)

    async def _next(self, outputs: asyncio.Queue[Output]) -> Output:
        """The next output; EngineFault when the thread died or says nothing for too long."""
        for _ in range(max(1, int(self._patience / _LOOK))):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    return await outputs.get()
            if not self._manager.is_running():
                raise EngineFault(DEAD)
        raise EngineFault(f"the language model wrote nothing for {self._patience:g} s")

    def _forget(self, name: str, *, cancel: bool) -> None:
        """Free the request, and drop what the manager may still say of it."""
        self._open.discard(name)
        if cancel:
            self._manager.cancel_request(name)
        router = self._manager.output_router
        router.result_handlers.pop(name, None)
        with contextlib.suppress(queue.Empty):
            while True:
                router.output_queue.get_nowait()


DEAD = "the language model has stopped working: this process has to be started again"
