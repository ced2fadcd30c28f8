"""The quickstart as it is printed, in real Pods: a face answers, and nothing stays."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.docs.test_quickstart import NAME, is_told_whole, lines, run, shell_for
from tests.e2e.conftest import skip_without_pods
from tools.cluster import Cluster
from tools.cluster.cluster import CLUSTERS
from tools.cluster.node import cgroups
from tools.cluster.node.place import cgroup_of
from tools.cluster.processes import find
from tools.demo import real
from tools.demo.face import HUMAN

END = "make demo-down"
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480, func_only=True)]


@pytest.fixture(autouse=True)
def turn() -> None:
    """In the place of the others': this test starts a cluster of its own."""
    skip_without_pods()


@pytest.fixture
def shell() -> Iterator[dict[str, str]]:
    """Where Pods are real."""
    with shell_for("node") as environment:
        yield environment


def test_what_is_printed_works_in_real_pods(shell: dict[str, str], tmp_path: Path) -> None:
    tables = _tables()
    said = run(tmp_path / "quickstart.sh", lines(END), shell)
    is_told_whole(said, "node")
    cluster = Cluster(NAME, "node")

    url = run(tmp_path / "url.sh", ["make -s url"], shell).strip()
    assert "<html" in httpx2.get(url, timeout=20).text
    question = {"message": "What is a Pod?"}
    answer = httpx2.post(f"{url}api/chat", json=question, timeout=30).json()
    assert "containers" in answer["response"]
    pods = cluster.kubectl.json("get", "pods", "-n", real.NAMESPACE)["items"]
    assert len(pods) == 2
    assert all(pod["metadata"]["name"].startswith(f"{HUMAN}-") for pod in pods)
    assert all(_is_ready(pod) and pod["spec"]["nodeName"] == "node-0" for pod in pods)

    assert "The demo is gone." in run(tmp_path / "end.sh", [END], shell)
    assert _left(cluster) == []
    assert _tables() == tables
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url, timeout=5)


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = {one["type"]: one["status"] for one in pod["status"]["conditions"]}
    return conditions.get("Ready") == "True"


def _left(cluster: Cluster) -> list[str]:
    """Processes, folders, mounts, links and control groups of a cluster."""
    group = cgroup_of(cluster.directory)
    links = [path.parent.name for path in _aliases() if path.read_text().strip() == group]
    groups = [str(mount / group.strip("/")) for mount in cgroups.mounts()]
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return [
        *map(str, find(cluster.directory)),
        *(path.name for path in CLUSTERS.glob(cluster.name)),
        *(path.name for path in (CLUSTERS.parent / "demo").glob(f"{cluster.name}*")),
        *(mount for mount in mounts if str(cluster.directory) in mount),
        *links,
        *(path for path in groups if Path(path).exists()),
    ]


def _aliases() -> list[Path]:
    """Of every link of this machine: a node's says whose it is."""
    return [path for path in Path("/sys/class/net").glob("*/ifalias") if path.exists()]


def _tables() -> str:
    """Tables of packet rules of this machine."""
    command = ["nft", "list", "tables"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
