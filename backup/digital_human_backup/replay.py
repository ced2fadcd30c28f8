"""Keeps erased subjects out of what is restored, also those who are erased meanwhile."""

from __future__ import annotations

from pathlib import Path

from .format.manifest import Manifest
from .ledger import Erasures, Ledger
from .sessions import Erased, Server, erase, without


class Replay:
    """The erasure ledger as it counts for one backup; refuses one that cannot be read."""

    def __init__(self, ledger: Ledger, found: Manifest, workers: int) -> None:
        self._ledger, self._began, self._workers = ledger, found.sessions_began, workers
        self._known = self._look()
        self._in_file = self._in_server = Erasures()
        self._of_file = self._of_server = Erased()

    @property
    def needed(self) -> bool:
        """Whether somebody has to be left out."""
        return bool(self._known.entries)

    def clean(self, dump: Path) -> None:
        """Take everybody who is erased by now out of the file."""
        while (now := self._look()).subjects != self._in_file.subjects:
            self._of_file += without(dump, now.owns)
            self._in_file = now

    def loaded(self) -> None:
        """A server is about to be given the file as it is."""
        self._in_server, self._of_server = self._in_file, self._of_file

    def follow(self, server: Server) -> None:
        """
        Remove who was erased since then from the server.

        Their erasure is done only now, and not when it was before the server was given the file:
        backups that were made meanwhile hold them. So the ledger is told again.
        """
        while new := (now := self._look()).subjects - self._in_server.subjects:
            again = self._ledger.repeat(new, self._workers)
            self._of_server += erase(server, now.owns)
            self._ledger.finish(again, self._workers)
            self._in_server = now

    def told(self) -> dict[str, int]:
        """For the result: subjects in the ledger who counted, and what was left out of theirs."""
        file, server = self._of_file, self._of_server
        return {
            "subjects": len(self._in_file.subjects | self._in_server.subjects),
            "sessions": max(file.sessions, server.sessions),
            "tickets": max(file.tickets, server.tickets),
        }

    def _look(self) -> Erasures:
        self._known = self._ledger.counting(self._began, self._workers)
        return self._known
