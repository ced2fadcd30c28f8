"""Carrying connections to a Service: both ways, to their end, by a process that is ended."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tools import forward
from tools.cluster import ClusterError
from tools.ports import free_port


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A server that answers all it was sent, backwards, once the other side is done."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read())[::-1])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_both_directions_are_carried_to_their_end() -> None:
    sent = bytes(range(256)) * 4096
    async with echo() as port:
        server = await forward.forward(("127.0.0.1", 0), ("127.0.0.1", port))
        async with server, asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(sent)
            writer.write_eof()
            assert await reader.read() == sent[::-1]
            writer.close()


async def test_a_target_that_is_not_there_ends_the_connection_only() -> None:
    server = await forward.forward(("127.0.0.1", 0), ("127.0.0.1", free_port()))
    async with server, asyncio.timeout(10):
        for _ in range(2):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            assert await reader.read() == b""
            writer.close()


def test_a_process_carries_until_it_is_stopped(tmp_path: Path) -> None:
    record, port = tmp_path / "here" / "forward.json", free_port()
    forward.start(record, port, "127.0.0.1:9")
    assert forward.running(record)
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    forward.stop(record)
    assert not forward.running(record)
    forward.stop(record)  # nothing to stop is fine


def test_a_port_that_is_taken_is_told_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ClusterError, match=f"127.0.0.1:{port} cannot be listened on"):
            forward.start(tmp_path / "forward.json", port, "127.0.0.1:9")
    assert not forward.running(tmp_path / "forward.json")
