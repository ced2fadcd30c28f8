"""
The document that ``DIGITAL_HUMAN_CONFIG`` names: what the operator renders, everything not secret.

Keys are written in camelCase. A key that is not here stops the start: it would be a wish unheard.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from .addresses import RedisUrl
from .emotion import emotions_of
from .problems import SettingsError, sentences

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")


def _seconds(value: object) -> object:
    """Seconds of a duration of Kubernetes such as 1m30s; numbers stay as they are."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(rf"({_PART.pattern})+", value):
        raise ValueError("must be a duration such as 30s or 1m30s")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))


DURATION = BeforeValidator(_seconds)
Seconds = Annotated[float, DURATION, Field(ge=0, le=86400)]
Share = Annotated[float, Field(ge=0, le=1)]
Span = Annotated[float, DURATION, Field(ge=0)]
"""Seconds without an upper limit: what is kept may be kept for months."""
Address = Annotated[str, Field(pattern=r"^[A-Za-z0-9.\[\]:-]+:[0-9]{1,5}$")]
DEFAULT_VOICE = "en-us"
"""Of eSpeak NG; other engines take it for no wish."""


class Section(BaseModel):
    """One object of the document."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )


class Empty(Section):
    """An engine that has no settings."""


class PersonaSection(Section):
    """Who the human is."""

    system_prompt: str | None = None
    """Instructions given to the language model before every conversation."""
    voice: str = DEFAULT_VOICE
    """Voice of the speech engine; the default is eSpeak NG's, and stands for `alloy` of an
    OpenAI-compatible server, and for the own one of Piper and Riva."""
    language: str = "en"
    """Language of the conversation as a BCP 47 tag."""
    greeting: str | None = None
    """Said when a session starts."""


class TransformersSection(Section):
    """A model in this process."""

    model: str
    """Name of the model."""
    precision: Literal["fp32", "bf16", "fp16", "fp8", "int8", "int4"] = "bf16"
    """Number format of the weights."""
    context_length: Annotated[int, Field(ge=256)] = 8192
    """Tokens that one conversation may hold."""
    source: dict[str, dict[str, Any]] | None = None
    """Where the operator has the weights from."""
    architecture: dict[str, float] | None = None
    """Numbers for the operator's memory plan."""
    max_new_tokens: Annotated[int, Field(ge=1)] = 512
    """Longest answer in tokens."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    """Randomness of the answer."""


class OpenAISection(Section):
    """Any OpenAI-compatible server."""

    url: str
    """Base address, such as https://llm.example.com/v1."""
    model: str
    """Name of the model as the server knows it."""
    timeout: Seconds = 60.0
    """How long one answer may take."""


class LlmSection(Section):
    """The language model: exactly one engine."""

    transformers: TransformersSection | None = None
    """A model in this process."""
    open_ai: Annotated[OpenAISection | None, Field(alias="openAI")] = None
    """Any OpenAI-compatible server."""
    builtin: Empty | None = None
    """The demonstration brain."""

    @model_validator(mode="after")
    def _one(self) -> LlmSection:
        if (
            sum(engine is not None for engine in (self.transformers, self.open_ai, self.builtin))
            > 1
        ):
            raise ValueError("must name one engine only: transformers, openAI or builtin")
        return self


class PiperSection(Section):
    """A Piper HTTP server."""

    url: str = "http://127.0.0.1:5000"
    """Address of the server."""


class RivaSection(Section):
    """An NVIDIA Riva server."""

    address: Address
    """Host and port."""
    tls: Literal["Disabled", "Required"] = "Required"
    """Whether the connection is encrypted."""


class HttpSpeechSection(Section):
    """A server with an OpenAI-compatible speech endpoint."""

    url: str
    """Base address."""
    model: str | None = None
    """Name of the model as the server knows it."""


