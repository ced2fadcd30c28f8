"""The engines and stores that the settings ask for. Each is imported only where it is used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from digital_human_runtime.engines.errors import Refused
from digital_human_runtime.errors import BadInput
from digital_human_runtime.frames import FaceOptions
from digital_human_runtime.interfaces import Face, LanguageModel, Voice
from digital_human_runtime.pipeline import Engines, Limits, Persona
from digital_human_runtime.session.memory_store import MemoryStore
from digital_human_runtime.session.store import Store
from digital_human_runtime.settings import settings as chosen
from digital_human_runtime.settings.file import DEFAULT_VOICE
from digital_human_runtime.settings.settings import Settings
from digital_human_runtime.ws_api.microphone import Transcriber

if TYPE_CHECKING:
    from digital_human_runtime.tracing import TurnTraces

# ruff: noqa: PLC0415 - an engine that is not used is not imported: start-up and memory are small
_PATIENCE = 0.75
"""Of the time that a turn gives its face: how long a service may take."""


def engines(settings: Settings) -> Engines:
    """Language model, voice and face, not yet started."""
    face, fallback = _faces(settings)
    return Engines(model=_model(settings), voice=_voice(settings), face=face, fallback=fallback)


def persona(settings: Settings, voice: Voice) -> Persona:
    """
    Who the human is; ``voice`` must be started, for it knows its names only then.

    Raises Refused for a voice that eSpeak NG does not have.
    """
    told, model = settings.persona, settings.model
    if isinstance(settings.voice, chosen.EspeakVoice):
        _check_espeak(told.voice, voice)
    found = Persona(
        name=settings.name,
        greeting=told.greeting or "",
        voice=voice_name(settings),
        face=_look(settings),
    )
    if told.system_prompt is not None:
        found = replace(found, prompt=told.system_prompt)
    if isinstance(model, chosen.LocalModel):
        found = replace(found, max_tokens=model.max_new_tokens, temperature=model.temperature)
    return found


def _check_espeak(wanted: str, voice: Voice) -> None:
    from digital_human_runtime.engines.voice.espeak.voice import EspeakVoice

    try:
        if isinstance(voice, EspeakVoice):
            voice.knows(wanted)
    except BadInput as error:
        said = error.message.removeprefix("voice: ")
        raise Refused(f"persona.voice (or DIGITAL_HUMAN_VOICE): {said}") from None


def _look(settings: Settings) -> FaceOptions:
    """How the face of every turn looks."""
    told = settings.emotion
    return FaceOptions(
        emotions=told.preferred,
        emotion_strength=told.strength,
        emotion_contrast=told.contrast,
        preferred_strength=told.preferred_strength,
        max_emotions=told.max_emotions,
    )


def voice_name(settings: Settings) -> str:
    """The human's voice; empty for that of a server, which knows by itself which one is wanted."""
    return settings.persona.voice if isinstance(settings.voice, chosen.EspeakVoice) else ""


def _own_voice(settings: Settings) -> str:
    """The voice that is wanted of a server; empty where only the default stands, eSpeak NG's."""
    wanted = settings.persona.voice
    return "" if wanted == DEFAULT_VOICE else wanted


def limits(settings: Settings) -> Limits:
    """What the process takes on."""
    told = settings.sessions
    found = Limits(
        sessions=told.max_sessions,
        turns=told.max_turns,
        queue=told.max_sessions,
        queue_seconds=told.queue_seconds,
        idle_seconds=told.idle_seconds,
    )
    kept = told.retention_seconds
    return found if kept is None else replace(found, session_seconds=kept)


def store(settings: Settings, limit: Limits) -> Store:
    """Where conversations are kept."""
    url = redis_url(settings)
    if url is None:
        return MemoryStore(limit)
    from digital_human_runtime.session.redis_store import RedisStore

    return RedisStore(url, prefix=f"digital-human:{settings.name}", limits=limit)


