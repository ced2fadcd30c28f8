"""The kind lane: Kubernetes in containers, for a machine that has a container engine."""

import os
import shutil
import subprocess
from pathlib import Path

from tools.binaries import binary
from tools.cluster.errors import ClusterError, tail
from tools.cluster.options import Options

ENGINES = ("docker", "podman")
LOG = "kind.log"


def create(name: str, directory: Path, options: Options) -> None:
    """Create the cluster with kind; raises ClusterError when there is no engine or it fails."""
    log = directory / LOG
    arguments = ["create", "cluster", "--name", name, "--wait", f"{options.start_seconds:.0f}s"]
    if _kind([*arguments, "--kubeconfig", str(directory / "kubeconfig")], log):
        raise ClusterError(f"The cluster {name!r} did not start.\n{tail(log)}")


def was_begun(directory: Path) -> bool:
    """Whether kind was ever asked to create something for this folder."""
    return (directory / LOG).exists()


def destroy(name: str, directory: Path) -> None:
    """Remove the cluster's containers."""
    log = directory / LOG
    arguments = ["delete", "cluster", "--name", name]
    if _kind([*arguments, "--kubeconfig", str(directory / "kubeconfig")], log):
        raise ClusterError(f"kind could not remove the cluster {name!r}.\n{tail(log)}")


def engine() -> str:
    """Return the container engine that answers; raises ClusterError when none does."""
    for name in ENGINES:
        path = shutil.which(name)
        if path and not subprocess.run([path, "info"], capture_output=True, check=False).returncode:
            return name
    raise ClusterError(
        "CLUSTER=kind needs Docker or Podman and neither answers here: use CLUSTER=kwok."
    )


def _kind(arguments: list[str], log: Path) -> int:
    """Run kind with its output in a log; return its exit status."""
    environment = {**os.environ, "KIND_EXPERIMENTAL_PROVIDER": engine()}
    with log.open("ab") as sink:
        return subprocess.run(
            [str(binary("kind")), *arguments],
            env=environment,
            stdout=sink,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