class SpeechSection(Section):
    """The voice: at most one engine; none is eSpeak NG."""

    espeak: Empty | None = None
    """eSpeak NG."""
    piper: PiperSection | None = None
    """Piper neural voices, of any quality: their sample rate is that of the server's answer."""
    riva: RivaSection | None = None
    """An NVIDIA Riva server."""
    http: HttpSpeechSection | None = None
    """A server with an OpenAI-compatible speech endpoint."""

    @model_validator(mode="after")
    def _one(self) -> SpeechSection:
        if sum(e is not None for e in (self.espeak, self.piper, self.riva, self.http)) > 1:
            raise ValueError("must name one engine only: espeak, piper, riva or http")
        return self


class HttpTranscriptionSection(Section):
    """A server with an OpenAI-compatible transcription endpoint."""

    url: str
    """Base address."""
    model: str | None = None
    """Name of the model as the server knows it; absent: `whisper-1`."""


class TranscriptionSection(Section):
    """What understands spoken questions; without it no microphone is offered."""

    http: HttpTranscriptionSection | None = None
    """A server with an OpenAI-compatible transcription endpoint."""


class EmotionSection(Section):
    """What emotions the face shows, and what an Audio2Face-3D service does with those it hears."""

    preferred: Annotated[dict[str, Share], AfterValidator(emotions_of)] = Field(
        default_factory=dict
    )
    """Emotions that the face has when it begins to speak, 0 to 1 each, such as `{"joy": 0.4}`."""
    strength: Share | None = None
    """How strongly emotions show; absent: as the service is set, 0.6 for the embedded face."""
    contrast: Annotated[float | None, Field(ge=0.3, le=3)] = None
    """How far the emotions that a service hears are apart, 0.3 to 3; absent: as it is set."""
    preferred_strength: Share | None = None
    """Share of the preferred emotions beside those that a service hears; absent: as it is set."""
    max_emotions: Annotated[int | None, Field(ge=1, le=6)] = None
    """How many of the emotions that a service hears show at once, 1 to 6; absent: as it is set."""


class FaceSection(Section):
    """The face: embedded, or an Audio2Face-3D service."""

    kind: Literal["embedded", "audio2face"] = "embedded"
    """Which one."""
    address: Address | None = None
    """Host and port of the service."""
    tls: bool = False
    """Whether the connection to it is encrypted."""
    function_id: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] = None
    """Function of NVIDIA's cloud that runs it; needs TLS and a key."""
    emotion: EmotionSection = Field(default_factory=EmotionSection)
    """What emotions it shows."""

    @model_validator(mode="after")
    def _has_address(self) -> FaceSection:
        if self.kind == "audio2face" and self.address is None:
            raise ValueError("has no address: kind audio2face needs host:port")
        return self


class TensorRTSection(Section):
    """TensorRT engines."""

    precision: Literal["fp32", "fp16", "bf16", "int8", "fp8"] = "fp16"
    """Number format of the engines."""


class QuantizationSection(Section):
    """Quantisation with calibration."""

    method: Literal["int8", "int4", "fp8"]
    """Number format of the weights."""
    calibration_samples: int = 1000
    """Samples that the calibration looks at."""


class PruningSection(Section):
    """Removal of weights."""

    sparsity: float = 0.3
    """Share that is removed."""
    structure: Literal["unstructured", "2:4"] = "unstructured"
    """Pattern of the removed weights."""


class CompileSection(Section):
    """Compilation by torch.compile."""

    mode: str = "default"
    """A mode of torch.compile."""


class GpuSection(Section):
    """GPUs of the Pod and how the models use them."""

    profile: str = "none"
    """Kind of GPU; none is the CPU."""
    count: Annotated[int, Field(ge=1)] = 1
    """GPUs of the Pod."""
    platform: str = "any"
    """Whose node labels selected the GPU."""
    memory_fraction: Annotated[float, Field(ge=0.1, le=0.95)] = 0.85
    """Share of the GPU memory that the models may use."""
    tensor_rt: Annotated[TensorRTSection | None, Field(alias="tensorRT")] = None
    """TensorRT engines."""
    quantization: QuantizationSection | None = None
    """Quantisation with calibration."""
    pruning: PruningSection | None = None
    """Removal of weights."""
    compile: CompileSection | None = None
    """Compilation by torch.compile."""


