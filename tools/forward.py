"""
`python -m tools.forward LISTEN TARGET`: carry connections from one address to another.

Browsers give a page its microphone and its audio worklet on localhost or with TLS only, so a
Service of a local cluster is talked to through an address of this machine. `kubectl port-forward`
would do, but it holds on to one Pod and ends with it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tools.cluster import ClusterError, processes
from tools.cluster.errors import tail

CONNECT_SECONDS = 5.0
START_SECONDS = 10.0
_PIECE = 1 << 16
_READY = "leads to"
_ARGUMENTS = 3


async def forward(listen: tuple[str, int], target: tuple[str, int]) -> asyncio.Server:
    """Listen, and connect to ``target`` anew for each connection."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                there = await asyncio.open_connection(*target)
        except OSError:
            writer.close()  # as a Service without a Pod would
            return
        await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
        there[1].close()
        writer.close()

    return await asyncio.start_server(carry, *listen)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry one direction, and its end."""
    with suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.write_eof()


def start(record: Path, port: int, target: str) -> None:
    """Start it for ``127.0.0.1:port`` in a process of its own, whose pid goes to ``record``."""
    stop(record)
    record.parent.mkdir(parents=True, exist_ok=True)
    log = record.with_suffix(".log")
    command = [sys.executable, "-m", "tools.forward", f"127.0.0.1:{port}", target]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
        )
    found = processes.started(process.pid)
    if found:
        processes.save(record, [found])
    deadline = time.monotonic() + START_SECONDS
    while _READY not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            stop(record)
            raise ClusterError(f"127.0.0.1:{port} cannot be listened on.\n{tail(log)}")
        time.sleep(0.02)


def running(record: Path) -> bool:
    """Whether the one that was started last still carries."""
    return any(processes.is_running(one) for one in processes.load(record))


def stop(record: Path) -> None:
    """End it by its recorded pid; none is fine."""
    if processes.stop(processes.load(record)):
        raise ClusterError(f"The forwarding process in {record} does not end.")
    record.unlink(missing_ok=True)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


async def _serve(listen: str, target: str) -> None:
    server = await forward(_address(listen), _address(target))
    print(f"{listen} {_READY} {target}", flush=True)
    await server.serve_forever()


def main(arguments: list[str]) -> int:
    """Carry until it is ended."""
    if len(arguments) != _ARGUMENTS:
        print(__doc__, file=sys.stderr)
        return 2
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(arguments[1], arguments[2]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
