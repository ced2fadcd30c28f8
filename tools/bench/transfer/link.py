"""A link of 1 Gbit/s to a network namespace of our own: two interfaces, each held to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

RATE = "1gbit"
_HOLDER = ("unshare", "--net", "cat")
_PROGRAMS = ("unshare", "nsenter", "ip", "tc")
_SHAPE = ("root", "tbf", "rate", RATE, "burst", "256kb", "latency", "20ms")


class NoLinkError(RuntimeError):
    """This machine does not let us; the message says what was refused."""


@dataclass(frozen=True)
class Link:
    """The address of the far side, and the words that run a program there."""

    host: str
    wrapped: tuple[str, ...]


@contextmanager
def link() -> Iterator[Link]:
    """
    The namespace lasts as long as a process of ours in it, and the interfaces as long as it does.

    Raises NoLinkError; needs root.
    """
    if lacks := next((name for name in _PROGRAMS if not shutil.which(name)), None):
        raise NoLinkError(f"{lacks} is not on PATH")
    holder = subprocess.Popen(_HOLDER, stdin=subprocess.PIPE)
    near = f"dhb{holder.pid}"
    try:
        yield _connected(holder.pid, near)
    finally:
        with suppress(NoLinkError):  # it was not there yet
            _do("ip", "link", "delete", near)
        holder.kill()
        holder.wait(10)


def _connected(pid: int, near: str) -> Link:
    _wait(pid)
    far = "far"
    base = f"198.18.{os.getpid() % 256}"  # reserved for benchmarks
    there = ("nsenter", f"--net=/proc/{pid}/ns/net")
    _do("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", str(pid))
    for words, name, host in (((), near, f"{base}.1"), (there, far, f"{base}.2")):
        _do(*words, "ip", "address", "add", f"{host}/30", "dev", name)
        _do(*words, "ip", "link", "set", name, "up")
        _do(*words, "tc", "qdisc", "add", "dev", name, *_SHAPE)
    return Link(f"{base}.2", there)


def _wait(pid: int) -> None:
    """Until the process is in a namespace of its own."""
    ours, deadline = Path("/proc/self/ns/net").readlink(), time.monotonic() + 5
    while time.monotonic() < deadline:
        with suppress(OSError):
            if Path(f"/proc/{pid}/ns/net").readlink() != ours:
                return
        time.sleep(0.01)
    raise NoLinkError("no network namespace: be root")


def _do(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:
        raise NoLinkError(f"{' '.join(words)}: {done.stderr.strip()}")
