"""The API key: read from a file, and read again when the file changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from openai import Omit, omit

from digital_human_runtime.errors import EngineFault

Headers = Mapping[str, str | Omit]


class KeyFile:
    """A mounted Secret; Kubernetes replaces it by renaming, so the file is looked at each time."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._key = ""

    @property
    def headers(self) -> Headers:
        """What a request says beside the key: without a file, that none shall be sent."""
        return {"Authorization": omit} if self.path is None else {}

    def current(self) -> str:
        """The newest key; EngineFault when it cannot be read or is empty."""
        if self.path is None:
            return "none"
        try:
            stat = self.path.stat()
            seen = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if seen != self._seen:
                self._key, self._seen = self.path.read_text(encoding="utf-8").strip(), seen
        except (OSError, UnicodeDecodeError) as error:
            raise EngineFault(
                f"the key of the language model server cannot be read from {self.path}"
            ) from error
        if not self._key:
            raise EngineFault(f"the file {self.path} holds no key for the language model server")
        return self._key

    async def provide(self) -> str:
        """The same for the client, which asks before every request."""
        return self.current()
