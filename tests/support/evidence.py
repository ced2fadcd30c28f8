"""What the components of a cluster said, kept when tests failed: the cluster itself is removed."""

import sys
from pathlib import Path

from tools.cache import ROOT
from tools.cluster import Cluster
from tools.cluster.node.place import Place

KEPT = ROOT / "build" / "logs"
LAST = 4 * 2**20
"""Bytes of each log that are kept, its end: an audit log may have hundreds of megabytes."""


def keep(cluster: Cluster, folder: Path = KEPT) -> None:
    """Copy the end of every component's log, and say where; a cluster without logs is no error."""
    node = Place(cluster.directory, slot=0).logs
    sources = (cluster.logs, cluster.directory / "operators", node)
    found = [log for source in sources for log in sorted(source.glob("*.log"))]
    for log in found:
        target = folder / cluster.name / log.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_end(log))
    if found:
        names = ", ".join(log.stem for log in found)
        shown = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
        sys.stdout.write(f"\nkept in {shown / cluster.name}: {names}\n")


def _end(log: Path) -> bytes:
    with log.open("rb") as opened:
        opened.seek(max(0, log.stat().st_size - LAST))
        return opened.read()
