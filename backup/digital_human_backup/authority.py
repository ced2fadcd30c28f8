"""Certificates of an authority of one's own."""

from __future__ import annotations

from pathlib import Path

from .errors import RefusedError


def check_authority(file: Path, option: str) -> None:
    """RefusedError names the option whose file holds no certificate."""
    import ssl  # noqa: PLC0415 - those without one need not load it

    try:
        ssl.create_default_context(cafile=str(file))
    except OSError as error:  # also what ssl raises
        why = error.strerror or error
        raise RefusedError(
            f"{file} holds no certificate that can be read ({why}): check {option}."
        ) from error
