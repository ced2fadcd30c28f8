"""The programs of a node: how each is started and how one knows that it serves."""

import http.client
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.errors import ClusterError, tail
from tools.cluster.node import configs, identity, namespaces
from tools.cluster.node.place import (
    CONTAINERD,
    CUSTOM_METRICS_PORT,
    DNS_READY_PORT,
    METRICS_PORT,
    NODE,
    PROXY_HEALTH_PORT,
    REGISTRY_PORT,
    Place,
)
from tools.cluster.nodes import POOLS
from tools.cluster.processes import find
from tools.cluster.volumes import BASE

FIRST = "node-init"
COMPONENTS = (
    FIRST,
    "containerd",
    "docker-registry",
    "volume-opener",
    "kubelet",
    "kube-proxy",
    "coredns",
    "metrics-server",
    "custom-metrics",
    "node-gpus",
)
GPUS = 2
IDENTITIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "kubelet": (f"system:node:{NODE}", ("system:nodes",)),
    "kube-proxy": ("system:kube-proxy", ()),
}
"""Names that Kubernetes has rights for; the other programs act as the administrator."""
POLL_SECONDS = 0.1
ABSENT_SECONDS = 3.0
"""A program that has just been started needs a moment to be seen."""


@dataclass(frozen=True)
class Machine:
    """A node's namespaces, and what is needed to start programs in them."""

    place: Place
    first: int
    """Process id of the node's first process."""

    @property
    def entered(self) -> list[str]:
        """The command that runs another one in the node."""
        return namespaces.enter(self.first)

    def start(self, name: str, *arguments: str) -> None:
        """Start a component; its output is in a log of its name."""
        command = [str(self.place.programs / name), *arguments]
        namespaces.spawn(self.entered, command, self.place.logs / f"{name}.log")

    def wait(self, name: str, serves: Callable[[], bool], seconds: float) -> None:
        """Wait until a component serves; raises ClusterError with the end of its log."""
        begin = seen = time.monotonic()
        while not serves():
            now = time.monotonic()
            if name in {process.name for process in find(self.place.directory)}:
                seen = now
            if now - seen > ABSENT_SECONDS:
                self._fail(f"{name} ended")
            if now - begin > seconds:
                self._fail(f"{name} does not serve after {seconds:.0f} s")
            time.sleep(POLL_SECONDS)

    def _fail(self, what: str) -> None:
        """Raise ClusterError: what happened, and the component's last words."""
        log = self.place.logs / f"{what.split(maxsplit=1)[0]}.log"
        raise ClusterError(f"The node did not start: {what}.\n{tail(log)}")


def write_configs(place: Place, runc: str) -> None:
    """Write what the programs read."""
    files = {
        "containerd.toml": configs.containerd(place, runc),
        "registries/_default/hosts.toml": configs.mirrors(place),
        "cni/10-node.conflist": configs.cni(place),
        "kubelet.yaml": configs.kubelet(place),
        "kube-proxy.yaml": configs.kube_proxy(place),
        "Corefile": configs.coredns(place),
        "registry.yaml": configs.registry(place),
        "resolv.conf": f"nameserver {place.address}\n",
    }
    for name, content in files.items():
        file = place.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def start_runtime(machine: Machine) -> None:
    """Start what needs no API server."""
    machine.start("containerd", "--config", str(machine.place.folder / "containerd.toml"))
    machine.start("docker-registry", "serve", str(machine.place.folder / "registry.yaml"))
    machine.start("volume-opener", "open", str(BASE))


def start_node(machine: Machine) -> None:
    """Start what works for the API server, all at once."""
    place = machine.place
    for name, (user, groups) in IDENTITIES.items():
        own = place.kubeconfig_of(name)
        identity.write_kubeconfig(place.kubeconfig, place.pki, user, groups, own)
    machine.start(
        "kubelet",
        f"--config={place.folder}/kubelet.yaml",
        f"--kubeconfig={place.kubeconfig_of('kubelet')}",
        f"--hostname-override={NODE}",
        f"--node-ip={place.address}",
        "--cert-dir=/var/lib/kubelet/pki",
        f"--node-labels={','.join(f'{key}={value}' for key, value in labels().items())}",
    )
    machine.start("node-gpus", str(GPUS))
    proxy = f"--config={place.folder}/kube-proxy.yaml"
    machine.start("kube-proxy", proxy, f"--hostname-override={NODE}")
    machine.start("coredns", "-conf", str(place.folder / "Corefile"))
    _start_metrics(machine)


def _start_metrics(machine: Machine) -> None:
    """Start the servers of the metrics APIs, of processors and memory and of Pods' own pages."""
    address, admin = machine.place.address, machine.place.kubeconfig
    for name, port, *more in (
        (
            "metrics-server",
            METRICS_PORT,
            f"--kubeconfig={admin}",
            "--kubelet-insecure-tls",
            "--kubelet-preferred-address-types=InternalIP",
            "--kubelet-use-node-status-port",
            "--kubelet-request-timeout=5s",
            "--metric-resolution=10s",
        ),
        (
            "custom-metrics",
            CUSTOM_METRICS_PORT,
            f"--lister-kubeconfig={admin}",
            "--client-qps=50",
        ),
    ):
        machine.start(
            name,
            f"--authentication-kubeconfig={admin}",
            f"--authorization-kubeconfig={admin}",
            f"--bind-address={address}",
            f"--secure-port={port}",
            f"--cert-dir=/run/{name}",
            *more,
        )


def labels() -> dict[str, str]:
    """What the GPU operator's feature discovery says of a machine with A100."""
    return {**POOLS["dgx-a100-80"].labels, "nvidia.com/gpu.count": str(GPUS)}


def runtime_serves(machine: Machine) -> bool:
    """Whether containerd answers."""
    ctr = [str(machine.place.programs / "ctr"), "--address", CONTAINERD, "version"]
    command = [*machine.entered, *ctr]
    result = subprocess.run(command, capture_output=True, check=False, timeout=30)
    return result.returncode == 0


def registry_serves(place: Place) -> bool:
    """Whether the registry answers."""
    return answers(place.address, REGISTRY_PORT, "/v2/")


def dns_serves(place: Place) -> bool:
    """Whether CoreDNS knows the cluster's Services."""
    return answers(place.address, DNS_READY_PORT, "/ready")


def proxy_serves(place: Place) -> bool:
    """Whether kube-proxy has written its rules."""
    return answers(place.address, PROXY_HEALTH_PORT, "/healthz")


def answers(host: str, port: int, path: str) -> bool:
    """Whether an HTTP server answers with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def link_programs(place: Place, programs: dict[str, Path]) -> None:
    """Link the programs into the node's folder, by which its processes are known."""
    place.programs.mkdir(parents=True, exist_ok=True)
    for name, path in programs.items():
        (place.programs / name).symlink_to(path)
