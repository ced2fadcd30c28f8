"""Which kind of cluster the demo is shown on, and why that one."""

from __future__ import annotations

from dataclasses import dataclass

from tools.cluster import Cluster, ClusterError
from tools.cluster.node import lane as node

WORDS = {
    "node": "real Pods on this machine, from images that are built here",
    "kind": "Kubernetes in containers",
    "kwok": "a real control plane with simulated Pods, and the runtime as a process beside it",
}


@dataclass(frozen=True)
class Choice:
    """A kind of cluster, and why it was taken."""

    lane: str
    why: str

    @property
    def line(self) -> str:
        """What is told of it."""
        return f"CLUSTER={self.lane}: {WORDS[self.lane]} ({self.why})"


def choose(name: str, asked: str) -> Choice:
    """
    The one that runs, else the one that was asked for, else the fullest that works here.

    kind is for whoever asks for it: it was never tried with a real engine.
    """
    found = Cluster(name).status()
    if found.state == "running" and found.lane and asked in {"", found.lane}:
        return Choice(found.lane, "it runs already")
    if asked:
        return Choice(asked, "as you say")
    try:
        node.check(Cluster(name).directory)
    except ClusterError as error:
        return Choice("kwok", str(error))
    return Choice("node", "the fullest that this machine can run")
