"""The API key, in a file that may change while we run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from openai import Omit, omit

from digital_human_runtime.errors import EngineFault

Headers = Mapping[str, str | Omit]


class KeyFile:
    """A mounted Secret: read for each request, because Kubernetes replaces it at any time."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    @property
    def headers(self) -> Headers:
        """What a request says beside the key: without a file, that none shall be sent."""
        return {"Authorization": omit} if self.path is None else {}

    async def provide(self) -> str:
        """The key as it is now; EngineFault when it cannot be read or is empty."""
        if self.path is None:
            return "none"  # the client demands one; ``headers`` keeps it from being sent
        try:
            key = self.path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise EngineFault(
                f"the key of the language model server cannot be read from {self.path}"
            ) from error
        if not key:
            raise EngineFault(f"the file {self.path} holds no key for the language model server")
        return key
