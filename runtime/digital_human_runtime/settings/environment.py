"""
Environment variables: those of the deployment guide, and our own with the prefix DIGITAL_HUMAN_.

None ends in _PORT or _SERVICE_HOST: Kubernetes sets such variables for Services by itself, also
for a Service named digital-human, so those are no mistake of anybody and are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from .addresses import RedisUrl
from .emotion import emotions_of, split
from .problems import SettingsError, sentences
from .suggest import nearest

PREFIX = "DIGITAL_HUMAN_"
Share = Annotated[float, Field(ge=0, le=1)]
SECRETS = Path("/var/run/secrets/digital-human")
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*):([0-9]{1,5})")
_RATE = re.compile(r"[1-9][0-9]*/(second|minute|hour)")
_SERVICE_LINK = re.compile(r"(_SERVICE_HOST|_SERVICE_PORT(_[A-Z0-9_]+)?|_PORT(_[0-9]+_[A-Z]+.*)?)$")
_ELSEWHERE = ("DIGITAL_HUMAN_OPERATOR_", "DIGITAL_HUMAN_TEST_")
"""Variables of the other programs of this project."""


class Environment(BaseSettings):
    """Every variable that the runtime reads; a field is its variable in lower case."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    model_name: Annotated[str | None, Field(min_length=1)] = None
    """The language model: `builtin`, a folder, a Hub id such as `owner/name`, or the tag of an
    engine such as `llama3:70b`, which needs `DIGITAL_HUMAN_LLM_URL`."""
    batch_size: Annotated[int | None, Field(ge=1, le=1024)] = None
    """Answers that the model computes together; smaller needs less memory."""
    audio2face_enabled: bool | None = None
    """`true` takes the face from `AUDIO2FACE_SERVER`, `false` from the embedded network."""
    audio2face_server: str | None = None
    """Host and port of an Audio2Face-3D service."""
    cuda_visible_devices: str | None = None
    """GPUs that the process may use, read by CUDA itself; without a GPU it is warned about."""
    project_id: str | None = None
    """The cloud project, attached to logs and traces."""
    pod_name: str | None = None
    """Name of the Pod, attached to logs and traces; absent: the host's name."""

    digital_human_config: Path | None = None
    """The file with everything that is not secret, as the operator mounts it."""
    digital_human_secrets: Path = SECRETS
    """Folder with mounted secrets: a folder each, such as `llm-api-key/value`."""
    digital_human_http_address: str = "0.0.0.0:8000"
    """Where HTTP is served; `/ws` too."""
    digital_human_websocket_address: str = "0.0.0.0:8080"
    """Where the conversation protocol is served."""
    digital_human_grpc_address: str = "0.0.0.0:50051"
    """Where Audio2Face-3D is served."""
    digital_human_health_address: str = "0.0.0.0:9090"
    """Where probes and metrics are served."""
    digital_human_allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins of pages that may open a WebSocket or send requests beside the page's own, separated
    by commas; `*` allows all."""
    digital_human_trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses of proxies whose `X-Forwarded-For` is believed, separated by commas."""
    digital_human_api_key_file: Path | None = None
    """File with the API keys that callers must send, one a line; read again when it changes."""
    digital_human_jwt_secret_file: Path | None = None
    """File with the secret that signs JSON Web Tokens (HS256, 32 bytes or more)."""
    digital_human_jwt_audience: str | None = None
    """What `aud` of a token must be; absent: not looked at."""
    digital_human_jwt_issuer: str | None = None
    """What `iss` of a token must be; absent: not looked at."""
    digital_human_tls_cert_file: Path | None = None
    """Certificate chain: all ports but that of probes then speak TLS."""
    digital_human_tls_key_file: Path | None = None
    """Private key of the certificate."""
    digital_human_grpc_client_ca_file: Path | None = None
    """Authorities of client certificates: gRPC then asks for one (mutual TLS)."""
    digital_human_rate_limit: str = "600/minute"
    """Requests of one caller to `/api` and `/v1`, and questions over WebSocket: a number, then
    `/second`, `/minute` or `/hour`; `off` for none."""
    digital_human_request_bytes: Annotated[int, Field(ge=1024, le=2**26)] = 262144
    """Largest body of a request, in bytes."""
    digital_human_max_sessions: Annotated[int | None, Field(ge=1)] = None
    """Conversations that this process holds at once; absent: what the file says."""
    digital_human_max_turns: Annotated[int | None, Field(ge=1)] = None
    """Answers that are made at once; absent: as many as conversations."""
    digital_human_queue_seconds: Annotated[float, Field(ge=0, le=60)] = 5.0
    """How long a question waits for its turn before it is refused with 429."""
    digital_human_idle_seconds: Annotated[float | None, Field(gt=0)] = None
    """After how long a silent conversation ends; absent: what the file says."""
    digital_human_drain_seconds: Annotated[float | None, Field(ge=0)] = None
    """How long a process that was asked to end waits for its conversations; absent: what the file
    says."""
    digital_human_redis_url: RedisUrl | None = None
    """Redis that keeps conversations, such as `redis://redis:6379/0`; absent: what the file says,
    else the memory of this process."""
    digital_human_redis_password_file: Path | None = None
    """File with the password of Redis."""
    digital_human_llm_url: Annotated[tuple[str, ...], NoDecode] = ()
    """Base addresses of OpenAI-compatible servers that know `MODEL_NAME`, separated by commas and
    tried in turn, such as `http://ollama:11434/v1`."""
    digital_human_llm_api_key_file: Path | None = None
    """File with the key of that server."""
    digital_human_speech_url: str | None = None
    """Base address of a server with an OpenAI-compatible speech endpoint."""
    digital_human_speech_model: str | None = None
    """Name of the voice model as that server knows it."""
    digital_human_speech_api_key_file: Path | None = None
    """File with the key of that server."""
    digital_human_voice: str | None = None
    """Voice of the speech engine; absent: what the file says, else `en-us`."""
    digital_human_piper_url: str | None = None
    """Address of a Piper server; absent: `http://127.0.0.1:5000` where the file asks for Piper."""
    digital_human_transcription_url: str | None = None
    """Base address of an OpenAI-compatible transcription server: the microphone is then offered.
    Absent: what the file says."""
    digital_human_transcription_model: str | None = None
    """Name of the transcription model as that server knows it; absent: what the file says, else
    `whisper-1`."""
    digital_human_transcription_api_key_file: Path | None = None
    """File with the key of that server."""
    digital_human_models: Path | None = None
    """Folder with the weights; absent: what the file says."""
    digital_human_face_fps: Literal[30, 60] = 30
    """Frames for each second of sound that the face has. Those of a service with another rate are
    taken by their time."""
    digital_human_face_device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the embedded network runs: `cuda` refuses the start without a GPU that can be used,
    `auto` takes one where there is one."""
    digital_human_face_emotion: Annotated[
        dict[str, Share], NoDecode, AfterValidator(emotions_of)
    ] = Field(default_factory=dict)
    """Emotions that the face has when it begins to speak, 0 to 1 each, such as
    `joy=0.4,amazement=0.2`; absent: what the file says."""
    digital_human_face_emotion_strength: Share | None = None
    """How strongly emotions show, 0 to 1; absent: what the file says."""
    digital_human_face_emotion_contrast: Annotated[float | None, Field(ge=0.3, le=3)] = None
    """How far the emotions that an Audio2Face-3D service hears are apart, 0.3 to 3; absent: what
    the file says."""
    digital_human_face_emotion_preferred_strength: Share | None = None
    """Share of the preferred emotions beside those that the service hears, 0 to 1; absent: what
    the file says."""
    digital_human_face_emotion_max: Annotated[int | None, Field(ge=1, le=6)] = None
    """How many of the emotions that the service hears show at once, 1 to 6; absent: what the file
    says."""
    digital_human_face_tls: bool | None = None
    """Whether the connection to Audio2Face is encrypted; absent: what the file says."""
    digital_human_face_function_id: Annotated[
        str | None, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")
    ] = None
    """Function of NVIDIA's cloud that runs Audio2Face at `AUDIO2FACE_SERVER`, such as
    `grpc.nvcf.nvidia.com:443`; needs TLS and a key. Absent: what the file says."""
    digital_human_face_api_key_file: Path | None = None
    """File with the key of NVIDIA's cloud; absent: the mounted `face-api-key/value`."""
    digital_human_face_streams: Annotated[int, Field(ge=1, le=10000)] = 128
    """Streams of `ProcessAudioStream` that are served at once."""
    digital_human_speaking_health_seconds: Annotated[float, Field(ge=0)] = 0.0
    """Seconds between two synthetic conversations that prove speech; 0: only at the start."""
    digital_human_log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least important lines that are logged."""
    digital_human_log_format: Literal["json", "text"] = "json"
    """One JSON object a line, or text for people."""
    digital_human_log_conversations: bool = False
    """Whether what is said may be logged; off unless somebody debugs."""
    digital_human_otlp_endpoint: str | None = None
    """OpenTelemetry collector (OTLP over HTTP), such as `http://collector:4318`; absent: no
    traces."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given: the one reader of os.environ is __main__."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @field_validator(
        "digital_human_allowed_origins",
        "digital_human_trusted_proxies",
        "digital_human_llm_url",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(dict.fromkeys(p.strip() for p in value.split(",") if p.strip()))
        return value

    @field_validator("digital_human_allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [o for o in value if o != "*" and not re.fullmatch(r"https?://[^/\s]+", o)]
        if wrong:
            raise ValueError("must hold origins such as https://talk.example.com, without a path")
        return value

    @field_validator("digital_human_log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("digital_human_face_emotion", mode="before")
    @classmethod
    def _emotions(cls, value: object) -> object:
        return split(value) if isinstance(value, str) else value

    @field_validator("digital_human_face_device", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("digital_human_face_fps", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        return int(value) if isinstance(value, str) and value.isdigit() else value

    @field_validator("digital_human_rate_limit")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        if value != "off" and not _RATE.fullmatch(value):
            raise ValueError("must be a rate such as 600/minute, or off")
        return value

    @field_validator(
        "audio2face_server",
        "digital_human_http_address",
        "digital_human_websocket_address",
        "digital_human_grpc_address",
        "digital_human_health_address",
    )
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        found = _ADDRESS.fullmatch(value) if value is not None else None
        if value is not None and (found is None or int(found[2]) > 65535):
            raise ValueError("must be host:port, such as 0.0.0.0:8000")
        return value

    @field_validator(
        "digital_human_llm_url",
        "digital_human_piper_url",
        "digital_human_speech_url",
        "digital_human_transcription_url",
        "digital_human_otlp_endpoint",
    )
    @classmethod
    def _is_url(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        urls = value if isinstance(value, tuple) else (value,) if value is not None else ()
        if not all(re.fullmatch(r"https?://[^\s@]+", url) for url in urls):
            raise ValueError("must be an address such as http://server:8000/v1, without a password")
        return value


def parse(variables: Mapping[str, str]) -> Environment:
    """
    What the variables say; an empty one counts as absent.

    Raises SettingsError for a value that cannot be, and for an unknown name of our own.
    """
    known = {name.upper() for name in Environment.model_fields}
    unknown = [name for name in sorted(variables) if _is_stray(name, known)]
    said = [f"The variable {name} is not known{nearest(name, known)}" for name in unknown]
    given = {n.lower(): v for n, v in variables.items() if n in known and v != ""}
    try:
        found = Environment(**given)  # type: ignore[arg-type] # validated by pydantic
    except ValidationError as error:
        said += sentences(error, Environment, str.upper)
        raise SettingsError(*said) from None
    if said:
        raise SettingsError(*said)
    return found


def _is_stray(name: str, known: set[str]) -> bool:
    ours = name.startswith(PREFIX) and not name.startswith(_ELSEWHERE)
    return ours and name not in known and not _SERVICE_LINK.search(name)
