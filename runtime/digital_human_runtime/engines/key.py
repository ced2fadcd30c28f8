"""The key of a server, in a mounted file that Kubernetes may replace at any time."""

from __future__ import annotations

from pathlib import Path

from digital_human_runtime.errors import EngineFault


def key_in(path: Path | None, server: str) -> str:
    """
    The key as it is now, "" without a file; EngineFault when the file has none.

    ``server`` says whose key it is, for the sentence: "voice server".
    """
    if path is None:
        return ""
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise EngineFault(f"the key of the {server} cannot be read from {path}") from error
    if not key:
        raise EngineFault(f"the file {path} holds no key for the {server}")
    return key