class FailoverSection(Section):
    """What is done when a server does not answer."""

    timeout: Seconds = 30.0
    """How long one try may take."""
    max_retries: Annotated[int, Field(ge=0, le=10)] = 3
    """How many more tries."""


class StoreSection(Section):
    """Where conversations are kept."""

    kind: Literal["redis", "memory"] = "memory"
    """Redis, or this process."""
    url: RedisUrl | None = None
    """Address of Redis, without its password."""

    @model_validator(mode="after")
    def _has_url(self) -> StoreSection:
        if self.kind == "redis" and not self.url:
            raise ValueError("has no url: kind redis needs redis://host:port/0")
        return self


class SessionsSection(Section):
    """Conversations: where, how many, how long."""

    store: StoreSection = Field(default_factory=StoreSection)
    """Where they are kept."""
    per_replica: Annotated[int, Field(ge=1)] = 100
    """How many this process holds at once."""
    idle_seconds: Annotated[float, Field(gt=0)] = 600.0
    """After how long a silent one ends."""
    drain_seconds: Annotated[float, Field(ge=0)] = 600.0
    """How long a process that has to go waits for them."""


class SecuritySection(Section):
    """Folders with mounted secrets."""

    api_key: Path | None = None
    """Folder whose file ``value`` holds the API key."""
    jwt_secret: Path | None = None
    """Folder whose file ``value`` holds the secret that signs tokens."""
    tls: Path | None = None
    """Folder with ``tls.crt`` and ``tls.key``."""


class PrivacySection(Section):
    """Personal data in conversations."""

    hash_fields: tuple[Literal["name", "email", "phone", "ssn"], ...] = ()
    """Fields of a profile that are stored as keyed hashes."""
    free_text: Literal["Keep", "Redact"] = "Keep"
    """Whether personal data is removed from free text."""
    retention: Span | None = None
    """How long conversations are kept."""


class ConfigFile(Section):
    """The whole document."""

    name: str = "ada"
    """Name of the human."""
    persona: PersonaSection = Field(default_factory=PersonaSection)
    """Who the human is."""
    llm: LlmSection = Field(default_factory=LlmSection)
    """The language model."""
    speech: SpeechSection = Field(default_factory=SpeechSection)
    """The voice."""
    transcription: TranscriptionSection = Field(default_factory=TranscriptionSection)
    """What understands spoken questions."""
    face: FaceSection = Field(default_factory=FaceSection)
    """The face."""
    gpu: GpuSection = Field(default_factory=GpuSection)
    """GPUs."""
    failover: FailoverSection = Field(default_factory=FailoverSection)
    """What is done when a server does not answer."""
    sessions: SessionsSection = Field(default_factory=SessionsSection)
    """Conversations."""
    models: Path | None = None
    """Folder with the weights."""
    security: SecuritySection = Field(default_factory=SecuritySection)
    """Folders with mounted secrets."""
    privacy: PrivacySection = Field(default_factory=PrivacySection)
    """Personal data in conversations."""


def parse(text: str, where: str) -> ConfigFile:
    """The document; raises SettingsError, whose sentences begin with ``where``."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{where} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise SettingsError(f"{where}: it must be a JSON object")
    try:
        return ConfigFile.model_validate(found)
    except ValidationError as error:
        said = sentences(error, ConfigFile, lambda path: path)
        raise SettingsError(*(f"{where}: {sentence}" for sentence in said)) from None


def read(path: Path) -> ConfigFile:
    """The document at ``path``; raises SettingsError when it cannot be read or understood."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise SettingsError(
            f"{path}, which DIGITAL_HUMAN_CONFIG names, cannot be read: {reason}"
        ) from None
    return parse(text, str(path))
