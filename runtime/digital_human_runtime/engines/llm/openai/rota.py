"""Which server is asked next: the one that answered last first, then the others in turn."""

from __future__ import annotations

from collections.abc import Sequence

from openai import AsyncOpenAI

from digital_human_runtime.engines.llm.openai.faults import Asked, Failed

Server = tuple[Asked, AsyncOpenAI]


class Rota:
    """All servers, and which of them to begin with."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self.servers = tuple(servers)
        self.preferred = 0

    def turn(self) -> Turn:
        """Begin a request."""
        return Turn(self)


class Turn:
    """The tries of one request."""

    def __init__(self, rota: Rota) -> None:
        self._rota = rota
        self._first = rota.preferred
        self._tried = 0

    def next(self) -> Server:
        """The server of the next try."""
        self._tried += 1
        return self._rota.servers[self._number]

    def succeeded(self) -> None:
        """Begin with this server from now on."""
        self._rota.preferred = self._number

    def pause(self, error: Exception) -> bool | float:
        """Whether to try again: at once where another server is next, else after a while."""
        if not isinstance(error, Failed) or not error.again:
            return False
        round_is_over = self._tried % len(self._rota.servers) == 0
        if not round_is_over:
            return 0.0
        return error.fault.status != 429

    @property
    def _number(self) -> int:
        return (self._first + self._tried - 1) % len(self._rota.servers)
