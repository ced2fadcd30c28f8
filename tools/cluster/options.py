"""What can be chosen about a cluster when it is created."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Settings of the control plane. All of them are fixed once the cluster runs."""

    audit: bool = True
    """Write every request to the audit log (metadata only: who, what, when, answer)."""
    qps_limits: bool = True
    """Keep the client-side rate limits of the controllers, as a normal cluster has them."""
    hpa_sync_period: str = "2s"
    """How often the autoscaler looks; the default of Kubernetes is 15s."""
    durable: bool = False
    """Let etcd flush to disk; off, a write is several times faster and a power cut loses it."""
    extra_args: tuple[str, ...] = ()
    """More flags as `component=flag=value`, for example `kube-apiserver=v=4`."""
    config_files: tuple[str, ...] = ()
    """More configuration of the kwok lane: files with Stage objects, absolute paths."""
    start_seconds: float = 120.0
    """Deadline of the start, building not included."""
