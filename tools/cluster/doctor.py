"""Which kinds of cluster this machine can run, what it lacks for the others, and which is best."""

import sys
from dataclasses import dataclass
from pathlib import Path

from tools.cluster import kind
from tools.cluster.errors import ClusterError
from tools.cluster.node import preflight


@dataclass(frozen=True)
class Finding:
    """One kind of cluster on this machine."""

    lane: str
    problem: str
    """What prevents it; empty when nothing does."""
    gives: str


def examine(directory: Path) -> list[Finding]:
    """Look at this machine, the fullest kind first; `directory` is where clusters would lie."""
    return [
        Finding("kind", _kind(), "Kubernetes in containers"),
        Finding("node", preflight.problem(directory), "real Pods, without a container engine"),
        Finding("kwok", _kwok(sys.platform), "a real control plane with simulated Pods"),
    ]


def best(findings: list[Finding]) -> Finding:
    """Return the first kind that nothing prevents; raises ClusterError when there is none."""
    for finding in findings:
        if not finding.problem:
            return finding
    raise ClusterError("No kind of cluster runs on this machine: install Docker, or use Linux.")


def _kind() -> str:
    """Whether a container engine answers."""
    try:
        kind.engine()
    except ClusterError:
        return "needs Docker or Podman and neither answers here."
    return ""


def _kwok(platform: str) -> str:
    """Whether processes can be recognised."""
    return "" if platform == "linux" else f"needs Linux and this is {platform}."
