"""The simulated nodes that every cluster test can count on."""

from tools.cluster.nodes import POOLS

COUNTS = dict.fromkeys(POOLS, 3) | {"gke-a100-40": 4, "gke-a100-80": 6, "aks-a100-80": 6}
"""Enough for two tests at once; more where a node has only one GPU."""
