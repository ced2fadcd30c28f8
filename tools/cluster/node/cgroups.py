"""The group of a node below which kubelet puts its Pods: in version 1 one in each hierarchy."""

import os
import signal
import time
from pathlib import Path

from tools.cluster.errors import ClusterError

REQUIRED = frozenset({"cpu", "memory", "pids"})
REMOVE_SECONDS = 15.0
_CPUSET = ("cpuset.cpus", "cpuset.mems")


def mounts(mountinfo: Path = Path("/proc/self/mountinfo")) -> dict[Path, str]:
    """Return the mounted hierarchies: mount point -> `cgroup` or `cgroup2`."""
    found = {}
    for line in mountinfo.read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind = right.split()[0]
        if kind in {"cgroup", "cgroup2"}:
            found[Path(left.split()[4])] = kind
    return found


def missing(hierarchies: dict[Path, str], group: str = "") -> set[str]:
    """Return the controllers that kubelet needs and no hierarchy has, or a group in none."""
    present: set[str] = set()
    for path, kind in hierarchies.items():
        folder = path / group.strip("/")
        if kind == "cgroup2" and (folder / "cgroup.controllers").exists():
            present.update((folder / "cgroup.controllers").read_text().split())
        elif kind == "cgroup" and folder.exists():
            present.update(path.name.split(","))
    return set(REQUIRED - present)


def create(group: str) -> None:
    """Create the group in every hierarchy, with all controllers handed down to it.

    Raises ClusterError where one is not: version 2 hands nothing down from a group with processes
    in it, as the first one of a container has.
    """
    for path, kind in mounts().items():
        folder = path
        for part in group.strip("/").split("/"):
            if kind == "cgroup2":
                _hand_down(folder)
            folder /= part
            folder.mkdir(exist_ok=True)
            if kind == "cgroup":
                _inherit_cpuset(folder)
    if lacks := missing(mounts(), group):
        raise ClusterError(
            f"CLUSTER=node needs control groups that are not handed down to {group}:"
            f" {', '.join(sorted(lacks))}. Run it on the machine itself, or use CLUSTER=kwok."
        )


def _hand_down(folder: Path) -> None:
    """Let the groups below have every controller that this one has."""
    for controller in (folder / "cgroup.controllers").read_text().split():
        try:
            (folder / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError:  # one that cannot be shared here
            continue


def _inherit_cpuset(folder: Path) -> None:
    """Give a new group the processors of the one above: version 1 starts with none."""
    for name in _CPUSET:
        file = folder / name
        if file.exists() and not file.read_text().strip():
            file.write_text((folder.parent / name).read_text())


def remove(group: str) -> None:
    """End what still runs in the group and remove it everywhere; raises ClusterError if it stays.

    The group is one cluster's own: whatever is in it was a Pod of that cluster.
    """
    folders = [path / group.strip("/") for path in mounts()]
    deadline = time.monotonic() + REMOVE_SECONDS
    while folders := [folder for folder in folders if not _remove_tree(folder)]:
        if time.monotonic() > deadline:
            left = ", ".join(str(folder) for folder in folders)
            raise ClusterError(f"These groups of processes do not end: {left}.")
        time.sleep(0.1)
    for path in mounts():
        _try_rmdir((path / group.strip("/")).parent)


def _remove_tree(folder: Path) -> bool:
    """Kill what is in the group and those below and remove them; whether all are gone."""
    if not folder.exists():
        return True
    for child in sorted(folder.rglob("*"), reverse=True):
        if child.is_dir():
            _kill(child)
            _try_rmdir(child)
    _kill(folder)
    return _try_rmdir(folder)


def _kill(folder: Path) -> None:
    """Kill the processes of one group."""
    try:
        pids = (folder / "cgroup.procs").read_text().split()
    except OSError:
        return
    for pid in pids:
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue


def _try_rmdir(folder: Path) -> bool:
    """Remove one group; whether it is gone."""
    try:
        folder.rmdir()
    except OSError:
        return not folder.exists()
    return True
