"""Which kind of cluster the demo is shown on, and why that one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.cluster import Cluster, ClusterError, check

WORDS = {
    "node": "real Pods on this machine, from images that are built here",
    "kwok": "a real control plane with simulated Pods, and the runtime as a process beside it",
}
"""What is said of each kind; the order in which they are tried."""
_NOT_KIND = (
    "CLUSTER=kind has neither simulated nodes nor a registry, which the demo needs: use"
    " CLUSTER=node (as root on Linux) or CLUSTER=kwok. `make cluster CLUSTER=kind` starts an empty"
    " one."
)


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
    The one that runs, else the one that was asked for, else the first that works here.

    Raises ClusterError for one that cannot run here: before anything is built, and before what runs
    is taken down.
    """
    found = Cluster(name).status()
    if (asked or found.lane) == "kind":
        raise ClusterError(_NOT_KIND)
    if asked and asked not in WORDS:
        raise ClusterError(f"CLUSTER={asked} is no kind of cluster: {', '.join(WORDS)}.")
    if found.state == "running" and found.lane and asked in {"", found.lane}:
        return Choice(found.lane, "it runs already")
    directory = Cluster(name).directory
    if asked:
        check(asked, directory)
        return Choice(asked, "as you say")
    return _first(directory)


def _first(directory: Path) -> Choice:
    """The first kind that works here, and why none before it."""
    lacks: list[str] = []
    for lane in WORDS:
        try:
            check(lane, directory)
        except ClusterError as error:
            lacks.append(str(error))
        else:
            return Choice(lane, " ".join(lacks) or "the fullest that this machine can run")
    raise ClusterError("\n".join(["The demo does not run on this machine.", *lacks]))


@dataclass(frozen=True)
class Parts:
    """What runs beside a cluster for a demo."""

    beside: bool
    """Operator or runtime as a process, which simulated Pods need."""
    carried: bool
    """A way to a Service, which real Pods need."""


def outdated(cluster: Cluster, parts: Parts) -> str:
    """Why what is there of the name has to go before this cluster can be; else empty."""
    found, name = cluster.status(), cluster.name
    if found.state == "absent":
        gone = f"A demo {name!r} of before runs on without its cluster: it is taken down first."
        return gone if parts.beside or parts.carried else ""
    if found.lane and found.lane != cluster.lane:
        return (
            f"The cluster {name!r} is CLUSTER={found.lane}: it is taken down first, with all that"
            " is in it."
        )
    if found.state == "broken":
        lost = f" (without {', '.join(found.missing)})" if found.missing else ""
        return f"The cluster {name!r} of before is half dead{lost}: it is made anew."
    if not cluster.kept():
        return f"The cluster {name!r} does not answer, or has other options: it is made anew."
    return ""


def foreign(cluster: Cluster, parts: Parts) -> str:
    """What of another kind of demo runs beside a cluster that is kept; empty when nothing does."""
    if cluster.lane == "node" and parts.beside:
        return "An operator or a runtime of a demo with simulated Pods runs still: it is ended."
    if cluster.lane != "node" and parts.carried:
        return "A way to a Service of a demo with real Pods is open still: it is closed."
    return ""
