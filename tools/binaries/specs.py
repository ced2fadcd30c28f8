"""Which binaries exist, from which module folder each is built and with which flags."""

from dataclasses import dataclass

KUBERNETES_VERSION = "v1.36.3"


def _kubernetes_ldflags() -> str:
    """Stamp the version: unstamped binaries report v0.0.0 and mislead every version check."""
    _, minor, _ = KUBERNETES_VERSION.split(".")
    stamps = {
        "gitVersion": KUBERNETES_VERSION,
        "gitMajor": "1",
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    flags = [f"-X {package}.{key}={value}" for package in packages for key, value in stamps.items()]
    return " ".join(["-s -w", *flags])


@dataclass(frozen=True)
class Tool:
    """One build: a folder with a wrapper go.mod and the commands made from it."""

    name: str
    module: str
    """Folder below tools/ that holds go.mod and go.sum."""
    commands: tuple[tuple[str, str], ...]
    """Pairs of binary name and Go package."""
    tags: str = ""
    ldflags: str = "-s -w"


def _kubernetes(name: str, *commands: str) -> Tool:
    """Return a build of some of Kubernetes' commands."""
    return Tool(
        name=name,
        module="kubernetes",
        commands=tuple((command, f"k8s.io/kubernetes/cmd/{command}") for command in commands),
        tags="selinux,notest,grpcnotrace",
        ldflags=_kubernetes_ldflags(),
    )


_ALL = (
    _kubernetes("kubernetes", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    _kubernetes("kubectl", "kubectl"),
    Tool("etcd", "etcd", (("etcd", "go.etcd.io/etcd/server/v3"),)),
    Tool(
        "kwok",
        "kwok",
        (("kwok", "sigs.k8s.io/kwok/cmd/kwok"), ("kwokctl", "sigs.k8s.io/kwok/cmd/kwokctl")),
    ),
    _kubernetes("kubelet", "kubelet", "kube-proxy"),
    Tool(
        "containerd",
        "containerd",
        tuple(
            (command, f"github.com/containerd/containerd/v2/cmd/{command}")
            for command in ("containerd", "containerd-shim-runc-v2", "ctr")
        ),
        tags="no_btrfs,no_devmapper,no_zfs",
    ),
    Tool(
        "cni",
        "cni",
        tuple(
            (path.rpartition("/")[2], f"github.com/containernetworking/plugins/plugins/{path}")
            for path in ("main/ptp", "main/loopback", "ipam/host-local", "meta/portmap")
        ),
    ),
    Tool("coredns", "coredns", (("coredns", "github.com/coredns/coredns"),)),
    Tool(
        "metrics-server",
        "metrics-server",
        (("metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server"),),
    ),
    Tool(
        "node-init",
        "cluster/node/init",
        (("node-init", "digitalhuman.invalid/tools/cluster/node/init"),),
    ),
    Tool(
        "node-gpus",
        "cluster/node/gpus",
        (("node-gpus", "digitalhuman.invalid/tools/cluster/node/gpus"),),
    ),
    Tool(
        "custom-metrics",
        "cluster/node/custommetrics",
        (("custom-metrics", "digitalhuman.invalid/tools/cluster/node/custommetrics"),),
    ),
    Tool(
        "node-probe",
        "cluster/node/probe",
        (("node-probe", "digitalhuman.invalid/tools/cluster/node/probe"),),
    ),
    Tool("policies", "policies", (("policy-flows", "digitalhuman.invalid/tools/policies"),)),
    Tool("helm3", "helm3", (("helm3", "helm.sh/helm/v3/cmd/helm"),)),
    Tool("helm4", "helm4", (("helm4", "helm.sh/helm/v4/cmd/helm"),)),
    Tool("kind", "kind", (("kind", "sigs.k8s.io/kind"),)),
    Tool(
        "versitygw",
        "versitygw",
        (("versitygw", "github.com/versity/versitygw/cmd/versitygw"),),
    ),
    Tool("rclone", "rclone", (("rclone", "digitalhuman.invalid/tools/rclone"),)),
)

TOOLS = {tool.name: tool for tool in _ALL}
"""Every build by name."""

_CONTROL_PLANE = ("etcd", "kubernetes", "kubectl", "kwok")

LANES = {
    "kwok": _CONTROL_PLANE,
    "node": (
        *_CONTROL_PLANE,
        "kubelet",
        "containerd",
        "cni",
        "coredns",
        "metrics-server",
        "node-init",
        "node-gpus",
        "custom-metrics",
    ),
    "kind": ("kind", "kubectl"),
}
"""The builds that each kind of cluster needs, and nothing more."""
