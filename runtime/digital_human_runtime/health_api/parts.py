"""The checks of all parts, under the names of the deployment guide. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from digital_human_runtime.frames import Check
from digital_human_runtime.pipeline import Engines

STARTING = "not started yet"


def checks(
    engines: Engines, *, database: Check | None, gpu: Check, speaking: Check | None, remote: bool
) -> tuple[Check, ...]:
    """
    Every line of a health answer; None stands for what has not been started.

    ``remote``: the face is a service. While it is away the embedded one steps in, so that the
    process is degraded and not unready.
    """
    return (
        database or Check("database", ok=False, detail=STARTING),
        gpu,
        _named("model", engines.model.check),
        _named("voice", engines.voice.check),
        _audio2face(engines, remote=remote),
        _named("face", (engines.fallback or engines.face).check),
        speaking or Check("speaking", ok=False, detail=STARTING),
    )


def _audio2face(engines: Engines, *, remote: bool) -> Check:
    if not remote:
        return Check("audio2face", ok=True, detail="the embedded face is used")
    found = _named("audio2face", engines.face.check)
    return found if found.ok else replace(found, degraded=engines.fallback is not None)


def _named(name: str, check: Callable[[], Check]) -> Check:
    return replace(check(), name=name)
