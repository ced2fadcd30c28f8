"""Simulated nodes that carry the labels, taints and resources of the clouds' GPU machines.

Building the manifests is pure; `add_nodes` sends them. Sizes are those of the named machine
types; allocatable leaves out what the cloud's own daemons keep.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.cluster.errors import ClusterError
from tools.cluster.kubectl import Kubectl

FAKE = {"kwok.x-k8s.io/node": "fake"}
GPU_TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
READY_TIMEOUT = "60s"
_RESERVED_CPU = 0.08
_RESERVED_MEMORY_GIB = 4


@dataclass(frozen=True)
class Pool:
    """Machines of one kind in one cloud."""

    name: str
    machine: str
    cpu: int
    memory_gib: int
    region: str
    zones: tuple[str, ...]
    resources: Mapping[str, int] = field(default_factory=dict)
    """Extended resources of one node: `nvidia.com/gpu` or MIG slices."""
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Mapping[str, str], ...] = ()


def _gke(name: str, machine: str, accelerator: str, *, cpu: int, memory_gib: int) -> Pool:
    """Return a GKE pool with one GPU a node; GKE taints its GPU nodes itself."""
    labels = {
        "cloud.google.com/gke-accelerator": accelerator,
        "cloud.google.com/gke-accelerator-count": "1",
        "cloud.google.com/gke-gpu": "true",
        "cloud.google.com/gke-nodepool": name,
    }
    return Pool(
        name=name,
        machine=machine,
        cpu=cpu,
        memory_gib=memory_gib,
        region="europe-west4",
        zones=("europe-west4-a", "europe-west4-b"),
        resources={"nvidia.com/gpu": 1},
        labels=labels,
        taints=(GPU_TAINT,),
    )


def _eks(name: str, machine: str, gpu_memory_mib: int) -> Pool:
    """Return an EKS pool as Karpenter labels it: eight A100, no taint unless one configures it."""
    labels = {
        "karpenter.k8s.aws/instance-category": "p",
        "karpenter.k8s.aws/instance-family": machine.split(".", maxsplit=1)[0],
        "karpenter.k8s.aws/instance-gpu-count": "8",
        "karpenter.k8s.aws/instance-gpu-manufacturer": "nvidia",
        "karpenter.k8s.aws/instance-gpu-memory": str(gpu_memory_mib),
        "karpenter.k8s.aws/instance-gpu-name": "a100",
        "karpenter.sh/capacity-type": "on-demand",
        "karpenter.sh/nodepool": name,
    }
    return Pool(
        name=name,
        machine=machine,
        cpu=96,
        memory_gib=1152,
        region="us-east-1",
        zones=("us-east-1a", "us-east-1b"),
        resources={"nvidia.com/gpu": 8},
        labels=labels,
    )


def _aks() -> Pool:
    """Return an AKS pool with the taint that its GPU documentation sets."""
    labels = {
        "accelerator": "nvidia",
        "agentpool": "aksa100",
        "kubernetes.azure.com/accelerator": "nvidia",
        "kubernetes.azure.com/agentpool": "aksa100",
        "kubernetes.azure.com/scalesetpriority": "regular",
    }
    return Pool(
        name="aks-a100-80",
        machine="Standard_NC24ads_A100_v4",
        cpu=24,
        memory_gib=220,
        region="westeurope",
        zones=("westeurope-1", "westeurope-2"),
        resources={"nvidia.com/gpu": 1},
        labels=labels,
        taints=({"key": "sku", "value": "gpu", "effect": "NoSchedule"},),
    )


def _discovered(
    name: str, product: str, memory_mib: int, resources: Mapping[str, int], mig: str = "none"
) -> Pool:
    """Return machines on premises, labelled by the GPU operator's feature discovery."""
    labels = {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": product,
        "nvidia.com/gpu.memory": str(memory_mib),
        "nvidia.com/gpu.family": "ampere",
        "nvidia.com/gpu.count": "8",
        "nvidia.com/gpu.replicas": "1",
        "nvidia.com/gpu.sharing-strategy": "none",
        "nvidia.com/mig.capable": "true",
        "nvidia.com/mig.strategy": "single" if mig == "none" else mig,
    }
    return Pool(
        name=name,
        machine="DGXA100",
        cpu=256,
        memory_gib=2015,
        region="datacenter",
        zones=("rack-1", "rack-2"),
        resources=resources,
        labels=labels,
        taints=(GPU_TAINT,),
    )


