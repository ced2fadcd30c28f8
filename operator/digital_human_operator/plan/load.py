"""
What a Pod puts onto its GPU, in GiB. The runtime uses one, however many a Pod has.

    weights   = parameters x bits / 8
    cache     = key and value of every token that every session of a Pod may hold, in 16 bits
    contexts  = CUDA context and work space
    available = memory x memoryFraction

Audio2Face runs on GPUs of its own and is held against those.
"""

from __future__ import annotations

from dataclasses import dataclass

from digital_human_operator.api.v1alpha1.body import GpuProfileName
from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from digital_human_operator.api.v1alpha1.face import ManagedFace
from digital_human_operator.api.v1alpha1.mind import Precision

from . import models
from .models import Model
from .profiles import PROFILES, Profile

GIB = 2**30
BITS: dict[Precision, float] = {
    "fp32": 32,
    "bf16": 16,
    "fp16": 16,
    "fp8": 8,
    "int8": 8,
    "int4": 4.5,
}
"""Bits per weight; int4 with its scales."""
CONTEXT_GIB = 0.75
FACE_GIB = 9.0
"""Audio2Face without conversations (NVIDIA's support matrix of the NIM, rounded up)."""
STREAM_GIB = 0.15
"""Each conversation that it animates."""


@dataclass(frozen=True)
class Load:
    """What one Pod of the runtime puts onto its GPU."""

    model: Model | None
    precision: Precision
    context_length: int
    sessions: int
    profile: GpuProfileName
    fraction: float

    @property
    def gpu(self) -> Profile:
        """The GPU that the profile names."""
        return PROFILES[self.profile]

    @property
    def weights(self) -> float:
        """Weights of the language model."""
        return weights_gib(self.model, self.precision) if self.model else 0.0

    @property
    def kv_cache(self) -> float:
        """Key/value cache of all sessions."""
        if self.model is None:
            return 0.0
        return self.model.kv_bytes_per_token * self.context_length * self.sessions / GIB

    @property
    def contexts(self) -> float:
        """CUDA context and work space."""
        return CONTEXT_GIB

    @property
    def total(self) -> float:
        """What is needed."""
        return self.weights + self.kv_cache + self.contexts

    @property
    def available(self) -> float:
        """What the models may use."""
        return self.gpu.memory_gib * self.fraction

    @property
    def fits(self) -> bool:
        """Whether it can run."""
        return self.total <= self.available


@dataclass(frozen=True)
class FaceLoad:
    """What one Audio2Face server puts onto its GPU; it does not use more than one."""

    streams: int
    profile: GpuProfileName

    @property
    def gpu(self) -> Profile:
        """The GPU that the profile names."""
        return PROFILES[self.profile]

    @property
    def total(self) -> float:
        """What is needed."""
        return FACE_GIB + STREAM_GIB * self.streams

    @property
    def fits(self) -> bool:
        """Whether it can run."""
        return self.total <= self.gpu.memory_gib


def weights_gib(model: Model, precision: Precision) -> float:
    """Size of the weights of ``model`` at ``precision``."""
    return model.parameters * BITS[precision] / 8 / GIB


def load_of(spec: DigitalHumanSpec) -> Load | None:
    """What the runtime puts onto its GPU; None without one."""
    if spec.gpu.profile == "none":
        return None
    engine = spec.llm.transformers
    return Load(
        model=models.find(engine) if engine else None,
        precision=engine.precision if engine else "bf16",
        context_length=engine.context_length if engine else 0,
        sessions=spec.sessions.per_replica,
        profile=spec.gpu.profile,
        fraction=spec.gpu.memory_fraction,
    )


def face_load_of(face: ManagedFace | None) -> FaceLoad | None:
    """What a managed Audio2Face puts onto its GPU; None without one."""
    if face is None or face.gpu.profile == "none":
        return None
    return FaceLoad(face.streams, face.gpu.profile)
