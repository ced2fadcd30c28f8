"""The face of the human: its engine, and where that runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from digital_human_operator.api.addresses import HostPort, safe_address
from digital_human_operator.api.base import (
    ApiModel,
    Empty,
    ImageReference,
    SecretKeyRef,
    cel,
    form,
    union,
    validated,
)
from digital_human_operator.api.v1alpha1.body import GpuRequest, Placement, Resources


class ManagedFace(ApiModel):
    """Audio2Face run by the operator: its own Deployment and a Service on port 50051."""

    image: ImageReference | None = None
    """Image of the server; absent: the operator's default."""
    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    """Number of servers."""
    streams: Annotated[int, Field(ge=1, le=256)] = 8
    """Conversations that one server animates at once."""
    api_key_secret: SecretKeyRef | None = None
    """Key of a Secret with the NGC API key, by which the server fetches its model over HTTPS;
    absent: the image has the model."""
    gpu: GpuRequest = Field(default_factory=GpuRequest)
    """GPU of each server; an L4, L40S or a MIG slice is enough."""
    resources: Resources | None = None
    """CPU and memory of each server; absent: 2 CPUs and 8Gi (limits 4 and 16Gi)."""
    placement: Placement | None = None
    """Where the servers may run, beside their GPU; absent: as spec.placement."""
    output: Literal["Blendshapes", "Video"] = "Blendshapes"
    """Blendshapes are drawn by the browser; Video is drawn and encoded on the GPU."""

    model_config = validated(
        cel(
            "!has(self.output) || self.output != 'Video' || (has(self.gpu)"
            " && !self.gpu.profile.startsWith('a100') && self.gpu.profile != 'h100'"
            " && self.gpu.profile != 'none')",
            "Video needs a GPU with a video encoder: the A100 and H100 have none, use l4, l40s or"
            " rtx4090",
            path=".output",
        ),
        cel(
            "has(self.gpu) && self.gpu.profile != 'none'",
            "Audio2Face needs a GPU: set face.managed.gpu.profile, for example to l4, or choose"
            " face.embedded, which runs on the CPU",
            path=".gpu.profile",
        ),
        cel(
            "!has(self.gpu) || self.gpu.profile != 'a100-mig-1g.5gb'",
            "Audio2Face needs about 9 GiB: a 1g.5gb slice is too small, use a100-mig-2g.10gb or"
            " more",
            path=".gpu.profile",
        ),
    )


class FaceTls(ApiModel):
    """TLS towards an external face server."""

    ca_secret: SecretKeyRef | None = None
    """Key of a Secret with the certificate authority; absent: the system's."""


NVIDIA_CLOUD = "grpc.nvcf.nvidia.com:443"
"""Where NVIDIA Cloud Functions answer."""


class CloudFunction(ApiModel):
    """A function of NVIDIA's cloud (NVCF) that runs Audio2Face; its calls are always encrypted."""

    function_id: Annotated[
        str,
        form(
            r"^[A-Za-z0-9-]{1,64}$",
            "must be the id of a function of NVIDIA's cloud: 1 to 64 letters, digits and -",
            max_length=64,
            examples=["8a5f1c2e-0b7d-4c1e-9f57-3d2b6a90e4c1"],
        ),
    ]
    """Id of the function, as NVIDIA's catalogue shows it beside the key."""
    api_key_secret: SecretKeyRef
    """Key of a Secret with the API key that may call the function."""


class ExternalFace(ApiModel):
    """An Audio2Face server that somebody else runs."""

    address: HostPort | None = None
    """Host and port of the gRPC server; absent: that of NVIDIA's cloud, where cloudFunction is
    given."""
    tls: FaceTls | None = None
    """Encrypt the connection; a cloudFunction is called with TLS without this, too."""
    cloud_function: CloudFunction | None = None
    """Audio2Face as a function of NVIDIA's cloud, with a key of one's own."""

    model_config = validated(
        cel(
            "has(self.address) || has(self.cloudFunction)",
            "address is needed: the host and port of the server, which are known for a"
            " cloudFunction only",
        ),
        safe_address("address", optional=True),
    )

    @property
    def server(self) -> str:
        """Host and port, given or known."""
        return self.address or NVIDIA_CLOUD

    @property
    def encrypted(self) -> bool:
        """Whether it is called with TLS."""
        return self.tls is not None or self.cloud_function is not None


EMOTIONS = (
    *("amazement", "anger", "cheekiness", "disgust", "fear"),
    *("grief", "joy", "outofbreath", "pain", "sadness"),
)
"""Those of Audio2Face-3D."""
Share = Annotated[float, Field(ge=0, le=1)]


class Emotion(ApiModel):
    """What emotions the face shows."""

    preferred: Annotated[
        dict[str, Share],
        Field(max_length=len(EMOTIONS)),
    ] = Field(default_factory=dict)
    """Emotions that the face has when it begins to speak, from 0 to 1 each, such as {joy: 0.4}:
    amazement, anger, cheekiness, disgust, fear, grief, joy, outofbreath, pain, sadness."""
    strength: Share | None = None
    """How strongly emotions show; absent: as Audio2Face is set, 0.6 for the embedded face."""
    contrast: Annotated[float, Field(ge=0.3, le=3)] | None = None
    """How far the emotions that Audio2Face hears are apart; absent: as it is set."""
    preferred_strength: Share | None = None
    """Share of the preferred emotions beside those that Audio2Face hears; absent: as it is set."""
    max_emotions: Annotated[int, Field(ge=1, le=6)] | None = None
    """How many of the emotions that Audio2Face hears show at once; absent: as it is set."""

    model_config = validated(
        cel(
            f"!has(self.preferred) || self.preferred.all(k, k in {list(EMOTIONS)})",
            f"preferred must hold emotions only: {', '.join(EMOTIONS)}",
            path=".preferred",
        )
    )


class Face(ApiModel):
    """The face: exactly one engine."""

    embedded: Empty | None = None
    """Lip sync inside the human's own Pod; runs without a GPU."""
    managed: ManagedFace | None = None
    """Audio2Face run by the operator in its own Deployment."""
    external: ExternalFace | None = None
    """An Audio2Face server that somebody else runs."""
    emotion: Emotion | None = None
    """What emotions it shows; absent: none, or those that Audio2Face hears."""

    model_config = validated(union("embedded", "managed", "external"))
