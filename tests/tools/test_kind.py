"""The kind lane hands over to kind, and says what it needs where there is no engine."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tools.cluster import Cluster, ClusterError, Options, kind


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Put a program with the given body first on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def write(name: str, body: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def directory(
    tmp_path: Path, program: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A cluster's folder, with a kind that only records its arguments."""
    recorder = program("kind", f'echo "$KIND_EXPERIMENTAL_PROVIDER $*" >> {tmp_path}/calls')
    monkeypatch.setattr(kind, "binary", lambda name: recorder)
    folder = tmp_path / "clusters" / "a"
    folder.mkdir(parents=True)
    return folder


def test_without_an_engine_there_is_one_clear_sentence(
    program: Callable[[str, str], Path],
) -> None:
    program("docker", "exit 1")
    with pytest.raises(ClusterError, match=r"^CLUSTER=kind needs Docker or Podman .* CLUSTER=kwok"):
        kind.engine()


def test_the_first_engine_that_answers_is_used(program: Callable[[str, str], Path]) -> None:
    program("docker", "exit 1")
    program("podman", "exit 0")
    assert kind.engine() == "podman"


def test_the_cluster_gets_a_kubeconfig_of_its_own(
    directory: Path, program: Callable[[str, str], Path], tmp_path: Path
) -> None:
    program("docker", "exit 0")
    kind.create("a", directory, Options(start_seconds=90))
    expected = f"docker create cluster --name a --wait 90s --kubeconfig {directory}/kubeconfig\n"
    assert (tmp_path / "calls").read_text() == expected


def test_a_start_that_was_cut_off_is_removed_too(
    directory: Path, program: Callable[[str, str], Path], tmp_path: Path
) -> None:
    program("docker", "exit 0")
    (directory / "lane").write_text("kind")
    (directory / kind.LOG).write_text("Creating cluster ...")
    Cluster("a", root=directory.parent).down()
    assert (tmp_path / "calls").read_text().startswith("docker delete cluster --name a ")
    assert not directory.exists()


def test_without_an_engine_nothing_is_left_that_only_an_engine_could_remove(
    program: Callable[[str, str], Path], tmp_path: Path
) -> None:
    program("docker", "exit 1")
    root = tmp_path / "clusters"
    with pytest.raises(ClusterError, match="needs Docker or Podman"):
        Cluster("demo", "kind", root=root).up()
    assert not (root / "demo").exists()
    Cluster("demo", "kwok", root=root).down()


def test_a_folder_that_kind_never_saw_is_removed_without_an_engine(
    program: Callable[[str, str], Path], tmp_path: Path
) -> None:
    program("docker", "exit 1")
    folder = tmp_path / "clusters" / "demo"
    folder.mkdir(parents=True)
    (folder / "lane").write_text("kind")
    Cluster("demo", root=folder.parent).down()
    assert not folder.exists()
