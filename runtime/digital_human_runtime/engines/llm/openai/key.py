"""The API key, in a file that may change while we run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from openai import Omit, omit

from digital_human_runtime.engines.key import key_in

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
        return key_in(self.path, "language model server")
