"""
GPU profiles as data: what a GPU is, and by which node labels each platform knows it.

Memory is what a process can use according to the driver, not what the brochure says. Sources:
NVIDIA's MIG user guide (``nvidia-smi mig -lgip``), GPU feature discovery, the documentation of GKE
and Karpenter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from digital_human_operator.api.v1alpha1.body import GpuProfileName, Platform
from digital_human_operator.human import NodeChoice

GPU = "nvidia.com/gpu"


@dataclass(frozen=True)
class Profile:
    """One kind of GPU, or one slice of one."""

    memory_gib: float
    """Memory that a process can use."""
    compute_capability: tuple[int, int]
    nvenc: bool
    """Whether it can encode video."""
    resource: str = GPU
    family: str = ""
    """GPU feature discovery's nvidia.com/gpu.family."""
    memory_mib: tuple[int, int] = (0, 0)
    """Between which two values nvidia.com/gpu.memory lies, both excluded."""
    gke: str | None = None
    """GKE's accelerator."""
    gke_partition: str | None = None
    """GKE's size of a MIG partition."""
    karpenter: Mapping[str, str] = field(default_factory=dict)
    """Labels that Karpenter puts on AWS nodes."""

    @property
    def is_slice(self) -> bool:
        """Whether this is a part of a GPU (MIG)."""
        return self.resource != GPU

    @property
    def fp8(self) -> bool:
        """Whether it calculates with fp8 numbers: Ada and later."""
        return self.compute_capability >= (8, 9)


_A100_40 = {
    "compute_capability": (8, 0),
    "nvenc": False,
    "family": "ampere",
    "memory_mib": (38000, 42000),
    "gke": "nvidia-tesla-a100",
    "karpenter": {
        "karpenter.k8s.aws/instance-gpu-name": "a100",
        "karpenter.k8s.aws/instance-gpu-memory": "40960",
    },
}
_A100_80 = _A100_40 | {
    "memory_mib": (76000, 84000),
    "gke": "nvidia-a100-80gb",
    "karpenter": {
        "karpenter.k8s.aws/instance-gpu-name": "a100",
        "karpenter.k8s.aws/instance-gpu-memory": "81920",
    },
}


def _slice(gpu: Mapping[str, Any], size: str, memory_gib: float) -> Profile:
    """A MIG slice as the mixed strategy names it."""
    return Profile(
        memory_gib=memory_gib, resource=f"nvidia.com/mig-{size}", gke_partition=size, **gpu
    )


PROFILES: Mapping[GpuProfileName, Profile] = {
    "a100-40gb": Profile(memory_gib=40, **_A100_40),  # type: ignore[arg-type]
    "a100-80gb": Profile(memory_gib=80, **_A100_80),  # type: ignore[arg-type]
    "a100-mig-1g.5gb": _slice(_A100_40, "1g.5gb", 4.75),
    "a100-mig-2g.10gb": _slice(_A100_40, "2g.10gb", 9.75),
    "a100-mig-3g.20gb": _slice(_A100_40, "3g.20gb", 19.62),
    "a100-mig-1g.10gb": _slice(_A100_80, "1g.10gb", 9.5),
    "a100-mig-2g.20gb": _slice(_A100_80, "2g.20gb", 19.5),
    "a100-mig-3g.40gb": _slice(_A100_80, "3g.40gb", 39.25),
    "h100": Profile(
        memory_gib=80,
        compute_capability=(9, 0),
        nvenc=False,
        family="hopper",
        memory_mib=(76000, 84000),
        gke="nvidia-h100-80gb",
        karpenter={"karpenter.k8s.aws/instance-gpu-name": "h100"},
    ),
    "l4": Profile(
        memory_gib=22.4,
        compute_capability=(8, 9),
        nvenc=True,
        family="ada-lovelace",
        memory_mib=(22000, 24000),
        gke="nvidia-l4",
        karpenter={"karpenter.k8s.aws/instance-gpu-name": "l4"},
    ),
    "l40s": Profile(
        memory_gib=44.7,
        compute_capability=(8, 9),
        nvenc=True,
        family="ada-lovelace",
        memory_mib=(44000, 50000),
        karpenter={"karpenter.k8s.aws/instance-gpu-name": "l40s"},
    ),
    "rtx4090": Profile(
        memory_gib=23.9,
        compute_capability=(8, 9),
        nvenc=True,
        family="ada-lovelace",
        memory_mib=(24000, 25000),
    ),
}
"""Every profile but none."""

NO_GPU = NodeChoice(resource=None, count=0)

_TOLERATE_GPU = {"key": GPU, "operator": "Exists"}
_TOLERATE_SKU = {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}


def node_choice(profile: GpuProfileName, count: int, platform: Platform) -> NodeChoice:
    """What makes the scheduler pick a node that has ``count`` GPUs of this profile."""
    if profile == "none":
        return NO_GPU
    gpu = PROFILES[profile]
    tolerations: tuple[Mapping[str, Any], ...] = (_TOLERATE_GPU,)
    selector: Mapping[str, str] = {}
    expressions: tuple[Mapping[str, Any], ...] = ()
    # GKE makes every partition a whole nvidia.com/gpu and tells the sizes apart by a label.
    resource = GPU if platform == "gke" else gpu.resource
    if platform == "gke":
        selector = _gke(gpu)
    elif platform == "eks":
        selector = gpu.karpenter
    elif platform == "aks":
        selector = {"accelerator": "nvidia"}
        tolerations = (_TOLERATE_GPU, _TOLERATE_SKU)
    elif platform == "gpu-operator":
        expressions = _discovered(gpu)
    return NodeChoice(resource, count, selector, expressions, tolerations)


def tells_apart(profile: GpuProfileName, platform: Platform) -> bool:
    """
    Whether the labels of a platform's nodes say that they have this GPU and no other.

    With ``any`` nobody expects it: placement says which nodes are meant.
    """
    if profile == "none" or platform in {"any", "gpu-operator"}:
        return True
    gpu = PROFILES[profile]
    known = {"gke": gpu.gke is not None, "eks": bool(gpu.karpenter), "aks": gpu.is_slice}
    return known[platform]


def _gke(gpu: Profile) -> dict[str, str]:
    labels = {"cloud.google.com/gke-accelerator": gpu.gke} if gpu.gke else {}
    if gpu.gke_partition:
        labels["cloud.google.com/gke-gpu-partition-size"] = gpu.gke_partition
    return labels


def _discovered(gpu: Profile) -> tuple[Mapping[str, Any], ...]:
    """
    Family and memory instead of product names, which differ by board, driver and sharing.

    With slices the memory label is not reliable, and the resource name says the size anyway.
    """
    family = {"key": "nvidia.com/gpu.family", "operator": "In", "values": [gpu.family]}
    if gpu.is_slice:
        return (family,)
    above, below = gpu.memory_mib
    return (
        family,
        {"key": "nvidia.com/gpu.memory", "operator": "Gt", "values": [str(above)]},
        {"key": "nvidia.com/gpu.memory", "operator": "Lt", "values": [str(below)]},
    )
