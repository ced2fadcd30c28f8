"""Where the face comes from: what the file and the environment say about Audio2Face."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .environment import Environment
from .file import ConfigFile, EmotionSection
from .problems import SettingsError

_FUNCTION = "face.functionId (or DIGITAL_HUMAN_FACE_FUNCTION_ID)"
_KEY = "DIGITAL_HUMAN_FACE_API_KEY_FILE (or the mounted face-api-key/value)"
_TLS = "face.tls (or DIGITAL_HUMAN_FACE_TLS)"


@dataclass(frozen=True, slots=True)
class FaceFunction:
    """The function of NVIDIA's cloud that runs Audio2Face, and the key to it."""

    function_id: str
    api_key_file: Path


@dataclass(frozen=True, slots=True)
class FaceServer:
    """An Audio2Face-3D service."""

    address: str
    tls: bool
    ca_file: Path | None
    function: FaceFunction | None = None
    """None: a service of one's own, which asks for no key."""


def choose(config: ConfigFile, env: Environment) -> FaceServer | None:
    """The service that makes the face; None: the embedded network. Raises SettingsError."""
    if env.audio2face_enabled is False:
        return None
    address = env.audio2face_server or config.face.address
    function = _function(config, env)
    if address is None:
        if env.audio2face_enabled or function is not None:
            raise SettingsError(_no_address(env))
        return None
    tls = _tls(config, env)
    ca_file = env.digital_human_secrets / "face-ca" / "ca.crt"
    return FaceServer(address, tls, ca_file if tls and ca_file.exists() else None, function)


def emotion(config: ConfigFile, env: Environment) -> EmotionSection:
    """What emotions the face shows: a variable wins over its key of the file."""
    told = {
        "preferred": env.digital_human_face_emotion or None,
        "strength": env.digital_human_face_emotion_strength,
        "contrast": env.digital_human_face_emotion_contrast,
        "preferred_strength": env.digital_human_face_emotion_preferred_strength,
        "max_emotions": env.digital_human_face_emotion_max,
    }
    update = {name: value for name, value in told.items() if value is not None}
    return config.face.emotion.model_copy(update=update)


def _no_address(env: Environment) -> str:
    what = (
        "AUDIO2FACE_ENABLED is true"
        if env.audio2face_enabled
        else "A function of NVIDIA's cloud is set"
    )
    return (
        f"{what}, but AUDIO2FACE_SERVER does not say where it is: set it"
        " to host:port, for example audio2face:50051, or AUDIO2FACE_ENABLED to false"
    )


def _tls(config: ConfigFile, env: Environment) -> bool:
    told = env.digital_human_face_tls
    return config.face.tls if told is None else told


def _function(config: ConfigFile, env: Environment) -> FaceFunction | None:
    """All three or none: one without the others cannot work, or shows the key to everybody."""
    function_id = env.digital_human_face_function_id or config.face.function_id
    mounted = env.digital_human_secrets / "face-api-key" / "value"
    key = env.digital_human_face_api_key_file or (mounted if mounted.exists() else None)
    if function_id is None and key is None:
        return None
    missing = [
        name
        for name, there in (
            (_FUNCTION, function_id is not None),
            (_KEY, key is not None),
            (_TLS, _tls(config, env)),
        )
        if not there
    ]
    if missing or function_id is None or key is None:
        raise SettingsError(
            "Audio2Face in NVIDIA's cloud needs a function, its key and TLS together: set"
            f" {' and '.join(missing)} too"
        )
    return FaceFunction(function_id, key)
