"""The link between this machine and a node, and the free slot that names and numbers it."""

import json
import subprocess
from ipaddress import IPv4Network
from pathlib import Path

from tools.cluster.errors import ClusterError
from tools.cluster.node.place import SLOTS, Place

_WIDE = 12
"""Routes wider than this are a private network or the way out; ours is narrower and wins."""


def routes() -> list[IPv4Network]:
    """Return the destinations of this machine's routes."""
    return parse_routes(_ip("-json", "-4", "route", "show"))


def parse_routes(text: str) -> list[IPv4Network]:
    """Return the destinations in what `ip -json route` says."""
    found = (str(route.get("dst", "default")) for route in json.loads(text or "[]"))
    return [IPv4Network(one, strict=False) for one in found if one[:1].isdigit()]


def taken(network: IPv4Network, found: list[IPv4Network]) -> bool:
    """Say whether a route already leads into the network."""
    return any(route.prefixlen >= _WIDE and route.overlaps(network) for route in found)


def free_slot(place: Place, found: list[IPv4Network]) -> Place:
    """Return the place with the first slot whose addresses nobody uses."""
    for slot in SLOTS:
        candidate = Place(place.directory, slot)
        if not taken(candidate.network, found):
            return candidate
    first, last = (Place(place.directory, slot).network for slot in (SLOTS[0], SLOTS[-1]))
    raise ClusterError(
        f"CLUSTER=node needs one free network of {first} to {last} and all have routes: take other"
        " clusters down (make cluster-down CLUSTER_NAME=...) or remove such a route."
    )


def connect(place: Place, pid: int, enter: list[str]) -> None:
    """Link this machine and the node whose first process is `pid`; the link ends with the node."""
    peer = ["type", "veth", "peer", "name", "eth0", "netns", str(pid)]
    _ip("link", "add", place.link, *peer)
    _ip("address", "add", f"{place.machine_address}/24", "dev", place.link)
    _ip("link", "set", place.link, "alias", place.cgroup, "up")
    _ip("link", "set", "lo", "up", enter=enter)
    _ip("address", "add", f"{place.address}/24", "dev", "eth0", enter=enter)
    _ip("link", "set", "eth0", "up", enter=enter)
    _ip("route", "add", "default", "via", place.machine_address, enter=enter)
    _ip("route", "add", str(place.network), "via", place.address, "dev", place.link)


def disconnect(place: Place) -> None:
    """Remove the link of a node whose processes have ended.

    The kernel does it too, but only when the last connection has timed out. Another cluster may
    have taken the slot since then: its link has another alias.
    """
    alias = Path("/sys/class/net") / place.link / "ifalias"
    try:
        if alias.read_text().strip() == place.cgroup:
            _ip("link", "delete", place.link)
    except (OSError, ClusterError):
        if alias.exists():
            raise


def _ip(*arguments: str, enter: list[str] | None = None) -> str:
    """Run ip(8), in the node when `enter` leads there; raises ClusterError with its message."""
    command = [*(enter or []), "ip", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if result.returncode:
        raise ClusterError(f"`ip {' '.join(arguments)}` failed: {result.stderr.strip()}")
    return result.stdout
