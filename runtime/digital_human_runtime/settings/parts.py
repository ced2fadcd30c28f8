"""What the runtime is told, part by part: plain values, brought together by ``settings``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .environment import Environment
from .face import FaceServer
from .file import EmotionSection, GpuSection, PersonaSection


@dataclass(frozen=True, slots=True)
class BuiltinModel:
    """The demonstration brain."""

    name: str = "builtin"


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model in this process: weights from a folder, or from the Hub's cache."""

    name: str
    directory: Path | None
    """Folder with the weights; absent: ``name`` is an id of the Hub."""
    precision: str
    context_length: int
    max_new_tokens: int
    temperature: float


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model of an OpenAI-compatible server."""

    name: str
    urls: tuple[str, ...]
    """Tried in turn."""
    api_key_file: Path | None
    timeout_seconds: float
    """Of one try."""
    tries: int


Model = BuiltinModel | LocalModel | ServedModel


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """eSpeak NG."""


@dataclass(frozen=True, slots=True)
class PiperVoice:
    """Piper neural voices of a server beside this process."""

    url: str = "http://127.0.0.1:5000"


@dataclass(frozen=True, slots=True)
class RivaVoice:
    """An NVIDIA Riva server."""

    address: str
    tls: bool
    api_key_file: Path | None


@dataclass(frozen=True, slots=True)
class ServedVoice:
    """A server with an OpenAI-compatible speech endpoint."""

    url: str
    model: str | None
    api_key_file: Path | None


VoiceChoice = EspeakVoice | PiperVoice | RivaVoice | ServedVoice


@dataclass(frozen=True, slots=True)
class Transcription:
    """An OpenAI-compatible transcription server."""

    url: str
    model: str
    api_key_file: Path | None


@dataclass(frozen=True, slots=True)
class Redis:
    """Where conversations are kept for every replica."""

    url: str
    password_file: Path | None


@dataclass(frozen=True, slots=True)
class Sessions:
    """Conversations: where, how many, how long."""

    redis: Redis | None
    max_sessions: int
    max_turns: int
    queue_seconds: float
    idle_seconds: float
    drain_seconds: float
    retention_seconds: float | None


@dataclass(frozen=True, slots=True)
class Security:
    """Who may call, and how connections are encrypted."""

    api_key_file: Path | None = None
    jwt_secret_file: Path | None = None
    jwt_audience: str | None = None
    jwt_issuer: str | None = None
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    grpc_client_ca_file: Path | None = None
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    rate_limit: str | None = "600/minute"
    request_bytes: int = 262144

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """Every file that must be there when the runtime starts."""
        files = (self.api_key_file, self.jwt_secret_file, self.tls_cert_file, self.tls_key_file)
        return tuple(f for f in (*files, self.grpc_client_ca_file) if f is not None)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the runtime is told."""

    name: str
    persona: PersonaSection
    model: Model
    voice: VoiceChoice
    face: FaceServer | None
    """None: the embedded network only."""
    emotion: EmotionSection
    """Of the face."""
    transcription: Transcription | None
    sessions: Sessions
    security: Security
    gpu: GpuSection
    environment: Environment
    """Addresses, log and trace settings, as the variables say."""
    unheeded: tuple[str, ...] = ()
    """What is set in vain, a sentence each."""

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """Every secret file that must be there when the runtime starts."""
        parts = (self.model, self.voice, self.transcription)
        keys = [getattr(part, "api_key_file", None) for part in parts]
        redis = self.sessions.redis
        others = [redis.password_file if redis else None]
        if self.face is not None:
            function = self.face.function
            others += [self.face.ca_file, function.api_key_file if function else None]
        return (*self.security.secret_files, *(f for f in (*keys, *others) if f is not None))
