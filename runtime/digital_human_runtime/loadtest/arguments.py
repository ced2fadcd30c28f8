"""What the commands are told, checked before anybody is asked; a refusal is status 2."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import typer

WEB = ("http", "https")
SOCKET = ("ws", "wss")
LONGEST_QUESTION = 4000
"""Characters, as the protocol has it."""


def address(value: str, option: str, schemes: tuple[str, ...] = WEB) -> str:
    """An address of these schemes, without a slash at its end."""
    try:
        parts = urlsplit(value)
        known = parts.scheme in schemes and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known:
        example = "http://127.0.0.1:8000" if schemes == WEB else "ws://127.0.0.1:8080"
        raise _wrong(f"{value} is no address such as {example}", option)
    return value.rstrip("/")


def host_and_port(value: str, option: str) -> str:
    """Where a server is that has no scheme."""
    try:
        parts = urlsplit(f"//{value}")
        known = parts.hostname and parts.port and parts.netloc == value
    except ValueError:
        known = False
    if not known:
        raise _wrong(f"{value} is no host and port such as 127.0.0.1:50051", option)
    return value


def style(value: str) -> str:
    """How a command prints what it found."""
    if value not in {"text", "json"}:
        raise _wrong(f"{value} is neither text nor json", "--output")
    return value


def key(file: Path | None) -> dict[str, str]:
    """The header with the first key of a file, as the runtime reads key files: one a line."""
    if file is None:
        return {}
    found = next(iter(_lines(file, "--key-file")), "")
    if not found.isascii() or not found.isprintable() or not found:
        raise _wrong(f"{file} holds no key: one line of plain letters and digits", "--key-file")
    return {"X-API-Key": found}


def questions(file: Path | None) -> list[str]:
    """One question on each line; none without a file."""
    if file is None:
        return []
    found = _lines(file, "--questions")
    if not found:
        raise _wrong(f"{file} holds no question: write one on each line", "--questions")
    for number, line in enumerate(found, 1):
        if len(line) > LONGEST_QUESTION:
            said = f"question {number} of {file} has {len(line)} characters"
            raise _wrong(f"{said}, more than {LONGEST_QUESTION}", "--questions")
    return found


def _lines(file: Path, option: str) -> list[str]:
    """Lines that hold something."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise _wrong(f"{file} cannot be read: {reason}", option) from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _wrong(sentence: str, option: str) -> typer.BadParameter:
    return typer.BadParameter(f"{sentence}.", param_hint=option)