def redis_url(settings: Settings) -> str | None:
    """The address of Redis with its password, which must not be shown to anybody."""
    redis = settings.sessions.redis
    if redis is None or redis.password_file is None:
        return redis.url if redis is not None else None
    password = quote(redis.password_file.read_text().strip(), safe="")
    parts = urlsplit(redis.url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:{password}@{host}"))


def _model(settings: Settings) -> LanguageModel:
    model = settings.model
    if isinstance(model, chosen.ServedModel):
        from digital_human_runtime.engines.llm.openai import OpenAIModel

        return OpenAIModel(
            urls=model.urls,
            model=model.name,
            api_key_file=model.api_key_file,
            timeout=model.timeout_seconds,
            tries=model.tries,
        )
    if isinstance(model, chosen.LocalModel):
        return _local_model(settings, model)
    from digital_human_runtime.engines.llm.builtin import BuiltinBrain

    return BuiltinBrain(persona_name=settings.name.capitalize())


def _local_model(settings: Settings, model: chosen.LocalModel) -> LanguageModel:
    from digital_human_runtime.engines.llm.transformers import TransformersModel

    compiled = settings.gpu.compile
    return TransformersModel(
        model=model.directory if model.directory is not None else model.name,
        name=model.name,
        precision=model.precision,
        memory_fraction=settings.gpu.memory_fraction,
        compile_mode=compiled.mode if compiled is not None else "none",
        max_sessions=settings.sessions.max_turns,
        context_length=model.context_length,
    )


def _voice(settings: Settings) -> Voice:
    voice = settings.voice
    if isinstance(voice, chosen.ServedVoice):
        from digital_human_runtime.engines.voice.http import HttpVoice

        names = (_own_voice(settings) or "alloy",)
        return HttpVoice(
            voice.url, voice.model or "tts-1", voices=names, api_key_file=voice.api_key_file
        )
    if isinstance(voice, chosen.RivaVoice):
        from digital_human_runtime.engines.voice.riva import RivaVoice

        language = settings.persona.language
        return RivaVoice(
            voice.address,
            language=language,
            own=_own_voice(settings),
            tls=voice.tls,
            api_key_file=voice.api_key_file,
        )
    if isinstance(voice, chosen.PiperVoice):
        from digital_human_runtime.engines.voice.piper import PiperVoice

        return PiperVoice(voice.url, own=_own_voice(settings))
    from digital_human_runtime.engines.voice.espeak.voice import EspeakVoice

    return EspeakVoice()


def _faces(settings: Settings) -> tuple[Face, Face | None]:
    """The face, and the embedded one behind a service."""
    from digital_human_runtime.engines.face.embedded.face import EmbeddedFace

    server, env = settings.face, settings.environment
    fps = env.digital_human_face_fps
    embedded = EmbeddedFace(fps=fps, device=env.digital_human_face_device)
    if server is None:
        return embedded, None
    from digital_human_runtime.engines.face.audio2face.cloud import Cloud
    from digital_human_runtime.engines.face.audio2face.face import Audio2Face

    function = server.function
    remote = Audio2Face(
        server.address,
        fps=fps,
        tls=server.tls,
        ca_file=server.ca_file,
        cloud=Cloud(function.function_id, function.api_key_file) if function else None,
        # Below the limit of the pipeline: the face learns that its service failed, and probes it.
        patience=limits(settings).face_seconds * _PATIENCE,
    )
    return remote, embedded


def transcriber(settings: Settings) -> Transcriber | None:
    """What understands speech; None without a server."""
    if settings.transcription is None:
        return None
    from digital_human_runtime.ws_api.transcription import OpenAITranscriber

    return OpenAITranscriber(settings.transcription)


def traces(settings: Settings) -> TurnTraces | None:
    """What traces turns; None without a collector."""
    env = settings.environment
    if env.digital_human_otlp_endpoint is None:
        return None
    from digital_human_runtime.tracing import TurnTraces, to_collector

    attributes = {"digital_human.name": settings.name, "k8s.pod.name": env.pod_name or ""}
    if env.project_id:
        attributes["gcp.project_id"] = env.project_id
    return TurnTraces(to_collector(env.digital_human_otlp_endpoint), attributes)
