"""What lies between a page and its server: it can fall silent without closing anything."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self
from urllib.parse import urlsplit


class Relay:
    """Passes bytes on in both directions, until the connections of that time are ``cut``."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._target = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._cut = threading.Event()
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._listener, *self._sockets):
            one.close()

    def cut(self) -> None:
        """From now on nothing comes through the connections that there are, and none is closed."""
        self._cut.set()
        self._cut = threading.Event()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                self._sockets += [near, far]
                for way in ((near, far), (far, near)):
                    threading.Thread(target=_pass, args=(*way, self._cut), daemon=True).start()


def _pass(source: socket.socket, target: socket.socket, cut: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if not cut.is_set():
                target.sendall(data)
        if not cut.is_set():
            target.shutdown(socket.SHUT_WR)
