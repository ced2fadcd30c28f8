"""What the settings of this environment come to, as if a human were started with them here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from digital_human_runtime import settings as configuration
from digital_human_runtime.settings import Settings, SettingsError
from digital_human_runtime.settings.unheeded import vain_gpus

from .findings import Finding

CURE = "Correct it: docs/reference/runtime.md lists all settings."


def configured(variables: Mapping[str, str], *, gpus: bool) -> Iterator[Finding]:
    """
    One finding for each mistake; without one what is set in vain, and where the face would run.

    ``gpus``: whether this machine has one.
    """
    try:
        found = configuration.load(variables)
    except SettingsError as error:
        for sentence in error.sentences:
            yield Finding("settings", "bad", sentence, CURE)
        return
    yield Finding("settings", "ok", f"{found.name} with the model {found.model.name}")
    for sentence in (*found.unheeded, *vain_gpus(found, there=gpus)):
        yield Finding("setting", "note", sentence)
    yield _face(found)


def _face(found: Settings) -> Finding:
    """Which device serves the face: the network is really loaded there."""
    from digital_human_runtime.engines.errors import Refused  # noqa: PLC0415 - slow to import
    from digital_human_runtime.engines.face.embedded import network  # noqa: PLC0415
    from digital_human_runtime.errors import EngineFault  # noqa: PLC0415

    try:
        device = network.load(wanted=found.environment.digital_human_face_device).device
    except (Refused, EngineFault) as error:
        return Finding("face", "bad", str(error), CURE)
    if found.face is None:
        return Finding("face", "ok", f"embedded network on {device}")
    detail = f"Audio2Face at {found.face.address}; embedded network on {device} when it is away"
    return Finding("face", "ok", detail)
