"""The requirement files answer to pyproject.toml and name no index."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tools import lock, uv
from tools.cache import ROOT


@pytest.fixture
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def write_all(files: dict[str, list[str]], folder: Path) -> None:
    for name, lines in files.items():
        (folder / f"{name}.txt").write_text(lock.header(lines))


def test_the_committed_files_are_current(project: dict[str, Any]) -> None:
    assert lock.stale(lock.wanted(project)) == []


@pytest.mark.parametrize(
    ("place", "outdated"),
    [
        (("project", "dependencies"), {"operator", "dev"}),
        (("project", "optional-dependencies", "operator"), {"operator", "dev"}),
        (("dependency-groups", "dev"), {"dev"}),
        (("dependency-groups", "images"), {"runtime", "gpu", "dev"}),
        (("dependency-groups", "gpu"), {"gpu"}),
        (("build-system", "requires"), {"dev"}),
    ],
)
def test_a_new_dependency_is_noticed(
    place: tuple[str, ...], outdated: set[str], project: dict[str, Any], tmp_path: Path
) -> None:
    write_all(lock.wanted(project), tmp_path)
    entry: Any = project
    for name in place:
        entry = entry[name]
    entry.append("something-new>=1")
    assert outdated <= set(lock.stale(lock.wanted(project), tmp_path))


def test_the_order_of_dependencies_does_not_matter(project: dict[str, Any], tmp_path: Path) -> None:
    write_all(lock.wanted(project), tmp_path)
    project["dependency-groups"]["dev"].reverse()
    assert lock.stale(lock.wanted(project), tmp_path) == []


@pytest.mark.parametrize(
    "path", sorted(lock.REQUIREMENTS.glob("*.txt")), ids=lambda path: path.name
)
def test_every_line_is_pinned_hashed_and_without_an_address(path: Path) -> None:
    text = path.read_text()
    assert "://" not in text
    assert "--index" not in text
    requirements = re.sub(r"\\\n", "", text).splitlines()[1:]
    assert requirements
    for requirement in requirements:
        assert re.match(r"[a-z0-9.-]+==\S+ ", requirement), requirement
        assert "--hash=sha256:" in requirement


@pytest.mark.parametrize(("name", "held"), [("runtime", ""), ("gpu", "-gpu")])
def test_an_image_holds_one_onnxruntime(name: str, held: str) -> None:
    text = (lock.REQUIREMENTS / f"{name}.txt").read_text()
    assert re.findall(r"^onnxruntime(\S*)==", text, re.MULTILINE) == [held]


@pytest.mark.parametrize("library", ["cuda-runtime", "cudnn-cu13", "curand", "cublas"])
def test_the_image_for_gpus_holds_the_cuda_of_its_onnxruntime(library: str) -> None:
    text = (lock.REQUIREMENTS / "gpu.txt").read_text()
    major = {"cudnn-cu13": "9", "curand": "10"}.get(library, "13")
    assert re.search(rf"^nvidia-{library}=={major}\.", text, re.MULTILINE)


@pytest.mark.parametrize("name", lock.IMAGES)
def test_the_images_hold_what_every_voice_needs(name: str) -> None:
    text = (lock.REQUIREMENTS / f"{name}.txt").read_text()
    assert re.search(r"^nvidia-riva-client==", text, re.MULTILINE)


def test_the_programs_of_the_bootstrap_are_those_of_the_lock() -> None:
    assert lock.PROGRAMS["uv"] == f"uv=={uv.pinned_version()}"


@pytest.mark.parametrize(
    ("older", "newer"), [("0.9.30", "0.13.9"), ("", "0.0.1"), ("0.13.9", "1.0.0")]
)
def test_versions_of_uv_compare_as_numbers(older: str, newer: str) -> None:
    assert uv.as_numbers(older) < uv.as_numbers(newer)
