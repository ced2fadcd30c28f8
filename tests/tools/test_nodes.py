"""Simulated nodes look like the clouds' machines."""

import pytest

from tests.support.nodes import COUNTS
from tools.cluster import ClusterError
from tools.cluster.nodes import POOLS, build_node, build_nodes


def labels(pool: str) -> dict[str, str]:
    found: dict[str, str] = build_node(POOLS[pool], 0)["metadata"]["labels"]
    return found


def taints(pool: str) -> set[str]:
    return {taint["key"] for taint in build_node(POOLS[pool], 0)["spec"]["taints"]}


@pytest.mark.parametrize(
    ("pool", "label", "value"),
    [
        ("gke-a100-40", "cloud.google.com/gke-accelerator", "nvidia-tesla-a100"),
        ("gke-a100-80", "cloud.google.com/gke-accelerator", "nvidia-a100-80gb"),
        ("gke-l4", "cloud.google.com/gke-accelerator", "nvidia-l4"),
        ("eks-a100-40", "karpenter.k8s.aws/instance-gpu-memory", "40960"),
        ("eks-a100-80", "karpenter.k8s.aws/instance-gpu-memory", "81920"),
        ("eks-a100-80", "karpenter.k8s.aws/instance-gpu-name", "a100"),
        ("eks-a100-80", "node.kubernetes.io/instance-type", "p4de.24xlarge"),
        ("aks-a100-80", "accelerator", "nvidia"),
        ("aks-a100-80", "kubernetes.azure.com/accelerator", "nvidia"),
        ("dgx-a100-80", "nvidia.com/gpu.product", "NVIDIA-A100-SXM4-80GB"),
        ("dgx-a100-80", "nvidia.com/gpu.family", "ampere"),
        ("dgx-a100-mig", "nvidia.com/mig.strategy", "mixed"),
    ],
)
def test_labels_are_those_of_the_cloud(pool: str, label: str, value: str) -> None:
    assert labels(pool)[label] == value


@pytest.mark.parametrize(
    ("pool", "keys"),
    [
        ("gke-a100-80", {"nvidia.com/gpu"}),
        ("aks-a100-80", {"sku"}),
        ("eks-a100-80", set()),
        ("cpu", set()),
    ],
)
def test_taints_are_those_of_the_cloud(pool: str, keys: set[str]) -> None:
    assert taints(pool) == keys


def test_a_mig_node_offers_slices_and_no_whole_gpu() -> None:
    allocatable = build_node(POOLS["dgx-a100-mig"], 0)["status"]["allocatable"]
    assert allocatable["nvidia.com/mig-1g.10gb"] == "28"
    assert allocatable["nvidia.com/gpu"] == "0"


def test_zones_alternate() -> None:
    zones = [
        build_node(POOLS["gke-a100-80"], index)["metadata"]["labels"]["topology.kubernetes.io/zone"]
        for index in range(3)
    ]
    assert zones == ["europe-west4-a", "europe-west4-b", "europe-west4-a"]


def test_every_node_is_marked_as_simulated() -> None:
    for node in build_nodes(COUNTS):
        assert node["metadata"]["annotations"] == {"kwok.x-k8s.io/node": "fake"}


def test_names_are_unique() -> None:
    names = [node["metadata"]["name"] for node in build_nodes(COUNTS)]
    assert len(names) == len(set(names)) == sum(COUNTS.values())


def test_an_unknown_pool_is_one_clear_sentence() -> None:
    with pytest.raises(ClusterError, match="'gke-h100' is no pool of nodes: choose from gke-a100"):
        build_nodes({"gke-h100": 1})
