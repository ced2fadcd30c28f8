"""Which kinds of cluster this machine can run, what it lacks for the others, and which is best."""

from dataclasses import dataclass
from pathlib import Path

from tools.cluster import kind, kwok
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
    """Look at this machine; `directory` is where clusters would lie.

    In the order of `make demo`, which does not run on kind: no engine was at hand to try it with.
    """
    return [
        Finding("node", preflight.problem(directory), "real Pods, without a container engine"),
        Finding("kwok", kwok.problem(directory), "a real control plane with simulated Pods"),
        Finding("kind", _kind(), "Kubernetes in containers, without the demo"),
    ]


def best(findings: list[Finding]) -> Finding:
    """Return the first kind that nothing prevents; raises ClusterError when there is none."""
    for finding in findings:
        if not finding.problem:
            return finding
    lacks = [f"CLUSTER={finding.lane} {finding.problem}" for finding in findings]
    raise ClusterError("\n".join(["No kind of cluster runs on this machine.", *lacks]))


def _kind() -> str:
    """Whether a container engine answers."""
    try:
        kind.engine()
    except ClusterError:
        return "needs Docker or Podman and neither answers here."
    return ""