_ALL = (
    _gke("gke-a100-40", "a2-highgpu-1g", "nvidia-tesla-a100", cpu=12, memory_gib=85),
    _gke("gke-a100-80", "a2-ultragpu-1g", "nvidia-a100-80gb", cpu=12, memory_gib=170),
    _gke("gke-l4", "g2-standard-12", "nvidia-l4", cpu=12, memory_gib=48),
    _eks("eks-a100-40", "p4d.24xlarge", gpu_memory_mib=40960),
    _eks("eks-a100-80", "p4de.24xlarge", gpu_memory_mib=81920),
    _aks(),
    _discovered("dgx-a100-80", "NVIDIA-A100-SXM4-80GB", 81920, {"nvidia.com/gpu": 8}),
    _discovered(
        "dgx-a100-mig",
        "NVIDIA-A100-SXM4-80GB",
        81920,
        {"nvidia.com/mig-1g.10gb": 28, "nvidia.com/mig-3g.40gb": 8, "nvidia.com/gpu": 0},
        mig="mixed",
    ),
    Pool("cpu", "n2-standard-16", 16, 64, "europe-west4", ("europe-west4-a", "europe-west4-b")),
)

POOLS = {pool.name: pool for pool in _ALL}
"""Every pool by name."""


def build_node(pool: Pool, index: int) -> dict[str, Any]:
    """Return the manifest of the pool's node number `index`; zones alternate."""
    name = f"{pool.name}-{index}"
    zone = pool.zones[index % len(pool.zones)]
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": pool.machine,
        "topology.kubernetes.io/region": pool.region,
        "topology.kubernetes.io/zone": zone,
        "type": "kwok",
        **pool.labels,
    }
    capacity, allocatable = _resources(pool)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": FAKE},
        "spec": {"taints": [dict(taint) for taint in pool.taints]},
        "status": {"capacity": capacity, "allocatable": allocatable},
    }


def build_nodes(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the manifests for `counts`, nodes by pool name; an unknown pool is an error."""
    unknown = [name for name in counts if name not in POOLS]
    if unknown:
        raise ClusterError(f"{unknown[0]!r} is no pool of nodes: choose from {', '.join(POOLS)}.")
    return [
        build_node(POOLS[name], index) for name, count in counts.items() for index in range(count)
    ]


def add_nodes(kubeconfig: Path, counts: Mapping[str, int]) -> list[str]:
    """Create the nodes that are missing, wait until all are Ready and return all their names."""
    kubectl = Kubectl(kubeconfig, timeout_seconds=120)
    nodes = build_nodes(counts)
    present = {item["metadata"]["name"] for item in kubectl.json("get", "nodes")["items"]}
    missing = [node for node in nodes if node["metadata"]["name"] not in present]
    if missing:
        # Created, not applied: an apply would drop the status and with it the GPUs.
        document = {"apiVersion": "v1", "kind": "List", "items": missing}
        kubectl("create", "-f", "-", stdin=json.dumps(document))
    names = [node["metadata"]["name"] for node in nodes]
    if names:
        wait = ["wait", "--for=condition=Ready", f"--timeout={READY_TIMEOUT}"]
        kubectl(*wait, *(f"node/{name}" for name in names))
    return names


def _resources(pool: Pool) -> tuple[dict[str, str], dict[str, str]]:
    """Return capacity and allocatable of one node."""
    extended = {name: str(count) for name, count in pool.resources.items()}
    pods = {"pods": "110", "ephemeral-storage": "500Gi", "hugepages-2Mi": "0"}
    capacity = {"cpu": str(pool.cpu), "memory": f"{pool.memory_gib}Gi", **pods, **extended}
    allocatable = {
        **capacity,
        "cpu": f"{round(pool.cpu * 1000 * (1 - _RESERVED_CPU))}m",
        "memory": f"{pool.memory_gib - _RESERVED_MEMORY_GIB}Gi",
    }
    return capacity, allocatable
