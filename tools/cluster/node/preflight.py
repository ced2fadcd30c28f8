"""What a machine must have for the node lane; what it lacks is one sentence, before any change."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.cache import cache_root
from tools.cluster import disk
from tools.cluster.errors import ClusterError
from tools.cluster.node import cgroups
from tools.cluster.node.namespaces import HIDDEN
from tools.debian import PackageError, ensure

PROGRAMS = ("runc", "nft", "docker-registry", "ip", "nsenter", "mount", "setsid")
FREE_GIB = 3.0
"""For images and volumes; kubelet evicts Pods from a full disk."""
UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--net", "true")
"""Makes what a node lives in, and ends."""


def check(directory: Path) -> None:
    """Raise ClusterError when the node lane cannot run here; install packages that are missing."""
    if found := problem(directory):
        raise ClusterError(f"CLUSTER=node {found}")
    try:
        ensure(PROGRAMS)
    except PackageError as error:
        raise ClusterError(f"CLUSTER=node lacks programs. {error}") from error


def problem(directory: Path) -> str:
    """Say what this machine lacks, packages apart; empty when nothing. It only looks."""
    if lacks := _platform(sys.platform, os.geteuid()):
        return lacks
    checks = (
        _filesystems(Path("/proc/filesystems")),
        _cgroups(),
        _paths(directory, cache_root()),
        disk.lacks(directory, FREE_GIB),
        _namespaces(UNSHARE),
    )
    return next((lacks for lacks in checks if lacks), "")


def _platform(name: str, uid: int) -> str:
    """Linux, and the rights to make namespaces."""
    if name != "linux":
        return f"needs Linux and this is {name}: use CLUSTER=kind with a container engine."
    if uid != 0:
        return "needs root, for namespaces and mounts: use CLUSTER=kwok, or run it as root."
    return ""


def _namespaces(command: Sequence[str]) -> str:
    """Root in a container often may not make any."""
    made = subprocess.run(command, capture_output=True, check=False, timeout=30)
    if made.returncode:
        return (
            "needs to make namespaces, which this root may not: use CLUSTER=kwok, or run it on the"
            " machine itself or in a privileged container."
        )
    return ""


def _filesystems(path: Path) -> str:
    """The layers of images are laid over each other by the kernel."""
    if not path.exists() or "overlay" not in path.read_text().split():
        loader = shutil.which("modprobe")
        if loader and not subprocess.run([loader, "-q", "overlay"], check=False).returncode:
            return ""
        return "needs the kernel's overlay filesystem, which is not here: use CLUSTER=kwok."
    return ""


def _cgroups() -> str:
    """The kubelet limits Pods by control groups."""
    lacks = cgroups.missing(cgroups.mounts())
    if lacks:
        names = ", ".join(sorted(lacks))
        return (
            f"needs control groups and these are not mounted: {names}. Mount them below"
            " /sys/fs/cgroup (version 1 or 2), or use CLUSTER=kwok."
        )
    return ""


def _paths(*paths: Path) -> str:
    """The node has its own of some folders, so what it uses may not lie in the machine's."""
    for path in paths:
        for hidden in HIDDEN:
            if path.resolve().is_relative_to(hidden):
                return (
                    f"cannot use {path}, since the node has a {hidden} of its own: move the"
                    " checkout elsewhere, or the cache with XDG_CACHE_HOME."
                )
    return ""
