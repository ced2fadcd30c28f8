"""What the human thinks and says with: persona, language model, speech."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from digital_human_operator.api.addresses import HostPort, Url, safe_address, url_rules
from digital_human_operator.api.base import (
    ApiModel,
    Duration,
    Empty,
    ObjectName,
    SecretKeyRef,
    at_least,
    cel,
    form,
    union,
    validated,
)

Precision = Literal["fp32", "bf16", "fp16", "fp8", "int8", "int4"]


class Persona(ApiModel):
    """Who the human is. None of this is secret: it is stored in a ConfigMap."""

    system_prompt: Annotated[str, Field(max_length=16384)] | None = None
    """Instructions given to the language model before every conversation."""
    voice: Annotated[
        str,
        form(r"^[A-Za-z0-9._-]+$", "must be a voice such as en-us, without spaces", max_length=64),
    ] = "en-us"
    """Voice of the speech engine; en-us is eSpeak NG's, and stands for alloy of an
    OpenAI-compatible server, and for the own one of Piper and Riva."""
    language: Annotated[
        str,
        form(
            r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
            "must be a language such as en or pt-BR",
            max_length=35,
        ),
    ] = "en"
    """Language of the conversation as a BCP 47 tag."""
    greeting: Annotated[str, Field(max_length=1024)] | None = None
    """Said when a session starts; nothing is said when absent."""


class ClaimSource(ApiModel):
    """Weights that already lie on a PersistentVolumeClaim of this namespace."""

    claim_name: ObjectName
    """Name of the claim; it is mounted read-only."""
    path: Annotated[
        str,
        form(
            r"^[A-Za-z0-9._/-]+$",
            "must be a folder of letters, digits, ., _, - and /",
            max_length=512,
        ),
    ] = "."
    """Folder of the model within the claim."""

    model_config = validated(
        cel(
            "!has(self.path) || (!self.path.startsWith('/') && !self.path.contains('..'))",
            "path must be relative to the claim and must not contain ..",
            path=".path",
        )
    )


class ObjectStoreSource(ApiModel):
    """Weights in an S3-compatible object store."""

    url: Annotated[
        str,
        form(
            r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[!-~]*)?$",
            "must be a place such as s3://bucket or s3://bucket/folder",
            max_length=1024,
            examples=["s3://models/llama3-70b"],
        ),
    ]
    """Bucket and prefix of the model, for example s3://models/llama3-70b."""
    revision: Annotated[str, Field(max_length=128)] | None = None
    """A name for this state of the bucket; changing it fetches again."""
    endpoint: Url | None = None
    """Address of the store when it is not Amazon S3."""
    region: Annotated[str, Field(max_length=64)] | None = None
    """Region of the bucket."""
    credentials_secret: ObjectName | None = None
    """Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; absent: the Pod's own identity."""

    model_config = validated(*url_rules("endpoint", optional=True, instead="credentialsSecret"))


class OciSource(ApiModel):
    """Weights packed as an OCI artifact and mounted as an image volume (Kubernetes 1.36)."""

    reference: Annotated[str, Field(max_length=512)]
    """The artifact by digest: registry.example.com/models/llama3@sha256:<64 hex digits>."""

    model_config = validated(
        cel(
            "self.reference.matches('@sha256:[0-9a-f]{64}$')",
            "reference must end in @sha256:<digest>: a tag could change under running Pods",
            path=".reference",
        )
    )


class HuggingFaceSource(ApiModel):
    """Weights of a Hugging Face repository."""

    repository: Annotated[
        str,
        form(
            r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+$",
            "must be owner and name of a repository such as meta-llama/Meta-Llama-3-70B-Instruct",
            max_length=192,
            examples=["meta-llama/Meta-Llama-3-70B-Instruct"],
        ),
    ]
    """Owner and name of the repository."""
    revision: Annotated[
        str,
        form(r"^[A-Za-z0-9._/-]+$", "must be a branch, a tag or, best, a commit", max_length=128),
    ] = "main"
    """Branch, tag or, best, commit."""
    token_secret: SecretKeyRef | None = None
    """Access token for gated models."""
    endpoint: Url | None = None
    """A mirror of the hub, for air-gapped clusters."""

    model_config = validated(*url_rules("endpoint", optional=True, instead="tokenSecret"))


class ModelSource(ApiModel):
    """Where the weights come from: exactly one."""

    persistent_volume_claim: ClaimSource | None = None
    """Weights that already lie on a claim of this namespace."""
    object_store: ObjectStoreSource | None = None
    """Weights in an S3-compatible object store, fetched once per revision."""
    oci: OciSource | None = None
    """Weights as an OCI artifact, mounted read-only by the kubelet."""
    hugging_face: HuggingFaceSource | None = None
    """Weights of a Hugging Face repository, fetched once per revision."""

    model_config = validated(union("persistentVolumeClaim", "objectStore", "oci", "huggingFace"))


