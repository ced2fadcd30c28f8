"""The node lane: bring a control plane and a real node up, and take what they left down."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tools.binaries import binaries
from tools.cache import cache_root, file_lock
from tools.cluster import kwok
from tools.cluster.errors import ClusterError
from tools.cluster.kubectl import Kubectl
from tools.cluster.node import (
    apis,
    cgroups,
    components,
    configs,
    images,
    namespaces,
    network,
    preflight,
)
from tools.cluster.node.components import Machine
from tools.cluster.node.place import API_PORT, NODE, Place, cgroup_of
from tools.cluster.node.registry import Pushed
from tools.cluster.options import Options
from tools.cluster.processes import find

COMPONENTS: tuple[str, ...] = (*kwok.COMPONENTS, *components.COMPONENTS)
RECORD = "node.json"
SERVE_SECONDS = 60.0
_LINKED = (
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "ptp",
    "loopback",
    "host-local",
    "portmap",
    "kubelet",
    "kube-proxy",
    "coredns",
    "metrics-server",
    "custom-metrics",
    "node-gpus",
)


def create(name: str, directory: Path, options: Options) -> None:
    """Create and start the cluster; raises ClusterError when the machine or a program will not.

    What a failed start leaves is the caller's to stop and `destroy`'s to remove.
    """
    programs = binaries("node")
    with _stage("namespaces"):
        new = _new_machine(directory, programs)
    place = new.place
    with _stage("container runtime"):
        components.write_configs(place, str(shutil.which("runc")))
        components.start_runtime(new)
    with _stage("control plane"):
        kwok.create(name, directory, options, _control_plane(new))
        _point_to_node(place)
    with _stage("node"):
        components.start_node(new)
        new.wait("containerd", lambda: components.runtime_serves(new), SERVE_SECONDS)
        images.load_pause(place, new.entered, programs[components.FIRST])
    with _stage("services"):
        _wait_until_all_serve(new)


def push_images(directory: Path, names: list[str]) -> list[Pushed]:
    """Send images that were built here to the cluster's registry; no names: all there are.

    What the registry has already is not sent again.
    """
    return images.push_built(machine(directory).place, names)


def check(directory: Path) -> None:
    """Raise ClusterError when this machine cannot run the lane."""
    preflight.check(directory)


def check_rights(name: str) -> None:
    """Raise ClusterError for a user who may not signal the node's processes."""
    if os.geteuid() != 0:
        raise ClusterError(f"The cluster {name!r} is root's: take it down as root.")


def destroy(directory: Path) -> None:
    """Remove what the node's processes, which have ended, left on the machine."""
    place = recorded(directory)
    cgroups.remove(cgroup_of(directory))
    if place:
        network.disconnect(place)


def recorded(directory: Path) -> Place | None:
    """Return where the node of a cluster is; None when it has none."""
    try:
        return Place(directory, json.loads((directory / RECORD).read_text())["slot"])
    except (OSError, ValueError, KeyError):
        return None


def machine(directory: Path) -> Machine:
    """Return the running node of a cluster; raises ClusterError when there is none."""
    place = recorded(directory)
    first = [one for one in find(directory) if one.name == components.FIRST]
    if not place or not first:
        raise ClusterError(f"No node runs in {directory}: run `make cluster CLUSTER=node`.")
    return Machine(place, first[0].pid)


def _new_machine(directory: Path, programs: dict[str, Path]) -> Machine:
    """Make the namespaces and link them to this machine, under a slot that is free."""
    with file_lock(cache_root() / "node.lock"):
        place = network.free_slot(Place(directory, 0), network.routes())
        (directory / RECORD).write_text(json.dumps({"slot": place.slot}) + "\n")
        linked = {name: programs[name] for name in _LINKED}
        linked["docker-registry"] = Path(str(shutil.which("docker-registry")))
        linked["volume-opener"] = programs[components.FIRST]
        components.link_programs(place, linked)
        place.logs.mkdir()
        first = namespaces.create(place, programs[components.FIRST])
        network.connect(place, first.pid, namespaces.enter(first.pid))
    cgroups.remove(place.cgroup)  # of a cluster whose folder was removed under it
    cgroups.create(place.cgroup)
    return Machine(place, first.pid)


def _control_plane(machine: Machine) -> kwok.Home:
    """The control plane runs in the node's namespaces, so that it reaches Pods and Services."""
    place = machine.place
    return kwok.Home(
        enter=tuple(machine.entered), services=place.services, config=configs.kwokctl(place)
    )


def _point_to_node(place: Place) -> None:
    """Let the kubeconfig name the node's address: kwokctl knows of its own loopback only."""
    inside = f"https://127.0.0.1:{API_PORT}"
    text = place.kubeconfig.read_text()
    if inside not in text:
        raise ClusterError(f"{place.kubeconfig} does not name {inside}.")
    place.kubeconfig.write_text(text.replace(inside, f"https://{place.address}:{API_PORT}"))


def _wait_until_all_serve(machine: Machine) -> None:
    """Wait for each component, and for the node to be Ready."""
    place = machine.place
    kubectl = Kubectl(place.kubeconfig)
    kubectl.apply(*apis.objects(place))

    def node_is_ready() -> bool:
        wait = ("wait", "--for=condition=Ready", f"node/{NODE}", "--timeout=1s")
        return kubectl.run(*wait).returncode == 0

    def gpus_are_there() -> bool:
        path = "jsonpath={.status.allocatable.nvidia\\.com/gpu}"
        return kubectl("get", "node", NODE, "-o", path) == str(components.GPUS)

    def is_served(api: apis.Api) -> bool:
        path = f"/apis/{api.group}/{api.versions[0]}"
        return kubectl.run("get", "--raw", path).returncode == 0

    waits: dict[str, Callable[[], bool]] = {
        "docker-registry": lambda: components.registry_serves(place),
        "coredns": lambda: components.dns_serves(place),
        "kube-proxy": lambda: components.proxy_serves(place),
        "kubelet": node_is_ready,
        "node-gpus": gpus_are_there,
        **{api.server: partial(is_served, api) for api in apis.APIS},
    }
    for name, serves in waits.items():
        machine.wait(name, serves, SERVE_SECONDS)


@contextmanager
def _stage(name: str) -> Iterator[None]:
    """Say how long a part of the start took."""
    start = time.monotonic()
    yield
    print(f"{name:<20} {time.monotonic() - start:5.1f} s", file=sys.stderr, flush=True)
