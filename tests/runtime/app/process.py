"""The runtime as a process of its own, as a Pod runs it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.runtime.support.serving import ADDRESSES

START_SECONDS = 60.0


@dataclass
class Process:
    """One runtime and what it logs."""

    process: asyncio.subprocess.Process
    ports: dict[str, int] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    def url(self, name: str, scheme: str = "http") -> str:
        """Where a server is."""
        return f"{scheme}://127.0.0.1:{self.ports[name]}"

    def terminate(self) -> None:
        """Ask it to end, as the kubelet does."""
        self.process.send_signal(signal.SIGTERM)

    async def ended(self, seconds: float = 20.0) -> int:
        """Its exit status."""
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    async def said(self, message: str) -> dict[str, Any]:
        """The log line with this message; waits for it."""
        async with asyncio.timeout(START_SECONDS):
            while True:
                found = next((one for one in self.lines if one["message"] == message), None)
                if found is not None:
                    return found
                await self._read()

    async def rest(self) -> str:
        """All that is left to read once it has ended."""
        with_rest = await self._stderr.read()
        return "".join([*self.other, with_rest.decode()])

    async def _read(self) -> None:
        line = (await self._stderr.readline()).decode()
        if not line:
            raise EOFError(f"it ended: {self.other}")
        try:
            self.lines.append(json.loads(line))
        except ValueError:
            self.other.append(line)

    @property
    def _stderr(self) -> asyncio.StreamReader:
        assert self.process.stderr is not None
        return self.process.stderr


@asynccontextmanager
async def spawned(**variables: str) -> AsyncIterator[Process]:
    """A process with these variables; killed at the end if it still runs."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("DIGITAL_HUMAN_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "digital_human_runtime"),
        env=inherited | ADDRESSES | variables,
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def started(**variables: str) -> AsyncIterator[Process]:
    """A process that is ready."""
    async with spawned(**variables) as found:
        ready = await found.said("ready")
        names = ("http", "websocket", "grpc", "health")
        found.ports = {name: ready[name] for name in names}
        yield found