class Architecture(ApiModel):
    """The numbers of a model that the operator does not know, for the memory plan."""

    parameters_billions: Annotated[float, Field(gt=0, le=10000)]
    """All parameters in billions, for example 70.6."""
    layers: Annotated[int, Field(ge=1, le=1000)]
    """Number of transformer layers."""
    kv_heads: Annotated[int, Field(ge=1, le=1024)]
    """Number of key/value heads (num_key_value_heads)."""
    head_dim: Annotated[int, Field(ge=1, le=4096)]
    """Size of one attention head."""


class TransformersEngine(ApiModel):
    """A model run inside the human's own Pod."""

    model: Annotated[
        str,
        form(
            r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$",
            "must be a model such as llama3:8b, without spaces",
            max_length=128,
            examples=["llama3:8b"],
        ),
    ]
    """Name of the model: llama3:8b, llama3:70b, mistral:7b ... or a name of your own."""
    precision: Precision = "bf16"
    """Number format of the weights; int8 and int4 quantise while loading."""
    context_length: Annotated[int, Field(ge=256, le=1048576)] = 8192
    """Tokens that one conversation may hold; its memory is reserved for every session."""
    source: ModelSource | None = None
    """Where the weights come from; absent: they are part of the image."""
    architecture: Architecture | None = None
    """Numbers for the memory plan of a model that is not in the catalogue."""
    max_new_tokens: Annotated[int, Field(ge=1, le=65536)] = 512
    """Longest answer in tokens."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    """Randomness of the answer: 0 always takes the likeliest token."""

    model_config = validated(
        cel(
            "self.maxNewTokens < self.contextLength",
            "maxNewTokens must be smaller than contextLength: the question needs room too",
            path=".maxNewTokens",
        )
    )


class OpenAIEngine(ApiModel):
    """Any OpenAI-compatible server: vLLM, NIM, Ollama, a cloud."""

    url: Url
    """Base address, for example https://llm.example.com/v1."""
    model: Annotated[str, Field(min_length=1, max_length=256)]
    """Name of the model as the server knows it."""
    api_key_secret: SecretKeyRef | None = None
    """Key of a Secret that holds the API key."""
    timeout: Duration = "60s"
    """How long one answer may take, 1s to 1h."""

    model_config = validated(*url_rules(instead="apiKeySecret"), at_least("timeout", "1s", "1h"))


class Llm(ApiModel):
    """The language model: exactly one engine."""

    transformers: TransformersEngine | None = None
    """A model run inside the human's own Pod."""
    open_ai: Annotated[OpenAIEngine | None, Field(alias="openAI")] = None
    """An OpenAI-compatible server somewhere else."""
    builtin: Empty | None = None
    """The small demonstration brain: needs neither GPU nor network."""

    model_config = validated(union("transformers", "openAI", "builtin"))


class PiperEngine(ApiModel):
    """A Piper HTTP server: neural voices, on the CPU."""

    url: Url
    """Address of the server, for example http://piper.speech.svc:5000."""

    model_config = validated(
        *url_rules(instead="a server without one, reached inside the cluster only")
    )


class RivaEngine(ApiModel):
    """An NVIDIA Riva speech server."""

    address: HostPort
    """Host and port of the gRPC server."""
    tls: Literal["Disabled", "Required"] = "Required"
    """Whether the connection is encrypted."""
    api_key_secret: SecretKeyRef | None = None
    """Key of a Secret that holds the API key."""

    model_config = validated(safe_address("address"))


class HttpSpeechEngine(ApiModel):
    """A server with an OpenAI-compatible /audio/speech endpoint."""

    url: Url
    """Base address of the server."""
    model: Annotated[str, Field(max_length=256)] | None = None
    """Name of the model as the server knows it."""
    api_key_secret: SecretKeyRef | None = None
    """Key of a Secret that holds the API key."""

    model_config = validated(*url_rules(instead="apiKeySecret"))


class HttpTranscriptionEngine(ApiModel):
    """A server with an OpenAI-compatible /audio/transcriptions endpoint."""

    url: Url
    """Base address of the server, for example http://whisper.speech.svc:8000/v1."""
    model: Annotated[str, Field(max_length=256)] | None = None
    """Name of the model as the server knows it; absent: whisper-1."""
    api_key_secret: SecretKeyRef | None = None
    """Key of a Secret that holds the API key."""

    model_config = validated(*url_rules(instead="apiKeySecret"))


class Transcription(ApiModel):
    """What understands spoken questions."""

    http: HttpTranscriptionEngine
    """A server with an OpenAI-compatible transcription endpoint."""


class Speech(ApiModel):
    """The voice: exactly one engine."""

    espeak: Empty | None = None
    """The eSpeak NG formant synthesiser: no download, many languages."""
    piper: PiperEngine | None = None
    """A Piper HTTP server: neural voices on the CPU."""
    riva: RivaEngine | None = None
    """An NVIDIA Riva server."""
    http: HttpSpeechEngine | None = None
    """A server with an OpenAI-compatible speech endpoint."""

    model_config = validated(union("espeak", "piper", "riva", "http"))
