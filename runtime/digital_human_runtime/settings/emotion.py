"""The emotions that the face has of itself: what the file and the environment say of them."""

from __future__ import annotations

from collections.abc import Mapping

from digital_human_runtime.frames import EMOTIONS

from .suggest import nearest


def emotions_of(told: dict[str, float]) -> dict[str, float]:
    """The same emotions; ValueError names the first that does not exist."""
    for name in told:
        if name not in EMOTIONS:
            known = f"take one of {', '.join(EMOTIONS)}"
            raise ValueError(
                f"must hold emotions: {name} is none{nearest(name, EMOTIONS)}; {known}"
            )
    return told


def split(text: str) -> Mapping[str, str]:
    """``joy=0.4,fear=0.1`` by names; ValueError where it is something else."""
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(name.strip() and value.strip() for name, _, value in parts):
        raise ValueError("must be emotions with their strengths, such as joy=0.4,amazement=0.2")
    return {name.strip(): value.strip() for name, _, value in parts}
