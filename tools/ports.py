"""Ports for programs that are started now and listen in a moment."""

import random
import socket

FIRST, LAST = 20000, 29999
"""Below those that the kernel gives to outgoing connections, and those of NodePorts."""
_TRIES = 100


def free_port() -> int:
    """
    A TCP port of the loopback interface that nobody uses now; raises OSError when all are taken.

    The kernel's own choice (port 0) is one that any connection may get before the program listens.
    """
    for _ in range(_TRIES):
        port = random.randint(FIRST, LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port from {FIRST} to {LAST}")
