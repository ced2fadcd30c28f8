"""Asks the servers in the background how they stand, so that ``check`` never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from openai import AsyncOpenAI, NotFoundError

from digital_human_runtime.engines.llm.openai.faults import Asked
from digital_human_runtime.engines.llm.openai.key import Headers
from digital_human_runtime.frames import Check

_MANY = 5  # models that a sentence names


class Probe:
    """Asks each server for its models, now and every ``interval`` seconds."""

    def __init__(
        self,
        servers: Sequence[tuple[Asked, AsyncOpenAI]],
        *,
        headers: Headers,
        interval: float,
        deadline: float,
    ) -> None:
        self._servers = servers
        self._headers = headers
        self._interval = interval
        self._deadline = deadline
        self._found: dict[Asked, Check] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Ask once, then go on in the background."""
        await self._ask_all()
        self._task = asyncio.create_task(self._ask_for_ever(), name="language model probe")

    async def close(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def note(self, asked: Asked, *, ok: bool, detail: str) -> None:
        """Take into account how an answer went: that is newer than the last probe."""
        self._found[asked] = Check("model", ok=ok, detail=detail)

    def check(self) -> Check:
        """Good while one server answers; degraded while another does not."""
        bad = [check for check in self._found.values() if not check.ok or check.degraded]
        good = [check for check in self._found.values() if check.ok]
        if not good:
            return bad[0] if bad else Check("model", ok=False, detail="no server was asked yet")
        if bad:
            return Check("model", ok=True, detail=bad[0].detail, degraded=True)
        return good[0]

    async def _ask_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await self._ask_all()

    async def _ask_all(self) -> None:
        await asyncio.gather(*(self._ask(*server) for server in self._servers))

    async def _ask(self, asked: Asked, client: AsyncOpenAI) -> None:
        try:
            async with asyncio.timeout(self._deadline):
                listed = await client.models.list(extra_headers=self._headers)
            models = [model.id for model in listed.data]
        except NotFoundError:  # some servers list nothing; they answer all the same
            self._found[asked] = Check("model", ok=True, detail=f"{asked.server} answers")
        except Exception as error:  # noqa: BLE001 - whatever it is, the server is no good now
            fault = asked.failed(error).fault
            self._found[asked] = Check("model", ok=False, detail=fault.message)
        else:
            self._found[asked] = _listed(asked, models)


def _listed(asked: Asked, models: list[str]) -> Check:
    if not models or asked.model in models or f"{asked.model}:latest" in models:
        return Check("model", ok=True, detail=f"{asked.model} at {asked.server}")
    names = ", ".join(sorted(models)[:_MANY])
    return Check(
        "model",
        ok=True,
        degraded=True,
        detail=f"the server at {asked.server} does not list {asked.model}; it lists {names}",
    )
