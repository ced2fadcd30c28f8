"""Docker when it answers, else buildah as root, else one sentence."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import debian
from tools.images import buildah, engines
from tools.images.buildah import Buildah
from tools.images.docker import Docker
from tools.images.engine import BASES, OURS, Build, Engine
from tools.images.errors import ImageError

Program = Callable[[str, str], Path]
BUILD = Build(
    "operator/Dockerfile",
    "operator",
    "localhost/a:latest",
    arguments={"BASE": "b:1"},
    secrets={"network": Path("/s/network")},
    epoch=7,
)
COMMON = [
    "--file operator/Dockerfile",
    "--target operator",
    "--tag localhost/a:latest",
    "--build-arg BASE=b:1",
    "--secret id=network,src=/s/network",
]


def test_a_build_is_called_by_the_name_of_its_image() -> None:
    assert BUILD.shown == "a"


DOCKER = """case "$*" in
*Server*) echo '"{version}"' ;;
*Client*) echo {version} ;;
*buildx*) exit {buildx} ;;
esac"""


def test_docker_builds_when_its_engine_answers(program: Program) -> None:
    program("docker", DOCKER.format(version="28.1.1", buildx=0))
    program("buildah", "exit 0")
    assert engines.choose().name == "docker"


def test_an_old_docker_has_buildkit_in_itself(program: Program) -> None:
    program("docker", DOCKER.format(version="20.10.24+dfsg1", buildx=1))
    assert engines.choose().name == "docker"


def test_a_new_docker_without_buildx_cannot_build(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("docker", DOCKER.format(version="28.1.1", buildx=1))
    program("buildah", "exit 0")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert engines.choose().name == "buildah"
    with pytest.raises(ImageError, match="install its buildx plugin, or leave the engine"):
        engines.choose("docker")


@pytest.mark.parametrize("body", ["exit 1", "echo null"], ids=["no engine", "no server"])
def test_a_docker_without_an_engine_is_none(
    program: Program, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    program("docker", body)
    program("buildah", "exit 0")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert engines.choose().name == "buildah"
    with pytest.raises(ImageError, match="Docker does not answer: start it"):
        engines.choose("docker")


def test_without_docker_and_root_there_is_one_sentence(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ImageError, match=r"^Building images needs Docker or root: start Docker"):
        engines.choose()


def test_a_buildah_that_cannot_be_installed_is_one_sentence(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(names: list[str]) -> None:
        raise debian.PackageError(f"apt-get could not install {names[0]}: install it.")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian, "install", fails)
    with pytest.raises(ImageError, match="buildah is missing: apt-get could not install buildah"):
        engines.choose()


def test_an_engine_that_does_not_exist_is_told() -> None:
    with pytest.raises(ImageError, match="no engine kaniko: name docker or buildah"):
        engines.choose("kaniko")


@pytest.mark.parametrize("engine", [Docker, Buildah])
def test_a_build_is_asked_for_alike(
    engine: Callable[[], Engine],
    cache: Path,
    program: Program,
    tmp_path: Path,
) -> None:
    for name in ("docker", "buildah"):
        program(name, 'echo "$*"')
    assert engine().build(BUILD, tmp_path, tmp_path / "log")
    said = (tmp_path / "log").read_text()
    for option in COMMON:
        assert option in said
    assert said.strip().endswith(str(tmp_path))


def test_buildah_keeps_to_its_own_storage_and_layers(
    cache: Path, program: Program, tmp_path: Path
) -> None:
    program("buildah", 'echo "$*"')
    Buildah().build(BUILD, tmp_path, tmp_path / "log")
    said = (tmp_path / "log").read_text()
    assert f"--root {cache}/images/containers " in said
    assert "--isolation chroot --layers --pull-never --format oci --timestamp 7" in said


def test_a_failed_export_tells_why(cache: Path, program: Program, tmp_path: Path) -> None:
    program("buildah", "echo no space left; exit 125")
    with pytest.raises(ImageError, match="could not export a:1:\nno space left"):
        Buildah().export("a:1", tmp_path / "layout", tmp_path / "log")


def test_what_no_build_used_is_forgotten_young_ones_first() -> None:
    listing = "\n".join(
        [
            f"sha256:{'1' * 64}   {BASES}:bookworm-base-old",
            f"sha256:{'1' * 64}   {BASES}:bookworm-base-new",
            f"sha256:{'3' * 64}   <none>:<none>",
            f"sha256:{'4' * 64}   <none>:<none>",
            f"sha256:{'5' * 64}   <none>:<none>",
            f"sha256:{'6' * 64}   <none>:<none>",
            f"sha256:{'7' * 64}   {OURS}images/operator:latest",
            f"sha256:{'8' * 64}   {OURS}images/runtime-gpu:latest",
            f"sha256:{'9' * 64}   docker.io/library/python:3.12",
        ]
    )
    said = f"""[1/2] STEP 1/5: FROM {BASES}:bookworm-base-new AS python
--> Using cache {"3" * 64}
--> {"4" * 11}
[2/2] COMMIT {OURS}images/operator:latest
"""
    assert buildah.forgotten(listing, said) == [
        f"{OURS}images/runtime-gpu:latest",
        "6" * 64,
        "5" * 64,
        f"{BASES}:bookworm-base-old",
    ]


def test_nothing_is_forgotten_where_the_logs_are_gone_too(
    cache: Path, program: Program, tmp_path: Path
) -> None:
    program("buildah", f'echo "$*" >> {tmp_path}/calls')
    Buildah().forget([])
    assert "rmi" not in (tmp_path / "calls").read_text()


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("docker.io/library/python:3.12", (buildah.DOCKER_HUB, 443)),
        ("python:3.12", (buildah.DOCKER_HUB, 443)),
        ("library/python", (buildah.DOCKER_HUB, 443)),
        ("registry.example.com/a/b@sha256:0", ("registry.example.com", 443)),
        ("registry.example.com:5000/a", ("registry.example.com", 5000)),
    ],
)
def test_the_registry_of_an_image_is_known(reference: str, expected: tuple[str, int]) -> None:
    assert buildah.registry(reference) == expected


def test_an_image_is_pulled_only_where_somebody_listens(
    cache: Path, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    record = f'echo "$5" >> {tmp_path}/calls'
    program("buildah", f'{record}\ncase "$*" in *inspect*) exit 1;; esac')
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert Buildah().has(f"127.0.0.1:{port}/a:1")
    assert not Buildah().has(f"127.0.0.1:{port}/a:1")
    assert (tmp_path / "calls").read_text().split() == ["inspect", "pull", "inspect"]
