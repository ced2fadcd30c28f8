"""The one settings object: what the file and the environment say, brought together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from digital_human_runtime.engines.errors import Refused
from digital_human_runtime.engines.llm import naming

from . import environment, face, file
from .environment import Environment
from .file import ConfigFile, TransformersSection
from .parts import (
    BuiltinModel,
    EspeakVoice,
    LocalModel,
    Model,
    PiperVoice,
    Redis,
    RivaVoice,
    Security,
    ServedModel,
    ServedVoice,
    Sessions,
    Settings,
    Transcription,
    VoiceChoice,
)
from .problems import SettingsError
from .unheeded import Told, unheeded

__all__ = [
    "BuiltinModel",
    "EspeakVoice",
    "LocalModel",
    "Model",
    "PiperVoice",
    "Redis",
    "RivaVoice",
    "Security",
    "ServedModel",
    "ServedVoice",
    "Sessions",
    "Settings",
    "Transcription",
    "VoiceChoice",
    "load",
    "resolve",
]


def load(variables: Mapping[str, str]) -> Settings:
    """The settings of this process; raises SettingsError with one sentence a mistake."""
    env = environment.parse(variables)
    given = env.digital_human_config
    return resolve(file.read(given) if given is not None else ConfigFile(), env)


def resolve(config: ConfigFile, env: Environment) -> Settings:
    """Bring both together: a variable wins over the file; raises SettingsError."""
    _check_gpu(config)
    persona = config.persona
    if env.digital_human_voice is not None:
        persona = persona.model_copy(update={"voice": env.digital_human_voice})
    found = Settings(
        name=config.name,
        persona=persona,
        model=_model(config, env),
        voice=_voice(config, env),
        face=face.choose(config, env),
        emotion=face.emotion(config, env),
        transcription=_transcription(config, env),
        sessions=_sessions(config, env),
        security=_security(config, env),
        gpu=config.gpu,
        environment=env,
    )
    return replace(found, unheeded=tuple(unheeded(Told(config, env, found))))


def _check_gpu(config: ConfigFile) -> None:
    """Refuse what could not be done; TensorRT is the Audio2Face service's own business."""
    gpu, engine = config.gpu, config.llm.transformers
    if gpu.pruning is not None:
        raise SettingsError(
            "gpu.pruning cannot be done to a model while it is loaded: give the weights of a model"
            " that was pruned before, and leave gpu.pruning out"
        )
    if gpu.quantization is not None and engine is not None:
        method = gpu.quantization.method
        if engine.precision != method:
            raise SettingsError(
                f"gpu.quantization.method is {method}, but llm.transformers.precision is"
                f" {engine.precision}: name the same format in both"
            )


def _model(config: ConfigFile, env: Environment) -> Model:
    llm = config.llm
    urls = env.digital_human_llm_url or ((llm.open_ai.url,) if llm.open_ai else ())
    folder = _weights(llm.transformers, env.digital_human_models or config.models)
    if folder is not None and not urls and env.model_name != naming.BUILTIN:
        return _local(llm.transformers, env.model_name, folder)
    try:
        chosen = naming.choose(
            _model_name(config, env, urls), urls, url_setting="DIGITAL_HUMAN_LLM_URL"
        )
    except Refused as error:
        raise SettingsError(str(error)) from None
    if chosen.engine == "openai":
        return _served(config, env, urls, chosen.model)
    if chosen.engine == "builtin":
        return BuiltinModel()
    return _local(llm.transformers, chosen.model, None)


def _model_name(config: ConfigFile, env: Environment, urls: tuple[str, ...]) -> str:
    engine = config.llm.open_ai or config.llm.transformers
    name = env.model_name or (engine.model if engine is not None else None)
    if name is None and urls:
        raise SettingsError(
            "DIGITAL_HUMAN_LLM_URL is set, but MODEL_NAME is not: name the model as that server"
            " knows it, such as llama3:8b"
        )
    return name or naming.BUILTIN


def _served(config: ConfigFile, env: Environment, urls: tuple[str, ...], name: str) -> ServedModel:
    mounted = env.digital_human_secrets / "llm-api-key" / "value"
    return ServedModel(
        name=name,
        urls=urls,
        api_key_file=env.digital_human_llm_api_key_file or _existing(mounted),
        timeout_seconds=_patience(config),
        tries=max(1, config.failover.max_retries),
    )


def _patience(config: ConfigFile) -> float:
    """Seconds of one try: the engine's own, shortened by a failover that is asked for."""
    engine, failover = config.llm.open_ai, config.failover
    if engine is None:
        return failover.timeout
    if "timeout" not in failover.model_fields_set:
        return engine.timeout
    return min(engine.timeout, failover.timeout)


