"""What NVIDIA's cloud wants to be told with every call: which function, and a key to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from digital_human_runtime.engines.key import key_in
from digital_human_runtime.errors import EngineFault

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cloud:
    """A function of the cloud. The key is read for each call: a rotation needs no restart."""

    function_id: str
    api_key_file: Path

    def metadata(self) -> Metadata:
        """For one call; EngineFault, which never holds the key, when there is none to send."""
        key = key_in(self.api_key_file, "Audio2Face service")
        if not (key.isascii() and key.isprintable()):
            raise EngineFault(f"the file {self.api_key_file} holds more or other than one key")
        return (("function-id", self.function_id), ("authorization", f"Bearer {key}"))
