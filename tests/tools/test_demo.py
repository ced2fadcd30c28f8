"""The hints that end the demo fit the cluster that it runs in."""

import json
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tools import page, talk, uv
from tools.cluster import Cluster, ClusterError, Options, kwok
from tools.cluster.kubectl import Kubectl
from tools.demo import face, view


def _epilogue(name: str, program: str = "kubectl") -> str:
    console = Console(file=StringIO(), width=200)
    view.epilogue(console, Cluster(name), "digital-humans", "ada", 12.0, program=program)
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


def test_hints_work_in_folders_with_a_space_and_without_a_kubectl_on_the_path() -> None:
    told = _epilogue("demo", "/home/a b/kubectl")
    assert "'/home/a b/kubectl' --kubeconfig \"$(make -s kubeconfig)\" get dh -A" in told


def test_a_page_without_uv_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise uv.UvError("no uv")

    monkeypatch.setattr(page, "build", fail)
    with pytest.raises(face.FaceError, match="the page was not built: no uv"):
        face.up(Cluster("demo"), "people", tmp_path)


def test_the_face_is_driven_by_what_the_operator_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[dict[str, Any]] = []
    answers = iter([(1, ""), (1, ""), (0, '{"name": "grace"}')])

    def run(self: Kubectl, *words: str, stdin: str | None = None) -> object:
        code, out = next(answers)
        return subprocess.CompletedProcess(words, code, out, "")

    monkeypatch.setattr(Kubectl, "run", run)
    monkeypatch.setattr(Kubectl, "apply", lambda self, *objects: applied.extend(objects))
    monkeypatch.setattr(page, "build", lambda: None)
    served: list[Path] = []

    def serve(folder: Path, config: Path) -> str:
        served.append(config)
        return "http://x/"

    monkeypatch.setattr(talk, "serve", serve)
    assert face.up(Cluster("demo"), "people", tmp_path) == "http://x/"
    assert applied[0]["metadata"] == {"name": face.HUMAN, "namespace": "people"}
    assert json.loads(served[0].read_text()) == {"name": "grace"}


def test_a_page_that_cannot_be_built_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise page.PageError("no registry")

    monkeypatch.setattr(page, "build", fail)
    with pytest.raises(face.FaceError, match="the page was not built: no registry"):
        face.up(Cluster("demo"), "people", tmp_path)


def test_a_folder_with_a_space_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="takes none with a space"):
        kwok.create("a", tmp_path / "with space", Options())