def _local(engine: TransformersSection | None, name: str | None, folder: Path | None) -> LocalModel:
    told = engine or TransformersSection(model=name or str(folder))
    return LocalModel(
        name=name or told.model,
        directory=folder,
        precision=told.precision,
        context_length=told.context_length,
        max_new_tokens=told.max_new_tokens,
        temperature=told.temperature,
    )


def _weights(engine: TransformersSection | None, models: Path | None) -> Path | None:
    """Where the operator put the weights; None without an engine that wants them."""
    if engine is None:
        return None
    source = engine.source or {}
    if "oci" in source:
        return models or Path("/models")
    claim = source.get("persistentVolumeClaim")
    if claim is not None:
        return (models or Path("/models")) / str(claim.get("path", "."))
    return models


def _voice(config: ConfigFile, env: Environment) -> VoiceChoice:
    speech, secrets = config.speech, env.digital_human_secrets
    key = env.digital_human_speech_api_key_file
    url = env.digital_human_speech_url or (speech.http.url if speech.http else None)
    if url is not None:
        model = env.digital_human_speech_model or (speech.http.model if speech.http else None)
        return ServedVoice(url, model, key or _existing(secrets / "speech-api-key" / "value"))
    if speech.riva is not None:
        key = key or _existing(secrets / "riva-api-key" / "value")
        return RivaVoice(speech.riva.address, speech.riva.tls == "Required", key)
    if env.digital_human_piper_url is not None:
        return PiperVoice(env.digital_human_piper_url)
    if speech.piper is not None:
        return PiperVoice(speech.piper.url)
    return EspeakVoice()


def _transcription(config: ConfigFile, env: Environment) -> Transcription | None:
    told = config.transcription.http
    url = env.digital_human_transcription_url or (told.url if told else None)
    if url is None:
        return None
    model = env.digital_human_transcription_model or (told.model if told else None)
    mounted = env.digital_human_secrets / "transcription-api-key" / "value"
    key = env.digital_human_transcription_api_key_file or _existing(mounted)
    return Transcription(url, model or "whisper-1", key)


def _sessions(config: ConfigFile, env: Environment) -> Sessions:
    told = config.sessions
    most = env.digital_human_max_sessions or told.per_replica
    turns = env.digital_human_max_turns or most
    if env.batch_size is not None:
        turns = min(turns, env.batch_size)
    idle, drain = env.digital_human_idle_seconds, env.digital_human_drain_seconds
    return Sessions(
        redis=_redis(config, env),
        max_sessions=most,
        max_turns=turns,
        queue_seconds=env.digital_human_queue_seconds,
        idle_seconds=told.idle_seconds if idle is None else idle,
        drain_seconds=told.drain_seconds if drain is None else drain,
        retention_seconds=config.privacy.retention,
    )


def _redis(config: ConfigFile, env: Environment) -> Redis | None:
    url = env.digital_human_redis_url or config.sessions.store.url
    if url is None:
        return None
    mounted = env.digital_human_secrets / "redis" / "password"
    return Redis(url, env.digital_human_redis_password_file or _existing(mounted))


def _security(config: ConfigFile, env: Environment) -> Security:
    told = config.security
    cert = env.digital_human_tls_cert_file or _in(told.tls, "tls.crt")
    key = env.digital_human_tls_key_file or _in(told.tls, "tls.key")
    if (cert is None) != (key is None):
        raise SettingsError(
            "DIGITAL_HUMAN_TLS_CERT_FILE and DIGITAL_HUMAN_TLS_KEY_FILE belong together: set both"
        )
    if env.digital_human_grpc_client_ca_file is not None and cert is None:
        raise SettingsError(
            "DIGITAL_HUMAN_GRPC_CLIENT_CA_FILE asks for client certificates, which needs TLS: set"
            " DIGITAL_HUMAN_TLS_CERT_FILE and DIGITAL_HUMAN_TLS_KEY_FILE too"
        )
    rate = env.digital_human_rate_limit
    return Security(
        api_key_file=env.digital_human_api_key_file or _in(told.api_key, "value"),
        jwt_secret_file=env.digital_human_jwt_secret_file or _in(told.jwt_secret, "value"),
        jwt_audience=env.digital_human_jwt_audience,
        jwt_issuer=env.digital_human_jwt_issuer,
        tls_cert_file=cert,
        tls_key_file=key,
        grpc_client_ca_file=env.digital_human_grpc_client_ca_file,
        allowed_origins=env.digital_human_allowed_origins,
        trusted_proxies=env.digital_human_trusted_proxies,
        rate_limit=None if rate == "off" else rate,
        request_bytes=env.digital_human_request_bytes,
    )


def _in(folder: Path | None, name: str) -> Path | None:
    return folder / name if folder is not None else None


def _existing(path: Path) -> Path | None:
    """A secret that the operator mounts only when there is one."""
    return path if path.exists() else None
