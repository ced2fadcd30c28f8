"""Stores for tests: in memory, and a real Redis of this test run."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from digital_human_runtime.pipeline import Limits
from digital_human_runtime.session import MemoryStore, RedisStore, Store
from tools.ports import free_port


class RedisServer:
    """A Redis on a port of its own, without anything on disk; it can be stopped and begun again."""

    def __init__(self) -> None:
        found = shutil.which("redis-server")
        if found is None:
            pytest.fail("redis-server is not installed: install it (Debian: apt install redis).")
        self._program = found
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin, empty, and wait until it listens."""
        self._process = subprocess.Popen(
            [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        pytest.fail("redis-server ended, or did not listen within 10 s")

    def stop(self) -> None:
        """End it, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let it hang: connections stay, answers do not come."""
        assert self._process is not None
        self._process.send_signal(19)

    def go_on(self) -> None:
        """Let it answer again."""
        assert self._process is not None
        self._process.send_signal(18)


@pytest.fixture(scope="session")
def redis_of_all() -> Iterator[RedisServer]:
    """One server for the tests that leave it running."""
    server = RedisServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_of_one() -> Iterator[RedisServer]:
    """A server of one test, to be stopped and begun again."""
    server = RedisServer()
    server.start()
    yield server
    server.stop()


PATIENT = 5.0
"""Deadline for one operation where a test is not about that: this machine may be busy."""
SHORT = Limits(ticket_seconds=1.0, lock_seconds=1.5, session_seconds=3.0, history_messages=4)
"""Limits whose ends a test can wait for."""


@pytest.fixture(params=[pytest.param("memory", marks=pytest.mark.looptime), "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Each of the stores, with short limits."""
    found: Store
    if request.param == "memory":
        found = MemoryStore(SHORT)
    else:
        server: RedisServer = request.getfixturevalue("redis_of_all")
        prefix = f"test-{time.monotonic_ns()}"
        found = RedisStore(server.url, limits=SHORT, prefix=prefix, deadline=PATIENT)
    yield found
    await found.close()
    await asyncio.sleep(0)
