"""The hints that end the demo fit the cluster that it runs in."""

from io import StringIO

from rich.console import Console

from tools.cluster import Cluster
from tools.demo import view


def _epilogue(name: str) -> str:
    console = Console(file=StringIO(), width=200)
    view.epilogue(console, Cluster(name), "digital-humans", "ada", 12.0)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_hint_to_apply_leaves_the_running_example_alone() -> None:
    lines = [line for line in _epilogue("demo").splitlines() if " apply " in line]
    assert lines
    assert all("-n default -f examples/minimal.yaml" in line for line in lines)


def test_hints_name_the_cluster_unless_make_knows_it() -> None:
    assert "CLUSTER_NAME" not in _epilogue("demo")
    told = _epilogue("other")
    assert "make demo-down CLUSTER_NAME=other\n" in told
    assert told.count("$(make -s kubeconfig CLUSTER_NAME=other)") == told.count("kubectl ")
