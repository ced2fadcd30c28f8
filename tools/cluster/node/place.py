"""Where a node's things lie and which addresses it has; nothing here touches the machine."""

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

NODE = "node-0"
DOMAIN = "cluster.local"
API_PORT = 6443
REGISTRY_PORT = 5000
METRICS_PORT = 4443
CUSTOM_METRICS_PORT = 4444
DNS_READY_PORT = 8181
PROXY_HEALTH_PORT = 10256
CONTAINERD = "/run/containerd/containerd.sock"
SLOTS = range(50)
_FIRST = 200


@dataclass(frozen=True)
class Place:
    """A node's folder and its slot: the number that its link and its addresses are made from."""

    directory: Path
    """The cluster's folder."""
    slot: int

    @property
    def folder(self) -> Path:
        """Everything of the node that is not the control plane's."""
        return self.directory / "node"

    @property
    def programs(self) -> Path:
        """Links to the programs; a process is known as the cluster's by this folder."""
        return self.folder / "bin"

    @property
    def logs(self) -> Path:
        """One log for each component of the node."""
        return self.folder / "logs"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.directory / "kubeconfig"

    @property
    def pki(self) -> Path:
        """Keys and certificates of the cluster, as kwokctl made them."""
        return self.directory / "clusters" / self.directory.name / "pki"

    def kubeconfig_of(self, program: str) -> Path:
        """The kubeconfig of one of the node's programs."""
        return self.folder / f"{program}.kubeconfig"

    @property
    def network(self) -> IPv4Network:
        """All addresses of the cluster."""
        return IPv4Network(f"10.{_FIRST + self.slot}.0.0/16")

    @property
    def link(self) -> str:
        """Name of the machine's end of the link to the node."""
        return f"dhnode{self.slot}"

    @property
    def machine_address(self) -> str:
        """Where Pods reach this machine."""
        return str(self.network[1])

    @property
    def address(self) -> str:
        """The node's own address: API server, registry and NodePorts are here."""
        return str(self.network[2])

    @property
    def pods(self) -> str:
        """Addresses of Pods."""
        return f"10.{_FIRST + self.slot}.16.0/20"

    @property
    def services(self) -> str:
        """Addresses of Services."""
        return f"10.{_FIRST + self.slot}.128.0/17"

    @property
    def api_service(self) -> str:
        """The address of the Service `kubernetes`."""
        return str(IPv4Network(self.services)[1])

    @property
    def registry(self) -> str:
        """Host and port of the registry."""
        return f"{self.address}:{REGISTRY_PORT}"

    @property
    def cgroup(self) -> str:
        """The node's own group, below which kubelet puts all Pods."""
        return cgroup_of(self.directory)


def cgroup_of(directory: Path) -> str:
    """The group of the cluster in a folder: two checkouts may have clusters of one name."""
    digest = hashlib.sha256(str(directory).encode()).hexdigest()[:8]
    return f"/digital-human/{directory.name}-{digest}"
