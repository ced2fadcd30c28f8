"""A real Kubernetes control plane on this machine: create it, add nodes to it, remove all of it."""

from tools.cluster.cluster import Cluster, Status, check, reap
from tools.cluster.errors import ClusterError
from tools.cluster.options import Options
from tools.cluster.tokens import service_account_kubeconfig

__all__ = [
    "Cluster",
    "ClusterError",
    "Options",
    "Status",
    "check",
    "reap",
    "service_account_kubeconfig",
]
