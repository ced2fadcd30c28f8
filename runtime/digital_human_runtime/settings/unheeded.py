"""
What is set and has no effect: told at the start, by health and by the doctor, never passed over.

The rules are data, so that the page of settings lists them too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .environment import Environment
from .file import ConfigFile, GpuSection, PersonaSection, QuantizationSection
from .parts import LocalModel, PiperVoice, RivaVoice, ServedModel, ServedVoice, Settings

NO_GPU = "CUDA_VISIBLE_DEVICES is set, but there is no GPU"


@dataclass(frozen=True, slots=True)
class Told:
    """The wishes, and what came of them."""

    config: ConfigFile
    env: Environment
    found: Settings


Idle = Callable[[Told], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """A setting, why it has no effect, and whether it is set in such a configuration."""

    setting: str
    reason: str
    idle: Idle

    @property
    def sentence(self) -> str:
        """For logs, health and the doctor."""
        return f"{self.setting} has no effect: {self.reason}"


def unheeded(told: Told) -> Iterator[str]:
    """One sentence for each setting without effect."""
    yield from (rule.sentence for rule in RULES if rule.idle(told))


def vain_gpus(found: Settings, *, there: bool) -> tuple[str, ...]:
    """The same about GPUs, which only the machine knows of."""
    wanted = found.environment.cuda_visible_devices
    return (NO_GPU,) if wanted not in {None, "-1"} and not there else ()


def _set(name: str, elsewhere: Idle = lambda _told: True) -> Idle:
    """Whether the environment says something of a field in such a configuration."""
    return lambda told: name in told.env.model_fields_set and elsewhere(told)


def _model(*kinds: type) -> Idle:
    return lambda told: isinstance(told.found.model, kinds)


def _voice(*kinds: type) -> Idle:
    return lambda told: isinstance(told.found.voice, kinds)


def _not(idle: Idle) -> Idle:
    return lambda told: not idle(told)


def _both(*all_of: Idle) -> Idle:
    return lambda told: all(idle(told) for idle in all_of)


def _embedded(told: Told) -> bool:
    return told.found.face is None


def _no_transcription(told: Told) -> bool:
    return told.found.transcription is None


def _no_tokens(told: Told) -> bool:
    return told.found.security.jwt_secret_file is None


def _language_of_another_voice(told: Told) -> bool:
    persona = told.found.persona
    told_language = persona.language.partition("-")[0].lower()
    of_voice = persona.voice.lower().startswith(told_language)
    return persona.language != _default(PersonaSection, "language") and not of_voice


def _samples_are_told(told: Told) -> bool:
    quantization = told.config.gpu.quantization
    default = _default(QuantizationSection, "calibration_samples")
    return quantization is not None and quantization.calibration_samples != default


def _default(section: type[GpuSection | PersonaSection | QuantizationSection], name: str) -> object:
    return section.model_fields[name].default


_LOCAL = _model(LocalModel)
_NO_MODEL_HERE = "no model runs in this process"
_FACE_HERE = "the face is the embedded network"
_HEARS_NOTHING = "the embedded face hears no emotions, it shows those that it is told"
_NOTHING_UNDERSTANDS = "nothing understands speech (DIGITAL_HUMAN_TRANSCRIPTION_URL)"
_NO_TOKENS = "no secret for tokens is set (DIGITAL_HUMAN_JWT_SECRET_FILE)"

RULES = (
    Rule(
        "privacy.freeText",
        "Redact is not done yet, conversations are stored as they are: set sessions.store to memory"
        " or privacy.retention to a short time",
        lambda told: told.config.privacy.free_text == "Redact",
    ),
    Rule(
        "privacy.hashFields",
        "this runtime stores no profiles",
        lambda told: bool(told.config.privacy.hash_fields),
    ),
    Rule(
        "gpu.tensorRT",
        "the models of this process use no TensorRT engines",
        lambda told: told.config.gpu.tensor_rt is not None,
    ),
    Rule(
        "gpu.quantization.calibrationSamples",
        "weights are not calibrated here",
        _samples_are_told,
    ),
    Rule(
        "gpu.quantization",
        _NO_MODEL_HERE,
        _both(lambda told: told.config.gpu.quantization is not None, _not(_LOCAL)),
    ),
    Rule(
        "gpu.compile",
        _NO_MODEL_HERE,
        _both(lambda told: told.config.gpu.compile is not None, _not(_LOCAL)),
    ),
    Rule(
        "gpu.memoryFraction",
        _NO_MODEL_HERE,
        _both(
            lambda told: told.config.gpu.memory_fraction != _default(GpuSection, "memory_fraction"),
            _not(_LOCAL),
        ),
    ),
    Rule(
        "persona.language",
        "only NVIDIA Riva is told a language, elsewhere the voice decides it: choose a voice of it",
        _both(_language_of_another_voice, _not(_voice(RivaVoice))),
    ),
    Rule(
        "face.emotion.contrast (or DIGITAL_HUMAN_FACE_EMOTION_CONTRAST)",
        _HEARS_NOTHING,
        _both(lambda told: told.found.emotion.contrast is not None, _embedded),
    ),
    Rule(
        "face.emotion.preferredStrength (or DIGITAL_HUMAN_FACE_EMOTION_PREFERRED_STRENGTH)",
        f"{_HEARS_NOTHING}, or no emotion is preferred (face.emotion.preferred)",
        lambda told: (
            told.found.emotion.preferred_strength is not None
            and (_embedded(told) or not told.found.emotion.preferred)
        ),
    ),
    Rule(
        "face.emotion.maxEmotions (or DIGITAL_HUMAN_FACE_EMOTION_MAX)",
        _HEARS_NOTHING,
        _both(lambda told: told.found.emotion.max_emotions is not None, _embedded),
    ),
    Rule("AUDIO2FACE_SERVER", "AUDIO2FACE_ENABLED is false", _set("audio2face_server", _embedded)),
    *(
        Rule(name, _FACE_HERE, _set(name.lower(), _embedded))
        for name in (
            "DIGITAL_HUMAN_FACE_TLS",
            "DIGITAL_HUMAN_FACE_FUNCTION_ID",
            "DIGITAL_HUMAN_FACE_API_KEY_FILE",
        )
    ),
    Rule(
        "DIGITAL_HUMAN_LLM_API_KEY_FILE",
        "the model is not on a server (DIGITAL_HUMAN_LLM_URL)",
        _set("digital_human_llm_api_key_file", _not(_model(ServedModel))),
    ),
    Rule(
        "DIGITAL_HUMAN_MODELS",
        _NO_MODEL_HERE,
        _set("digital_human_models", _not(_LOCAL)),
    ),
    Rule(
        "DIGITAL_HUMAN_SPEECH_MODEL",
        "the voice is not on an OpenAI-compatible server (DIGITAL_HUMAN_SPEECH_URL)",
        _set("digital_human_speech_model", _not(_voice(ServedVoice))),
    ),
    Rule(
        "DIGITAL_HUMAN_SPEECH_API_KEY_FILE",
        "the voice asks for no key",
        _set("digital_human_speech_api_key_file", _not(_voice(ServedVoice, RivaVoice))),
    ),
    Rule(
        "DIGITAL_HUMAN_PIPER_URL",
        "another voice is chosen",
        _set("digital_human_piper_url", _not(_voice(PiperVoice))),
    ),
    *(
        Rule(name, _NOTHING_UNDERSTANDS, _set(name.lower(), _no_transcription))
        for name in (
            "DIGITAL_HUMAN_TRANSCRIPTION_MODEL",
            "DIGITAL_HUMAN_TRANSCRIPTION_API_KEY_FILE",
        )
    ),
    *(
        Rule(name, _NO_TOKENS, _set(name.lower(), _no_tokens))
        for name in ("DIGITAL_HUMAN_JWT_AUDIENCE", "DIGITAL_HUMAN_JWT_ISSUER")
    ),
    Rule(
        "DIGITAL_HUMAN_REDIS_PASSWORD_FILE",
        "conversations are kept in the memory of this process",
        _set("digital_human_redis_password_file", lambda told: told.found.sessions.redis is None),
    ),
)
