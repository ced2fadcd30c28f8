"""The key of a voice server, in a file."""

from __future__ import annotations

from pathlib import Path

from digital_human_runtime.errors import EngineFault


def key_in(path: Path | None) -> str:
    """The key as it is now, "" without a file; EngineFault when the file has none."""
    if path is None:
        return ""
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        sentence = f"the key of the voice server cannot be read from {path}"
        raise EngineFault(sentence) from error
    if not key:
        raise EngineFault(f"the file {path} holds no key for the voice server")
    return key
