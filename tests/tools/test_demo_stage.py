"""The demo's face: no address that does not answer, no failure that counts as success."""

import errno
import os
import subprocess
import sys
import urllib.request
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tools import deploy, forward
from tools.cluster import Cluster
from tools.cluster.cluster import Status
from tools.cluster.kubectl import Kubectl
from tools.cluster.node import lane
from tools.cluster.node.registry import Pushed
from tools.demo import __main__ as command
from tools.demo import face, real, stage
from tools.demo.steps import Steps
from tools.ports import free_port


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the face, away from that of a demo that runs."""
    here = tmp_path / "face"
    here.mkdir()
    monkeypatch.setattr(stage, "_face_folder", lambda _: here)
    return here


def _steps() -> Steps:
    return Steps(Console(file=StringIO(), width=200))


def _carry(folder: Path) -> None:
    """A way to nowhere, as a demo of before has left it."""
    forward.start(folder / "forward.pid.json", free_port(), "127.0.0.1:9")
    (folder / "url").write_text("http://localhost:1/\n")


def test_an_address_of_before_is_not_told_when_the_face_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _carry(folder)

    def fail(*_: object) -> str:
        raise face.FaceError("grace is not Ready after 180 s")

    monkeypatch.setattr(real, "up", fail)
    with pytest.raises(stage.DemoError, match="No face talks: grace is not Ready"):
        stage._show_face(_steps(), Cluster("demo", "node"), real_pods=True)
    assert not forward.running(folder / "forward.pid.json")
    with pytest.raises(stage.DemoError, match="make demo"):
        stage.url("demo")


def test_a_way_without_an_address_is_no_traceback(folder: Path) -> None:
    _carry(folder)
    (folder / "url").unlink()
    try:
        with pytest.raises(stage.DemoError, match="CLUSTER_NAME=other"):
            stage.url("other")
    finally:
        forward.stop(folder / "forward.pid.json")


def test_a_service_that_does_not_answer_leaves_no_way_open(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Kubectl, "__call__", lambda self, *words, **more: "127.0.0.1")
    monkeypatch.setattr(real, "ANSWER_SECONDS", 0.3)

    def refuse(*_: object, **__: object) -> None:
        raise OSError("refused")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    record = folder / "forward.pid.json"
    with pytest.raises(face.FaceError, match="did not answer"):
        real._reached(Cluster("demo", "node"), record)
    assert not forward.running(record)
    assert not record.exists()


def test_a_face_that_fails_beside_the_cluster_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> str:
        raise face.FaceError("the page was not built: no registry")

    monkeypatch.setattr(face, "up", fail)
    steps = _steps()
    assert stage._show_face(steps, Cluster("demo"), real_pods=False) is None
    assert isinstance(steps.console.file, StringIO)
    assert "no face here: the page was not built" in steps.console.file.getvalue()


def test_a_demo_of_another_kind_is_taken_down_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cluster, "status", lambda _: Status("running", lane="kwok"))
    gone: list[str] = []
    monkeypatch.setattr(stage, "down", gone.append)
    steps = _steps()
    stage._clear(steps, Cluster("other", "node"))
    assert gone == ["other"]
    assert isinstance(steps.console.file, StringIO)
    assert "The cluster 'other' is CLUSTER=kwok" in steps.console.file.getvalue()


def test_what_another_kind_of_demo_left_beside_the_cluster_is_ended(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _carry(folder)
    monkeypatch.setattr(Cluster, "status", lambda _: Status("running", lane="kwok"))
    monkeypatch.setattr(Cluster, "kept", lambda _: True)
    steps = _steps()
    stage._clear(steps, Cluster("never-started", "kwok"))
    assert not forward.running(folder / "forward.pid.json")
    assert not (folder / "url").exists()
    assert isinstance(steps.console.file, StringIO)
    assert "it is closed" in steps.console.file.getvalue()


def test_a_human_that_is_there_is_kept_and_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(self: Kubectl, *words: str, stdin: str | None = None) -> object:
        return subprocess.CompletedProcess(words, 0, "", "")

    monkeypatch.setattr(Kubectl, "run", run)
    told: list[str] = []
    face.apply(Cluster("demo"), "live", told.append)
    assert told == ["grace was there already and is kept as it is"]


@pytest.mark.parametrize(
    ("cluster", "hint"), [("demo", "`make demo-down`"), ("b", "`make demo-down CLUSTER_NAME=b`")]
)
def test_an_interruption_says_how_to_go_on_and_is_130(
    cluster: str,
    hint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, "up", interrupted)
    monkeypatch.setattr(sys, "argv", ["demo", "up", "--name", cluster])
    assert command.main() == 130
    assert hint in capsys.readouterr().err


def test_an_error_is_one_sentence_and_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise stage.DemoError("No face talks")

    monkeypatch.setattr(stage, "up", fail)
    monkeypatch.setattr(sys, "argv", ["demo", "up"])
    assert command.main() == 1
    assert capsys.readouterr().err == "No face talks\n"


def test_a_full_disk_is_one_sentence_and_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x/url")

    monkeypatch.setattr(stage, "up", full)
    monkeypatch.setattr(sys, "argv", ["demo", "up"])
    assert command.main() == 1
    told = "/x/url could not be written: No space left on device. Make room"
    assert capsys.readouterr().err.startswith(told)


def test_each_image_is_told_before_and_after_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"name": "operator", "seconds": 8.4, "compressed": 63e6, "digest": "sha256:" + "0" * 64}
    told: list[str] = []

    def build(images: list[object], _: object) -> list[dict[str, object]]:
        assert len(images) == 1
        assert told[-1].endswith(" ...")
        return [known]

    monkeypatch.setattr(deploy, "build_images", build)
    pushed = [Pushed("operator", "sha256:1"), Pushed("runtime-cpu", "sha256:2")]
    monkeypatch.setattr(lane, "push_images", lambda *_: pushed)
    digests = deploy.images(Cluster("demo", "node"), told.append)
    assert digests == dict(zip(deploy.IMAGES, ["sha256:1", "sha256:2"], strict=True))
    assert told[:2] == ["image operator ...", "image operator: 8 s, 63 MB, sha256:000000000000"]
