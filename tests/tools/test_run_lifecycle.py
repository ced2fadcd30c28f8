"""The cluster of a test run: one for all workers, gone at the end, cleaned up after a kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import conftest
from tests.support import cluster as support
from tests.support import operator as operators
from tests.support.cluster import wait_until
from tools.cache import ROOT
from tools.cluster import Cluster, ClusterError, reap
from tools.cluster.processes import find
from tools.operator_process import OperatorProcess

OWNED = """
import os, sys
from pathlib import Path
from tools.cluster import Cluster
Cluster("owned", root=Path(sys.argv[1])).up(owner=os.getpid())
print("up", flush=True)
sys.stdin.read()
"""

SUITE = """
import os, pathlib, pytest
from tests.support import cluster as support

@pytest.mark.parametrize("number", range(4))
def test_it(number):
    shared = support.shared()
    servers = pathlib.Path(os.environ["SERVERS"])
    (servers / f"{os.getpid()}-{number}").write_text(str(shared.directory))
"""


@pytest.mark.cluster
def test_a_cluster_whose_owner_was_killed_is_removed_by_the_next_run(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNED, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as owner:  # type: ignore[call-overload]
        assert owner.stdout.readline() == "up\n"
        assert reap(tmp_path) == []
        os.kill(owner.pid, signal.SIGKILL)
    assert len(find(tmp_path)) == 5
    assert reap(tmp_path) == ["owned"]
    assert find(tmp_path) == []


@pytest.mark.cluster
def test_workers_share_one_cluster_that_ends_with_the_run(tmp_path: Path) -> None:
    servers = tmp_path / "servers"
    servers.mkdir()
    (tmp_path / "test_suite.py").write_text(SUITE)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "DIGITAL_HUMAN_TEST_", "TEST_CLUSTER_"))
    }
    plugins = ["-p", "tests.conftest", "-p", "no:cacheprovider", "-n", "2", "-q"]
    options = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *options, str(tmp_path / "test_suite.py")],
        cwd=ROOT,
        env={**environment, "SERVERS": str(servers)},
        check=True,
        timeout=100,
    )
    directories = {Path(file.read_text()) for file in servers.iterdir()}
    assert len(directories) == 1
    assert len({file.name.partition("-")[0] for file in servers.iterdir()}) == 2
    [directory] = directories
    assert Cluster(directory.name).status().state == "absent"
    wait_until(lambda: find(directory) == [], "the end of the cluster")


def test_a_cluster_of_a_test_goes_whatever_fails_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = []

    def failing(what: str) -> Callable[[Cluster], None]:
        def fail(cluster: Cluster) -> None:
            tried.append((what, cluster.name))
            raise ClusterError(what)

        return fail

    monkeypatch.setattr(Cluster, "up", lambda cluster, *_, **__: cluster)
    monkeypatch.setattr(support, "add_nodes", lambda *_: None)
    monkeypatch.setattr(operators, "tell", failing("tell"))
    monkeypatch.setattr(operators, "stop", failing("stop"))
    monkeypatch.setattr(Cluster, "down", failing("down"))
    with pytest.raises(ClusterError, match="down"), support.own("gone", {}) as cluster:
        pass
    assert tried == [(what, cluster.name) for what in ("tell", "stop", "down")]


def test_an_operator_that_does_not_end_keeps_no_other_from_being_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster("two", root=tmp_path)
    folder = cluster.directory / "operators"
    folder.mkdir(parents=True)
    for name in ("first", "second"):
        (folder / f"{name}.pid.json").write_text("[]")
    tried = []

    def stop(operator: OperatorProcess, grace_seconds: float) -> None:
        tried.append(operator.name)
        raise ClusterError(f"{operator.name} does not end after {grace_seconds} s")

    monkeypatch.setattr(OperatorProcess, "stop", stop)
    with pytest.raises(ClusterError, match="does not end"):
        operators.stop(cluster)
    assert sorted(tried) == ["first", "second"]


@pytest.mark.parametrize("is_asked", [True, False])
def test_programs_that_tests_run_are_built_before_the_first_one(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, is_asked: bool
) -> None:
    built: list[str] = []
    monkeypatch.setattr(conftest, "binary", built.append)
    monkeypatch.setattr(conftest, "binaries", built.append)
    if is_asked:
        request.node.add_marker(pytest.mark.programs("kubectl", "helm4"))
        request.node.add_marker(pytest.mark.cluster)
    session: Any = SimpleNamespace(config=request.config, items=[request.node])
    conftest.pytest_collection_finish(session)
    assert built == (["kwok", "helm3", "helm4", "kubectl"] if is_asked else [])
